//! Student's t distribution.

use super::{normal, special};

/// The probability that a t number with `df` degrees of freedom is at most `t`.
pub fn cdf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * special::beta_share(df / 2.0, 0.5, df / (df + t * t));
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The number below which a t number with `df` degrees of freedom lies with probability `p` (0 < p
/// < 1).
///
/// Newton's method on the distribution function, kept inside a shrinking bracket.
pub fn quantile(p: f64, df: f64) -> f64 {
    if p < 0.5 {
        return -quantile(1.0 - p, df);
    }
    if df > 1e7 || p <= 0.5 {
        return normal::quantile(p);
    }
    let (mut low, mut high) = (0.0, 2.0);
    while cdf(high, df) < p && high < 1e300 {
        high *= 2.0;
    }
    let mut t = normal::quantile(p).min(high);
    for _ in 0..200 {
        let gap = cdf(t, df) - p;
        if gap > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let newton = t - gap / density(t, df);
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        if (next - t).abs() <= 1e-14 * t.abs().max(1e-300) {
            return next;
        }
        t = next;
    }
    t
}

fn density(t: f64, df: f64) -> f64 {
    let log = libm::lgamma(f64::midpoint(df, 1.0))
        - libm::lgamma(df / 2.0)
        - 0.5 * (df * std::f64::consts::PI).ln()
        - f64::midpoint(df, 1.0) * (t * t / df).ln_1p();
    log.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two-sided 95 % values from printed tables, and the closed forms for 1 and 2 degrees of
    /// freedom.
    #[test]
    fn table_values_come_out() {
        for (df, t) in [
            (1.0, 12.706_204_736_432_1),
            (2.0, 4.302_652_729_696_14),
            (4.0, 2.776_445_105_197_8),
            (10.0, 2.228_138_851_964_94),
            (30.0, 2.042_272_456_301_24),
            (1000.0, 1.962_339_080_812_79),
        ] {
            assert!((quantile(0.975, df) / t - 1.0).abs() < 1e-10, "{df}: {}", quantile(0.975, df));
            assert!((quantile(0.025, df) / t + 1.0).abs() < 1e-10);
        }
    }

    #[test]
    fn the_quantile_undoes_the_distribution() {
        for df in [1.0, 3.0, 7.5, 200.0, 1e6] {
            for p in [0.001, 0.2, 0.5, 0.9, 0.9999] {
                // The logarithm of the gamma function loses digits as the degrees of freedom grow.
                assert!((cdf(quantile(p, df), df) - p).abs() < 1e-11 * df.max(10.0), "{p} {df}");
            }
        }
    }
}
