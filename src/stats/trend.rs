//! Did a sequence drift, jump, or repeat itself? These are rank tests, so outliers decide nothing.
//!
//! They need about 20 values to detect a change of a tenth. Apply them to residuals, after the
//! effects of interest are removed.

use super::median::median_of;
use super::normal;

/// A drift: Mann-Kendall's test with Theil-Sen's slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The probability of an order this strong in a sequence without drift (two-sided).
    pub p: f64,
    /// The change per step: the median over all pairs.
    pub slope: f64,
}

/// Mann, Econometrica 13 (1945); Sen, JASA 63 (1968). Corrected for ties. The time grows with the
/// square of the length. `None` for fewer than four values.
pub fn drift(sequence: &[f64]) -> Option<Drift> {
    let n = sequence.len();
    if n < 4 {
        return None;
    }
    let mut score = 0.0;
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    for (i, a) in sequence.iter().enumerate() {
        for (j, b) in sequence.iter().enumerate().skip(i + 1) {
            score += f64::from(i8::from(b > a) - i8::from(b < a));
            slopes.push((b - a) / (j - i) as f64);
        }
    }
    let term = |k: f64| k * (k - 1.0) * (2.0 * k + 5.0);
    let tied: f64 = ties(sequence).map(term).sum();
    let variance = (term(n as f64) - tied) / 18.0;
    let z = if variance > 0.0 { (score.abs() - 1.0).max(0.0) / variance.sqrt() } else { 0.0 };
    Some(Drift { p: 2.0 * normal::cdf(-z), slope: median_of(&mut slopes)? })
}

/// A jump: Pettitt's test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jump {
    /// The probability of a split this large in a sequence without a jump. It is approximate, and
    /// conservative for short sequences.
    pub p: f64,
    /// The index of the first value after the most likely jump.
    pub at: usize,
    /// The median after the jump minus the median before it.
    pub size: f64,
}

/// Pettitt, Applied Statistics 28 (1979). `None` for fewer than four values.
pub fn jump(sequence: &[f64]) -> Option<Jump> {
    let n = sequence.len();
    if n < 4 {
        return None;
    }
    let ranks = ranks(sequence);
    let mut sum = 0.0;
    let (mut at, mut largest) = (1, 0.0_f64);
    for (t, rank) in ranks.iter().take(n - 1).enumerate() {
        sum += rank;
        let split = (2.0 * sum - (t + 1) as f64 * (n + 1) as f64).abs();
        if split > largest {
            (at, largest) = (t + 1, split);
        }
    }
    let n = n as f64;
    let p = (2.0 * (-6.0 * largest * largest / (n.powi(3) + n * n)).exp()).min(1.0);
    let (before, after) = sequence.split_at(at);
    let size = median_of(&mut after.to_vec())? - median_of(&mut before.to_vec())?;
    Some(Jump { p, at, size })
}

/// Whether neighbours resemble each other: the probability of so much resemblance in an independent
/// sequence.
///
/// Bartels' rank version of von Neumann's ratio (JASA 77, 1982), with his normal approximation.
/// `None` for fewer than ten values.
pub fn resemblance(sequence: &[f64]) -> Option<f64> {
    let n = sequence.len();
    if n < 10 {
        return None;
    }
    let ranks = ranks(sequence);
    let mean = (n + 1) as f64 / 2.0;
    let steps: f64 = ranks.windows(2).map(|pair| (pair[0] - pair[1]).powi(2)).sum();
    let spread: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    if spread <= 0.0 {
        return Some(1.0);
    }
    let n = n as f64;
    let variance = 4.0 * (n - 2.0) * (5.0 * n * n - 2.0 * n - 9.0)
        / (5.0 * n * (n + 1.0) * (n - 1.0) * (n - 1.0));
    Some(normal::cdf((steps / spread - 2.0) / variance.sqrt()))
}

/// Ranks from 1. Equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..]
            .iter()
            .take_while(|&&i| values[i].total_cmp(&values[order[start]]).is_eq())
            .count();
        for &i in &order[start..start + same.max(1)] {
            ranks[i] = start as f64 + (same.max(1) + 1) as f64 / 2.0;
        }
        start += same.max(1);
    }
    ranks
}

/// The sizes of the groups of equal values.
fn ties(values: &[f64]) -> impl Iterator<Item = f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let sizes: Vec<f64> =
        sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|group| group.len() as f64).collect();
    sizes.into_iter()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const RUNS: usize = 2000;

    /// Annual flow of the Nile at Aswan, 1871 to 1930: the textbook example of a jump, after 1898
    /// (Cobb, Biometrika 65, 1978).
    const NILE: [f64; 60] = [
        1120., 1160., 963., 1210., 1160., 1160., 813., 1230., 1370., 1140., 995., 935., 1110.,
        994., 1020., 960., 1180., 799., 958., 1140., 1100., 1210., 1150., 1250., 1260., 1220.,
        1030., 1100., 774., 840., 874., 694., 940., 833., 701., 916., 692., 1020., 1050., 969.,
        831., 726., 456., 824., 702., 1120., 1100., 832., 764., 821., 768., 845., 864., 862., 698.,
        845., 744., 796., 1040., 759.,
    ];

    #[test]
    fn the_nile_jumps_after_1898() {
        let jump = jump(&NILE).unwrap();
        assert_eq!(jump.at, 28); // The first 28 values are 1871 to 1898.
        assert!(jump.p < 1e-4 && jump.size < -200.0, "{jump:?}");
        assert!(drift(&NILE).unwrap().p < 1e-4);
        assert!(resemblance(&NILE).unwrap() < 0.01);
    }

    /// Calculated by hand: 1 2 3 4 5 has S = 10, variance 50/3, z = 9 / sqrt(50/3).
    #[test]
    fn a_straight_line_is_a_drift_of_its_slope() {
        let drift = drift(&[1.0, 3.0, 5.0, 7.0, 9.0]).unwrap();
        assert!((drift.slope - 2.0).abs() < 1e-12);
        let z: f64 = 9.0 / (50.0_f64 / 3.0).sqrt();
        assert!((drift.p - 2.0 * normal::cdf(-z)).abs() < 1e-12);
    }

    #[test]
    fn false_alarms_stay_at_their_level() {
        let mut rng = Rng::new(11);
        let mut alarms = [0; 3];
        for _ in 0..RUNS {
            let quiet: Vec<f64> = (0..40).map(|_| rng.normal()).collect();
            alarms[0] += usize::from(drift(&quiet).unwrap().p < 0.05);
            alarms[1] += usize::from(jump(&quiet).unwrap().p < 0.05);
            alarms[2] += usize::from(resemblance(&quiet).unwrap() < 0.05);
        }
        assert!(alarms.iter().all(|&n| n < RUNS * 65 / 1000), "{alarms:?}");
        assert!(alarms[0] > RUNS * 35 / 1000 && alarms[2] > RUNS * 35 / 1000, "{alarms:?}");
    }

    #[test]
    fn equal_values_are_no_change() {
        assert_eq!(drift(&[2.0; 12]).unwrap().p, 1.0);
        assert_eq!(jump(&[2.0; 12]).unwrap().p, 1.0);
        assert_eq!(resemblance(&[2.0; 12]), Some(1.0));
        assert_eq!(ranks(&[3.0, 1.0, 3.0]), [2.5, 1.0, 2.5]);
        assert!(drift(&[1.0, 2.0]).is_none());
    }
}
