//! Compares two groups of measurements, and combines several ratios.

use super::{normal, student};

/// A ratio with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The ratio itself.
    pub ratio: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A mean of logarithms with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogMean {
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom behind the error.
    pub df: f64,
}

/// The mean of the logarithms; `None` below two positive values.
pub fn log_mean(values: &[f64]) -> Option<LogMean> {
    let n = values.len() as f64;
    if values.len() < 2
        || values.iter().any(|value| value.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater))
    {
        return None;
    }
    let mean = values.iter().map(|value| value.ln()).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value.ln() - mean).powi(2)).sum();
    Some(LogMean { mean, error: (squares / (n - 1.0) / n).sqrt(), df: n - 1.0 })
}

/// The ratio `above` over `below`, by Welch's t on the logarithms (Welch, Biometrika 34, 1947).
///
/// The values must come from independent runs: rounds of one run say nothing about how runs differ.
pub fn welch(above: LogMean, below: LogMean) -> Ratio {
    let (va, vb) = (above.error.powi(2), below.error.powi(2));
    let variance = va + vb;
    let df = if variance > 0.0 {
        variance * variance / (va * va / above.df + vb * vb / below.df)
    } else {
        above.df + below.df
    };
    around(above.mean - below.mean, student::quantile(0.975, df) * variance.sqrt())
}

/// A ratio with its interval, from its logarithm and the half width of the interval.
pub fn around(log: f64, half: f64) -> Ratio {
    Ratio { ratio: log.exp(), low: (log - half).exp(), high: (log + half).exp() }
}

/// The geometric mean of ratios. Each is given as its logarithm and standard error. `None` if there
/// are no ratios.
///
/// The interval says how well these ratios are known. It says nothing about workloads that are not
/// in the list.
pub fn geometric_mean(ratios: &[(f64, f64)]) -> Option<Ratio> {
    if ratios.is_empty() {
        return None;
    }
    let m = ratios.len() as f64;
    let mean = ratios.iter().map(|ratio| ratio.0).sum::<f64>() / m;
    let error = ratios.iter().map(|ratio| ratio.1.powi(2)).sum::<f64>().sqrt() / m;
    Some(around(mean, normal::quantile(0.975) * error))
}

/// The smallest change that a comparison of `n` with `n` independent values detects in four of five
/// cases (two-sided 5 %), as a share.
///
/// `spread` is the standard deviation of the logarithms. Below 10 values, t replaces the normal
/// approximation.
pub fn detectable_change(spread: f64, n: usize) -> f64 {
    let df = 2.0 * (n.max(2) as f64 - 1.0);
    let both = student::quantile(0.975, df) + student::quantile(0.8, df);
    (both * spread * (2.0 / n.max(2) as f64).sqrt()).exp() - 1.0
}

/// Which of several p-values remain significant at `level` when all are tested together (Holm,
/// Scandinavian Journal of Statistics 6, 1979).
pub fn holm(p: &[f64], level: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut kept = vec![false; p.len()];
    for (rank, &i) in order.iter().enumerate() {
        if p[i] > level / (p.len() - rank) as f64 {
            break;
        }
        kept[i] = true;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const RUNS: usize = 3000;

    /// Calculated by hand: equal variances and sizes give the ordinary t with 2n - 2 degrees of
    /// freedom.
    #[test]
    fn welch_of_equal_groups_is_students_t() {
        let group = |shift: f64| {
            log_mean(&[(1.0 + shift).exp(), (2.0 + shift).exp(), (3.0 + shift).exp()]).unwrap()
        };
        let ratio = welch(group(0.5), group(0.0));
        let half = 2.776_445_105 * (2.0_f64 / 3.0).sqrt();
        assert!((ratio.ratio.ln() - 0.5).abs() < 1e-9);
        assert!((ratio.high.ln() - 0.5 - half).abs() < 1e-6, "{ratio:?}");
    }

    #[test]
    fn the_interval_of_the_index_covers() {
        let mut rng = Rng::new(2);
        let held = (0..RUNS)
            .filter(|_| {
                let ratios: Vec<(f64, f64)> = (0..8).map(|_| (0.01 * rng.normal(), 0.01)).collect();
                let index = geometric_mean(&ratios).unwrap();
                (index.low..=index.high).contains(&1.0)
            })
            .count();
        assert!((held as f64 / RUNS as f64 - 0.95).abs() < 0.012, "{held}");
    }

    /// From the published table of power: with a spread of 3 %, n = 5 detects 6.3 % and n = 20
    /// detects 2.8 %.
    #[test]
    fn the_detectable_change_is_that_of_the_power_table() {
        assert!((detectable_change(0.03, 5) - 0.063).abs() < 0.002);
        assert!((detectable_change(0.03, 20) - 0.028).abs() < 0.001);
    }

    #[test]
    fn holm_keeps_what_survives_company() {
        assert_eq!(holm(&[0.01, 0.04, 0.03], 0.05), [true, false, false]);
        assert_eq!(holm(&[0.01, 0.02, 0.03], 0.05), [true, true, true]);
        assert!(log_mean(&[1.0, 0.0]).is_none() && log_mean(&[1.0]).is_none());
    }
}
