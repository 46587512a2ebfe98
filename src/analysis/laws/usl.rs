//! The Universal Scalability Law as others publish it: plain least squares on the throughputs as
//! given.

use super::forms::{Form, Universal};
use crate::analysis::findings::{Usl, UslIntervals};
use crate::stats::least_squares::{Fit, Linearised, Model, Observed, fit, profile};
use crate::stats::{special, student};

/// A peak this many times beyond the largest count cannot be known from the data.
const FAR: f64 = 10.0;

/// Growing noise is ruled out if twice the difference of log-likelihoods against it exceeds this.
const BENEFIT_OF_DOUBT: f64 = 9.0;

/// X(N) = lambda N / (1 + sigma (N-1) + kappa N (N-1)), on throughputs scaled to a largest of 1.
struct Plain;

impl Model<3> for Plain {
    fn at(&self, n: f64, [sigma, kappa, lambda]: &[f64; 3]) -> (f64, [f64; 3]) {
        let wait = 1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0);
        let x = lambda * n / wait;
        (x, [-x * (n - 1.0) / wait, -x * n * (n - 1.0) / wait, n / wait])
    }
    fn bounds(&self) -> [(f64, f64); 3] {
        [(0.0, 1.0), (0.0, f64::INFINITY), (0.0, f64::INFINITY)]
    }
}

/// Fits the law to measurements `(workers, throughput)`. `None` with fewer than three different
/// counts, because these cannot determine three coefficients.
///
/// `adequate` is left true; other code judges whether the curve has this form.
pub(crate) fn fit_usl(measurements: &[(f64, f64)]) -> Option<Usl> {
    let scale = measurements.iter().map(|m| m.1).fold(0.0, f64::max);
    let data = means(measurements, scale);
    if data.len() < 3 || !scale.is_finite() || scale <= 0.0 {
        return None;
    }
    let best = fit(&Plain, &data, &starts(&data))?;
    let [sigma, kappa, lambda] = best.coefficients;
    let within = within(measurements, scale, &data);
    let noise = Proportional::of(measurements, &data, scale, best.squares + within);
    let intervals = intervals(&data, &best, measurements.len(), within, noise.as_ref());
    let top = data.last()?.x;
    let peak = peak(&best, top, intervals.kappa);
    let unscaled = |interval: Option<[f64; 2]>| interval.map(|ends| ends.map(|end| end * scale));
    Some(Usl {
        sigma,
        kappa,
        lambda: lambda * scale,
        peak_workers: peak,
        peak_throughput: peak.map(|n| Plain.at(n, &best.coefficients).0 * scale),
        r_squared: r_squared(measurements, scale, best.squares + within),
        intervals: UslIntervals { lambda: unscaled(intervals.lambda), ..intervals },
        adequate: true,
    })
}

/// One point per count. Least squares on means, weighted by their numbers, equals least squares on
/// all measurements.
fn means(measurements: &[(f64, f64)], scale: f64) -> Vec<Observed> {
    let mut sorted: Vec<(f64, f64)> = measurements.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    sorted
        .chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq())
        .map(|same| {
            let weight = same.len() as f64;
            let y = same.iter().map(|m| m.1 / scale).sum::<f64>() / weight;
            Observed { x: same[0].0, y, weight }
        })
        .collect()
}

/// The sum of squares within counts, which no law can explain.
fn within(measurements: &[(f64, f64)], scale: f64, means: &[Observed]) -> f64 {
    measurements
        .iter()
        .filter_map(|m| {
            let at = means.binary_search_by(|mean| mean.x.total_cmp(&m.0)).ok()?;
            Some((m.1 / scale - means[at].y).powi(2))
        })
        .sum()
}

fn starts(data: &[Observed]) -> Vec<[f64; 3]> {
    let steepest = data.iter().map(|o| o.y / o.x).fold(0.0, f64::max);
    let top = data.iter().map(|o| o.x).fold(1.0, f64::max);
    let shapes =
        [(0.01, 1e-4), (0.0, 0.0), (0.1, 1.0 / (top * top)), (0.5, 0.0), (1.0, 0.0), (0.9, 1.0)];
    let mut starts: Vec<[f64; 3]> =
        shapes.iter().map(|&(sigma, kappa)| [sigma, kappa, steepest]).collect();
    // For given sigma and kappa, the best lambda is a ratio of sums.
    starts.extend(shapes.iter().map(|&(sigma, kappa)| {
        let unit = |o: &Observed| Plain.at(o.x, &[sigma, kappa, 1.0]).0;
        let above: f64 = data.iter().map(|o| o.weight * o.y * unit(o)).sum();
        let below: f64 = data.iter().map(|o| o.weight * unit(o).powi(2)).sum();
        [sigma, kappa, above / below]
    }));
    starts
}

/// Profile intervals, on the throughputs scaled to 1.
///
/// The noise is estimated from all residuals. If the law misses the means of the counts by more
/// than repetitions explain, it is estimated from the means alone.
///
/// If the noise grows with the throughput, the interval is widened by what that means for plain
/// least squares.
fn intervals(
    data: &[Observed],
    best: &Fit<3>,
    measurements: usize,
    within: f64,
    noise: Option<&Proportional>,
) -> UslIntervals {
    let none = UslIntervals { sigma: None, kappa: None, lambda: None };
    let (n, points) = (measurements as f64, data.len() as f64);
    if n <= 3.0 {
        return none;
    }
    let (mut variance, mut df) = ((best.squares + within) / (n - 3.0), n - 3.0);
    if points > 3.0 && n > points {
        let between = best.squares / (points - 3.0);
        let f = between / (within / (n - points));
        if special::f_above(f, points - 3.0, n - points) < 0.05 && between > variance {
            (variance, df) = (between, points - 3.0);
        }
    }
    let t = student::quantile(0.975, df);
    let ends = |j: usize| {
        let step = first_step(data, best, j, variance.sqrt());
        let (low, high) = profile(&Plain, data, best, j, variance * t * t, step);
        let robust = noise.map(|noise| t * noise.errors[j]);
        let bounds = Plain.bounds()[j];
        let value = best.coefficients[j];
        let low = robust.map_or(low, |half| low.min((value - half).max(bounds.0)));
        let high = robust.map_or(high, |half| high.max((value + half).min(bounds.1)));
        (low.is_finite() && high.is_finite()).then_some([low, high])
    };
    UslIntervals { sigma: ends(0), kappa: ends(1), lambda: ends(2) }
}

/// The effect on plain least squares of noise that is a share of the throughput, as in most
/// benchmarks.
struct Proportional {
    /// Standard errors of the coefficients.
    errors: [f64; 3],
}

impl Proportional {
    /// `None` if noise of constant size explains the measurements clearly better. `squares` are the
    /// squared residuals of the plain fit.
    fn of(
        measurements: &[(f64, f64)],
        means: &[Observed],
        scale: f64,
        squares: f64,
    ) -> Option<Self> {
        let n = measurements.len() as f64;
        if n <= 3.0 || measurements.iter().any(|m| m.1 <= 0.0) {
            return None;
        }
        // In a fit to logarithms, the residuals are shares.
        let logs: Vec<Observed> = measurements
            .iter()
            .map(|m| Observed { x: m.0, y: (m.1 / scale).ln(), weight: 1.0 })
            .collect();
        let fitted = fit(&Universal, &logs, &Universal.starts(&logs))?;
        // Twice the difference of the log-likelihoods. Densities of logarithms need a factor 1/x
        // each.
        let jacobian: f64 = logs.iter().map(|o| o.y).sum();
        let constant = -n * squares.max(f64::MIN_POSITIVE).ln();
        let growing = -n * fitted.squares.max(f64::MIN_POSITIVE).ln() - 2.0 * jacobian;
        if growing + BENEFIT_OF_DOUBT <= constant {
            return None;
        }
        let variance = fitted.squares / (n - 3.0);
        let at = fitted.coefficients;
        let at = [at[1], at[2], at[0].exp()];
        let heights = means.iter().map(|o| Plain.at(o.x, &at).0.powi(2) * variance);
        let heights: Vec<f64> = heights.collect();
        let covariance = Linearised::new(&Plain, means, &at).sandwich(&heights)?;
        let errors: [f64; 3] = std::array::from_fn(|j| covariance[j][j].sqrt());
        errors.iter().all(|error| error.is_finite()).then_some(Self { errors })
    }
}

/// The first step along a coefficient: about one standard error.
fn first_step(data: &[Observed], best: &Fit<3>, j: usize, sd: f64) -> f64 {
    let system = Linearised::new(&Plain, data, &best.coefficients);
    let error = |free: &[bool; 3]| system.covariance(free).map(|c| c[j][j].sqrt() * sd);
    let mut alone = [false; 3];
    alone[j] = true;
    let top = data.iter().map(|o| o.x).fold(1.0, f64::max);
    let smallest = [1e-9, 1e-9 / (top * top), 1e-9 * best.coefficients[2]][j];
    error(&[true; 3]).or_else(|| error(&alone)).unwrap_or(0.0).max(smallest)
}

/// The count at which the law peaks, if these data can tell.
///
/// If kappa may be 0, or has no interval, a peak beyond the data would be chance. Then only a peak
/// within the data counts.
fn peak(best: &Fit<3>, top: f64, kappa_interval: Option<[f64; 2]>) -> Option<f64> {
    let [sigma, kappa, _] = best.coefficients;
    let at = ((1.0 - sigma) / kappa).sqrt();
    let doubtful = kappa_interval.is_none_or(|ends| ends[0] <= 0.0);
    let limit = if doubtful { top } else { FAR * top };
    (kappa > 0.0 && at <= limit).then_some(at.max(1.0))
}

fn r_squared(measurements: &[(f64, f64)], scale: f64, squares: f64) -> f64 {
    let n = measurements.len() as f64;
    let mean = measurements.iter().map(|m| m.1 / scale).sum::<f64>() / n;
    let total: f64 = measurements.iter().map(|m| (m.1 / scale - mean).powi(2)).sum();
    if total > 1e-24 * n { 1.0 - squares / total } else { 1.0 }
}

#[cfg(test)]
#[path = "usl_tests.rs"]
mod tests;
