//! The throughput of a side from its runs, and the ratio of two sides.

use super::super::comparison::{Against, Difference};
use super::super::findings::{Estimate, Point};
use crate::stats::compare::{LogMean, around, log_mean};
use crate::stats::{normal, student};

/// The assumed difference between runs of one machine if only one was made: a standard deviation of
/// 2 %.
///
/// Pairs of virtual machines of one type differed by 1.8 to 2.4 % (Laaber, Scheuner and Leitner,
/// "Software microbenchmarking in the cloud", Empirical Software Engineering 24, 2019).
pub const RUN_TO_RUN: f64 = 0.02;

/// Half the width of a 95 % interval, in standard errors of a normal distribution.
const HALF: f64 = 1.959_963_985;

/// The figure of one run: the logarithm of its throughput, and its error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) log: f64,
    /// Standard error from the rounds of the run; `None` if there is only one round.
    pub(super) within: Option<f64>,
}

impl Value {
    /// The value of a cell; `None` if its throughput is not positive.
    pub(super) fn of(point: &Point) -> Option<Self> {
        let Estimate { median, low, high } = point.throughput;
        let log = median.ln();
        let within = (high / low).ln() / (2.0 * HALF);
        let within =
            Some(within).filter(|error| point.samples > 1 && error.is_finite() && *error >= 0.0);
        log.is_finite().then_some(Self { log, within })
    }
}

/// The mean of a side's logarithms, with its error. The error comes from the spread of the side's
/// runs, or is assumed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    mean: f64,
    error: f64,
    /// Degrees of freedom; infinite if the error is assumed.
    df: f64,
}

impl Known {
    /// Takes one value per run. With several runs only their spread counts, which already includes
    /// the variation within runs. With one run, its own error and the assumed spread of runs add
    /// up; `None` if it has no error of its own.
    pub(super) fn from(values: &[Value], run_to_run: f64) -> Option<Self> {
        if let [only] = values {
            let error = only.within?.hypot(run_to_run);
            return Some(Self { mean: only.log, error, df: f64::INFINITY });
        }
        let plain: Vec<f64> = values.iter().map(|value| value.log.exp()).collect();
        let LogMean { mean, error, df } = log_mean(&plain)?;
        Some(Self { mean, error, df })
    }

    /// As a throughput.
    pub(super) fn estimate(&self) -> Estimate {
        let ratio = around(self.mean, quantile(0.975, self.df) * self.error);
        Estimate { median: ratio.ratio, low: ratio.low, high: ratio.high }
    }
}

/// The difference of two sides' logarithms, with its error by Welch's method.
struct Gap {
    log: f64,
    error: f64,
    df: f64,
}

impl Gap {
    fn between(above: &Known, below: &Known) -> Self {
        let parts = [(above.error.powi(2), above.df), (below.error.powi(2), below.df)];
        let error = above.error.hypot(below.error);
        Self { log: above.mean - below.mean, error, df: welch_df(parts) }
    }

    /// The ratio, with the ends beyond which it lies with probability `1 - p` each. `None` if it is
    /// not a finite number.
    fn ratio(&self, p: f64) -> Option<Estimate> {
        let ratio = around(self.log, quantile(p, self.df) * self.error);
        let ends = [ratio.ratio, ratio.low, ratio.high];
        let finite = ends.into_iter().all(|end| end.is_finite() && end > 0.0);
        finite.then_some(Estimate { median: ratio.ratio, low: ratio.low, high: ratio.high })
    }

    /// The probability of a gap this large if there were no true gap.
    fn p(&self) -> f64 {
        if self.error > 0.0 {
            (2.0 * (1.0 - cdf((self.log / self.error).abs(), self.df))).clamp(0.0, 1.0)
        } else {
            f64::from(u8::from(self.log == 0.0))
        }
    }

    /// The probability of a gap this low if the true gap were `log`.
    fn p_below(&self, log: f64) -> f64 {
        let distance = self.log - log;
        if self.error > 0.0 {
            cdf(distance / self.error, self.df).clamp(0.0, 1.0)
        } else {
            f64::from(u8::from(distance >= 0.0))
        }
    }
}

/// Identical runs do not differ.
const EQUAL: Estimate = Estimate { median: 1.0, low: 1.0, high: 1.0 };

/// One side relative to another, with a 95 % interval.
pub(super) fn against(above: &Known, below: &Known, identical: bool) -> Option<Against> {
    if identical {
        let difference = Difference::NotShown;
        return Some(Against { ratio: EQUAL, difference, p: 1.0, detectable: 0.0 });
    }
    let gap = Gap::between(above, below);
    let reach = (quantile(0.975, gap.df) + quantile(0.8, gap.df)) * gap.error;
    let detectable = Some(reach.exp_m1()).filter(|share| share.is_finite())?;
    Some(Against {
        ratio: gap.ratio(0.975)?,
        difference: Difference::NotShown,
        p: gap.p(),
        detectable,
    })
}

/// One side relative to another, with a lower and an upper bound that each hold with 95 %
/// confidence; and the probability of a ratio this small if the true ratio were `limit`.
pub(super) fn held_against(
    above: &Known,
    below: &Known,
    identical: bool,
    limit: f64,
) -> Option<(Estimate, f64)> {
    if identical {
        return Some((EQUAL, 1.0));
    }
    let gap = Gap::between(above, below);
    Some((gap.ratio(0.95)?, gap.p_below(limit.ln())))
}

/// Welch's degrees of freedom for a sum of independent errors. Assumed errors count as exactly
/// known.
pub(super) fn welch_df(parts: [(f64, f64); 2]) -> f64 {
    let total: f64 = parts.iter().map(|(variance, _)| variance).sum();
    let uncertain: f64 = parts.iter().map(|(variance, df)| variance * variance / df).sum();
    if uncertain > 0.0 { total * total / uncertain } else { f64::INFINITY }
}

/// The quantile of Student's t, or of the normal distribution if the error is exactly known.
pub(super) fn quantile(p: f64, df: f64) -> f64 {
    if df.is_finite() { student::quantile(p, df) } else { normal::quantile(p) }
}

fn cdf(t: f64, df: f64) -> f64 {
    if df.is_finite() { student::cdf(t, df) } else { normal::cdf(t) }
}
