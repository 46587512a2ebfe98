//! How long a batch of tasks takes: the answer to `--batch`.

use super::findings::{Curve, Estimate, Point, Remark};
use super::observation::Spread;
use super::observation::interval;
use super::round::Rounded;
use crate::stats::median::median;
use crate::units::{Quantity, plural, workers};

/// The median of makespans with its interval; `None` if there are none.
pub(super) fn makespan(seconds: &[f64]) -> Option<Estimate> {
    let logs: Vec<f64> = seconds.iter().map(|seconds| seconds.ln()).collect();
    let centre = median(&logs)?;
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let df = logs.len() as f64 - 1.0;
    let squares = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
    let spread = Spread { sd: if df > 0.0 { (squares / df).sqrt() } else { 0.0 }, df };
    let (low, high) = interval(&logs, spread).unwrap_or((centre, centre));
    Some(Estimate { median: centre.exp(), low: low.exp(), high: high.exp() }.rounded())
}

/// One sentence: how long the batch takes serially, and at the fastest count of each curve.
pub(super) fn remark(tasks: u64, serial: Option<&Point>, curves: &[Curve]) -> Option<Remark> {
    let told = |point: &Point| {
        let Estimate { median, low, high } = point.makespan?;
        Some(Quantity::Duration.interval(median, low, high))
    };
    let alone = serial.and_then(|point| Some(format!("{} serially", told(point)?)));
    let best = |curve: &Curve| {
        let known = curve.points.iter().filter(|point| point.makespan.is_some());
        let length = |point: &&Point| point.makespan.map_or(f64::INFINITY, |span| span.median);
        let best = known.min_by(|a, b| length(a).total_cmp(&length(b)))?;
        Some(format!("{} with {} ({})", told(best)?, workers(best.workers), curve.name))
    };
    let parts: Vec<String> = alone.into_iter().chain(curves.iter().filter_map(best)).collect();
    (!parts.is_empty()).then(|| Remark {
        warning: false,
        text: format!("{} take {}", plural(tasks, "task", "tasks"), parts.join(", ")),
        remedy: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_makespan_is_the_median_within_its_interval() {
        let span = makespan(&[2.0, 2.1, 1.9, 2.05, 1.95, 2.0]).expect("there are values");
        assert!((span.median - 2.0).abs() < 1e-9);
        assert!(span.low >= 1.89 && span.low < 2.0 && span.high > 2.0 && span.high <= 2.11);
        assert_eq!(makespan(&[]), None);
        assert_eq!(makespan(&[3.0]).map(|span| (span.low, span.high)), Some((3.0, 3.0)));
    }
}
