//! Quantiles, the median with its interval, and the scale by the median absolute deviation.

use super::{special, student};

/// Factor that turns the median absolute deviation of a normal sample into its standard deviation.
pub const MAD_TO_SD: f64 = 1.482_602_218_505_602;

/// Ratio of the spread of the median of `n` normal values to the spread of their mean. It is
/// sqrt(pi / 2) for many values and smaller for few (Hojo, Biometrika 23, 1931).
fn median_to_mean(n: usize) -> f64 {
    match n {
        0..=2 => 1.0, // The median of two is their mean.
        3 => 1.160,
        4 => 1.092,
        _ => 1.253,
    }
}

/// The `p`-quantile of an ascending, non-empty sample, interpolated linearly (type 7 of Hyndman and
/// Fan, the default of R and numpy).
pub fn quantile(ascending: &[f64], p: f64) -> f64 {
    let at = p.clamp(0.0, 1.0) * (ascending.len() - 1) as f64;
    let below = ascending[at.floor() as usize];
    let above = ascending[at.ceil() as usize];
    below + (above - below) * at.fract()
}

/// The median; `None` for an empty sample.
pub fn median(values: &[f64]) -> Option<f64> {
    median_of(&mut values.to_vec())
}

/// The median of a sample that may be reordered; `None` for an empty one.
pub fn median_of(values: &mut [f64]) -> Option<f64> {
    let (half, even) = (values.len() / 2, values.len().is_multiple_of(2));
    if values.is_empty() {
        return None;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        return Some(f64::midpoint(lower, upper));
    }
    Some(upper)
}

/// The standard deviation, estimated from the median absolute deviation; 0 for fewer than two
/// values.
pub fn mad_scale(values: &[f64], centre: f64) -> f64 {
    let mut away: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    median_of(&mut away).unwrap_or(0.0) * MAD_TO_SD
}

/// The values in ascending order.
pub fn ascending(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The 95 % interval of the median of an ascending sample. `None` for fewer than five values,
/// because a smaller sample alone cannot give an interval.
///
/// Interpolates between order statistics, after Hettmansperger and Sheather (Statistics and
/// Probability Letters 4, 1986). Without assumptions on the distribution, the widest interval is
/// [smallest, largest]. With five values it covers only 93.75 %, so it is widened by a twentieth of
/// the range on either side.
pub fn interval(ascending: &[f64]) -> Option<(f64, f64)> {
    const LEVEL: f64 = 0.95;
    let n = ascending.len();
    if n < 5 {
        return None;
    }
    if n == 5 {
        let wider = 0.05 * (ascending[4] - ascending[0]);
        return Some((ascending[0] - wider, ascending[4] + wider));
    }
    // coverage(k) of [y_(k), y_(n+1-k)] is 1 - 2 P(Binomial(n, 1/2) < k).
    let coverage = |k: usize| 1.0 - 2.0 * special::beta_share((n - k + 1) as f64, k as f64, 0.5);
    let k = (1..=n / 2).take_while(|&k| coverage(k) >= LEVEL).last()?;
    let (outer, inner) = (coverage(k), if 2 * k < n { coverage(k + 1) } else { 0.0 });
    let part = (outer - LEVEL) / (outer - inner);
    let (n_, k_) = (n as f64, k as f64);
    let weight = (n_ - k_) * part / (k_ + (n_ - 2.0 * k_) * part);
    let blend = |outer: f64, inner: f64| (1.0 - weight) * outer + weight * inner;
    Some((blend(ascending[k - 1], ascending[k]), blend(ascending[n - k], ascending[n - k - 1])))
}

/// Half the width of a 95 % interval of the median of `n` values. Their standard deviation `sd` is
/// known from elsewhere, with `df` degrees of freedom.
pub fn half_width_from(sd: f64, df: f64, n: usize) -> f64 {
    student::quantile(0.975, df) * median_to_mean(n) * sd / (n as f64).sqrt()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const RUNS: usize = 4000;

    type Noise = fn(&mut Rng) -> f64;

    #[test]
    fn quantiles_are_those_of_numpy() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&sorted, 0.0), 1.0);
        assert_eq!(quantile(&sorted, 0.5), 3.0);
        assert!((quantile(&sorted, 0.9) - 6.8).abs() < 1e-12);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }

    /// The worked example of the paper's formula at n = 10: k = 2 (97.85 %), k = 3 (89.06 %).
    #[test]
    fn the_interval_interpolates_between_order_statistics() {
        let sample: Vec<f64> = (1..=10).map(f64::from).collect();
        let (low, high) = interval(&sample).unwrap();
        let part = (0.978_515_625 - 0.95) / (0.978_515_625 - 0.890_625);
        let weight = 8.0 * part / (2.0 + 6.0 * part);
        assert!((low - (2.0 + weight)).abs() < 1e-12 && (high - (9.0 - weight)).abs() < 1e-12);
        assert_eq!(interval(&sample[..4]), None);
    }

    /// Checks the confidence of the interval on noise like that of machines: log-normal, with
    /// one-sided outliers, and with two modes.
    #[test]
    fn the_interval_covers_the_median_of_noisy_samples() {
        let noises: [(&str, Noise); 3] = [
            ("log-normal", |rng| 0.03 * rng.normal()),
            ("outliers", |rng| 0.03 * rng.normal() - if rng.unit() < 0.15 { 0.4 } else { 0.0 }),
            ("two modes", |rng| 0.01 * rng.normal() - if rng.unit() < 0.2 { 0.28 } else { 0.0 }),
        ];
        for (name, noise) in noises {
            let mut rng = Rng::labelled(7, name);
            let many: Vec<f64> = (0..400_000).map(|_| noise(&mut rng)).collect();
            let truth = median(&many).unwrap();
            for n in [5, 6, 7, 10, 20] {
                let covered = (0..RUNS)
                    .filter(|_| {
                        let sample: Vec<f64> = (0..n).map(|_| noise(&mut rng)).collect();
                        let (low, high) = interval(&ascending(&sample)).unwrap();
                        (low..=high).contains(&truth)
                    })
                    .count();
                let share = covered as f64 / RUNS as f64;
                assert!(share >= 0.93, "{name}, n = {n}: {share}");
                assert!(share <= 0.975, "{name}, n = {n}: needlessly wide at {share}");
            }
        }
    }
}
