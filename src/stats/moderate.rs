//! Variances of small groups. Each group borrows from the others as far as they agree.
//!
//! Three measurements say little about their own spread. If all groups are alike, their common
//! spread is a better estimate; if they differ, it is no estimate at all. So each group's variance
//! is drawn towards the common one, and more strongly the less the groups differ beyond chance.
//! This is an empirical Bayes estimate.
//!
//! Source: Smyth, Statistical Applications in Genetics and Molecular Biology 3 (2004), sections 4
//! and 6.

/// The variance of one group, with its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variance {
    /// The variance.
    pub value: f64,
    /// Degrees of freedom behind it.
    pub df: f64,
}

/// A variance below this share of the mean variance comes from equal values. Its logarithm would
/// count too much.
const NOTHING: f64 = 1e-9;

/// The moderated variances. A group without degrees of freedom gets the common variance.
pub fn moderate(variances: &[Variance]) -> Vec<Variance> {
    let known: Vec<Variance> = variances.iter().copied().filter(|own| own.df > 0.0).collect();
    let all: f64 = known.iter().map(|own| own.df).sum();
    let pooled = known.iter().map(|own| own.df * own.value).sum::<f64>() / all;
    if known.len() < 2 || pooled.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
        return variances.to_vec();
    }
    let Some(common) = prior(&known, NOTHING * pooled) else {
        return vec![Variance { value: pooled, df: all }; variances.len()];
    };
    let drawn = |own: &Variance| {
        let df = common.df + own.df;
        let value = (common.df * common.value + own.df * own.value) / df;
        Variance { value, df: df.min(all) }
    };
    variances.iter().map(drawn).collect()
}

/// The common variance. Its degrees of freedom say how well the groups agree. `None` if they differ
/// by no more than chance.
fn prior(known: &[Variance], least: f64) -> Option<Variance> {
    let groups = known.len() as f64;
    // The logarithm of a chi-squared variance has a known mean and variance.
    let log = |own: &Variance| {
        let half = own.df / 2.0;
        own.value.max(least).ln() - digamma(half) + half.ln()
    };
    let logs: Vec<f64> = known.iter().map(log).collect();
    let mean = logs.iter().sum::<f64>() / groups;
    let spread = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (groups - 1.0);
    let by_chance = known.iter().map(|own| trigamma(own.df / 2.0)).sum::<f64>() / groups;
    let beyond = spread - by_chance;
    (beyond > 1e-6).then(|| {
        let half = trigamma_inverse(beyond);
        Variance { value: (mean + digamma(half) - half.ln()).exp(), df: 2.0 * half }
    })
}

/// The derivative of the logarithm of the gamma function, above 0.
fn digamma(x: f64) -> f64 {
    let (x, below) = raised(x, |x| -x.recip());
    let square = x.powi(-2);
    below + x.ln() - 0.5 / x - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0))
}

/// The derivative of [`digamma`].
fn trigamma(x: f64) -> f64 {
    let (x, below) = raised(x, |x| x.powi(-2));
    let square = x.powi(-2);
    let series = square * (1.0 / 6.0 - square * (1.0 / 30.0 - square / 42.0));
    below + (1.0 + 0.5 / x + series) / x
}

/// Raises an argument by ones until the series converge. Returns it with the sum of what each step
/// adds.
fn raised(mut x: f64, step: impl Fn(f64) -> f64) -> (f64, f64) {
    let mut sum = 0.0;
    while x < 8.0 {
        sum += step(x);
        x += 1.0;
    }
    (x, sum)
}

/// The argument at which the trigamma function, which falls from infinity to 0, has the value `y`.
fn trigamma_inverse(y: f64) -> f64 {
    // Bisection on the logarithm: trigamma lies between 1/x and 1/x + 1/x^2.
    let (mut low, mut high) = (0.5 / y, 1.0 / y + y.powf(-0.5) + 1.0);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if trigamma(middle) > y { low = middle } else { high = middle }
    }
    (low * high).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Abramowitz and Stegun (1964), 6.3.2, 6.3.3, 6.4.2, 6.4.4.
    #[test]
    fn the_functions_have_their_known_values() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        let square = std::f64::consts::PI.powi(2);
        assert!((digamma(1.0) + EULER).abs() < 1e-9);
        assert!((digamma(0.5) + EULER + 4.0_f64.ln()).abs() < 1e-9);
        assert!((trigamma(1.0) - square / 6.0).abs() < 1e-8);
        assert!((trigamma(0.5) - square / 2.0).abs() < 1e-8);
        for y in [1e-5, 0.02, 1.0, 40.0] {
            assert!((trigamma(trigamma_inverse(y)) / y - 1.0).abs() < 1e-9, "{y}");
        }
    }

    fn drawn(sd: f64, n: usize, rng: &mut Rng) -> Variance {
        let values: Vec<f64> = (0..n).map(|_| sd * rng.normal()).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let df = n as f64 - 1.0;
        Variance { value: values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / df, df }
    }

    #[test]
    fn groups_that_agree_share_and_groups_that_differ_do_not() {
        let mut rng = Rng::new(8);
        let alike: Vec<Variance> = (0..200).map(|_| drawn(2.0, 6, &mut rng)).collect();
        for one in moderate(&alike) {
            assert!((0.5..2.0).contains(&(one.value / 4.0)) && one.df > 15.0, "{one:?}");
        }
        let sds = [0.1, 10.0].repeat(20);
        let apart: Vec<Variance> = sds.iter().map(|&sd| drawn(sd, 4, &mut rng)).collect();
        for (one, own) in moderate(&apart).iter().zip(&apart) {
            assert!(one.df < 4.0 && (one.value / own.value).ln().abs() < 2.0, "{one:?} {own:?}");
        }
    }

    #[test]
    fn nothing_to_borrow_and_nothing_to_spread_are_no_trouble() {
        let one = [Variance { value: 2.0, df: 3.0 }];
        assert_eq!(moderate(&one), one);
        assert!(moderate(&[]).is_empty());
        let equal = [Variance { value: 0.0, df: 2.0 }; 3];
        assert_eq!(moderate(&equal), equal);
        let single = [Variance { value: 0.0, df: 0.0 }, one[0], one[0]];
        let moderated = moderate(&single);
        assert!((moderated[0].value - 2.0).abs() < 1e-9 && moderated[0].df > 5.9, "{moderated:?}");
        let mixed = moderate(&[Variance { value: 0.0, df: 2.0 }, one[0], one[0]]);
        assert!(mixed.iter().all(|one| one.value.is_finite() && one.df > 0.0), "{mixed:?}");
    }
}
