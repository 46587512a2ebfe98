//! Multiple comparisons with the best: which of several levels may be the highest?
//!
//! Sources: Dunnett, JASA 50 (1955); Hsu, Multiple Comparisons (1996), ch. 4.

use super::knee::Known;
use super::{normal, student};

/// Dunnett's one-sided quantile d. With probability `level`, none of `others` levels exceeds its
/// true value by more than d standard errors of a difference.
///
/// It holds for equal numbers of samples (correlation 1/2) and `df` degrees of freedom. Computed by
/// integration over the control and the scale; the error is about 1e-4.
pub fn quantile(level: f64, others: usize, df: f64) -> f64 {
    if others == 0 {
        return 0.0;
    }
    let integral = Integral::new(others as i32, df);
    // The lower bracket is the quantile of one comparison, which is never too large. The upper one
    // is Bonferroni's bound, which is never too small.
    let mut low = student::quantile(level, df);
    let mut high = student::quantile(1.0 - (1.0 - level) / others as f64, df);
    let mut gap_low = integral.probability(low) - level;
    let mut gap_high = integral.probability(high) - level;
    // Regula falsi with the Illinois rule. The function is smooth and the bracket narrow, so a few
    // steps suffice.
    for _ in 0..30 {
        if high - low < 1e-7 * high || gap_low >= 0.0 || gap_high <= 0.0 {
            break;
        }
        let at = (low * gap_high - high * gap_low) / (gap_high - gap_low);
        let gap = integral.probability(at) - level;
        if gap.abs() < 1e-6 {
            return at;
        }
        if gap < 0.0 {
            (low, gap_low) = (at, gap);
            gap_high *= 0.5;
        } else {
            (high, gap_high) = (at, gap);
            gap_low *= 0.5;
        }
    }
    if gap_low >= 0.0 { low } else { high }
}

/// P(max of `others` <= d), as a sum over nodes of the scale and of the control.
struct Integral {
    others: i32,
    /// Values of the scale (the estimated standard deviation over the true one), with their
    /// weights.
    scales: Vec<(f64, f64)>,
    /// Values of the control's own deviation, with their weights.
    controls: Vec<(f64, f64)>,
}

impl Integral {
    fn new(others: i32, df: f64) -> Self {
        let step = 0.35;
        let controls = (-18..=18)
            .map(|i| f64::from(i) * step)
            .map(|z| (z, normal::density(z) * step))
            .collect();
        Self { others, scales: scale_nodes(df), controls }
    }

    fn probability(&self, d: f64) -> f64 {
        let given = |scale: f64| -> f64 {
            let reach = std::f64::consts::SQRT_2 * d * scale;
            self.controls.iter().map(|&(z, w)| w * normal::cdf(z + reach).powi(self.others)).sum()
        };
        self.scales.iter().map(|&(scale, weight)| weight * given(scale)).sum()
    }
}

/// Nodes for the distribution of sqrt(chi-squared / df). They are even on the logarithm of the
/// scale, where the trapezoid rule converges fast.
fn scale_nodes(df: f64) -> Vec<(f64, f64)> {
    const NODES: i32 = 40;
    if df > 1e6 {
        return vec![(1.0, 1.0)];
    }
    let left = -(8.0 / (2.0 * df).sqrt()).max(20.0 / df);
    let right = (8.0 / (2.0 * df).sqrt()).ln_1p();
    let step = (right - left) / f64::from(NODES);
    let log_density = |u: f64| df * u - 0.5 * df * (2.0 * u).exp();
    let peak = log_density(0.0);
    let mut nodes: Vec<(f64, f64)> = (0..=NODES)
        .map(|i| left + f64::from(i) * step)
        .map(|u| (u.exp(), (log_density(u) - peak).exp()))
        .collect();
    let total: f64 = nodes.iter().map(|node| node.1).sum();
    for node in &mut nodes {
        node.1 /= total;
    }
    nodes
}

/// The result of the comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The index of the highest level.
    pub best: usize,
    /// The indices that cannot be told apart from the best, ascending.
    pub set: Vec<usize>,
    /// No other level lies more than this above the highest one, with 95 % confidence. In the unit
    /// of the levels, at least 0.
    pub excess: f64,
    /// The quantile that was used.
    pub quantile: f64,
}

/// Compares levels whose errors have `df` degrees of freedom. `None` without levels.
pub fn best(levels: &[Known], df: f64) -> Option<Best> {
    let is_known = |i: &usize| levels[*i].log.is_finite();
    let best = (0..levels.len()).filter(is_known).max_by(|&a, &b| {
        levels[a].log.total_cmp(&levels[b].log).then(b.cmp(&a)) // Of equal levels the first.
    })?;
    let candidates = (0..levels.len()).filter(is_known).count();
    let d = quantile(0.95, candidates - 1, df.max(1.0));
    // How far level j lies above level i, widened or narrowed by its error.
    let lead = |i: usize, j: usize, side: f64| {
        let (own, other) = (levels[i], levels[j]);
        other.log - own.log + side * d * own.error.hypot(other.error)
    };
    let others = |i: usize| (0..levels.len()).filter(move |&j| j != i && levels[j].log.is_finite());
    let may_be_best = |i: &usize| others(*i).all(|j| lead(*i, j, -1.0) < 0.0);
    let set = (0..levels.len()).filter(is_known).filter(may_be_best).collect();
    let excess = others(best).map(|j| lead(best, j, 1.0)).fold(0.0, f64::max);
    Some(Best { best, set: with(set, best), excess, quantile: d })
}

/// The best always belongs to its own set, even if equal levels without noise leave no room.
fn with(mut set: Vec<usize>, best: usize) -> Vec<usize> {
    if let Err(at) = set.binary_search(&best) {
        set.insert(at, best);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const RUNS: usize = 20_000;

    /// Table 1a of Dunnett (1955), one-sided 5 %.
    #[test]
    fn the_published_table_comes_out() {
        for (others, df, d) in [
            (1, 5.0, 2.02),
            (2, 5.0, 2.44),
            (9, 5.0, 3.30),
            (1, 10.0, 1.81),
            (3, 10.0, 2.34),
            (9, 10.0, 2.81),
            (4, 20.0, 2.30),
            (9, 20.0, 2.60),
            (2, 1e9, 1.92),
            (9, 1e9, 2.42),
        ] {
            let got = quantile(0.95, others, df);
            assert!((got - d).abs() < 0.006, "{others} others, df {df}: {got} is not {d}");
        }
    }

    #[test]
    fn the_quantile_holds_in_simulation() {
        for (others, df) in [(3, 4), (12, 30), (60, 8)] {
            let mut rng = Rng::new(5);
            let d = quantile(0.95, others, f64::from(df));
            let held = (0..RUNS)
                .filter(|_| {
                    let control = rng.normal();
                    let top = (0..others).map(|_| rng.normal() - control).fold(f64::MIN, f64::max);
                    let chi: f64 = (0..df).map(|_| rng.normal().powi(2)).sum();
                    top / 2.0_f64.sqrt() <= d * (chi / f64::from(df)).sqrt()
                })
                .count();
            let share = held as f64 / RUNS as f64;
            assert!((share - 0.95).abs() < 0.006, "{others}, {df}: {share}");
        }
    }

    #[test]
    fn the_set_holds_what_cannot_be_told_apart() {
        let known = |log: f64, error: f64| Known { log, error };
        let error = 0.05 / 10_f64.sqrt();
        let out = best(&[1.0, 1.5, 1.49, 0.2].map(|log| known(log, error)), 27.0).unwrap();
        assert_eq!((out.best, out.set.as_slice()), (1, [1, 2].as_slice()));
        assert!(out.excess > 0.03 && out.excess < 0.06, "{}", out.excess);
        assert_eq!(best(&[known(1.0, 0.0); 2], 4.0).unwrap().set, [0]);
        assert_eq!(best(&[known(f64::NAN, 0.1), known(2.0, 0.1)], 0.0).unwrap().set, [1]);
        assert!(best(&[], 3.0).is_none());
    }
}
