//! The laws of `knee fit` in figures: the coefficients that others publish too.

use crate::analysis::findings::{Findings, Usl, UslIntervals};
use crate::plot::label::shortened;
use crate::report::terminal::Style;
use crate::units::{Quantity, coefficient, workers};

/// A longer name is cut to this many columns where only the figures matter.
pub(super) const LONGEST_NAME: usize = 40;

/// The coefficients that other fits of the law publish too.
pub(super) fn laws(findings: &Findings, style: &Style) -> String {
    let mut text = String::new();
    for workload in &findings.workloads {
        let rate = Quantity::rate(&workload.unit_many);
        for curve in &workload.curves {
            let Some(usl) = &curve.usl else { continue };
            let name = shortened(&curve.name, LONGEST_NAME);
            let figures = format!("{name}: {}", coefficients(usl, &rate));
            for (margin, paragraph) in [("  ", Some(figures)), ("    ", intervals(usl))] {
                let columns = style.columns().saturating_sub(4).max(20);
                let lines = paragraph.map_or_else(Vec::new, |text| style.wrap(&text, columns));
                for (at, line) in lines.iter().enumerate() {
                    let margin = if at == 0 { margin } else { "    " };
                    text.extend([margin, line, "\n"]);
                }
            }
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\nX(N) = lambda N / (1 + sigma (N-1) + kappa N (N-1))\n{text}")
}

fn coefficients(usl: &Usl, rate: &Quantity) -> String {
    let peak = match (usl.peak_workers, usl.peak_throughput) {
        (Some(count), Some(throughput)) => {
            format!("peak {} at {}", rate.text(throughput), workers(count))
        }
        _ => "no peak".to_owned(),
    };
    let [lambda, sigma, kappa] = [usl.lambda, usl.sigma, usl.kappa].map(coefficient);
    let doubt = if usl.adequate { "" } else { "; the curve is not of this form" };
    format!("lambda {lambda}, sigma {sigma}, kappa {kappa}; {peak}{doubt}")
}

/// The intervals of the coefficients, where known.
fn intervals(usl: &Usl) -> Option<String> {
    let UslIntervals { sigma, kappa, lambda } = usl.intervals;
    let known: Vec<String> = [("lambda", lambda), ("sigma", sigma), ("kappa", kappa)]
        .into_iter()
        .filter_map(|(name, ends)| {
            let [low, high] = ends?.map(coefficient);
            Some(format!("{name} {low} to {high}"))
        })
        .collect();
    (!known.is_empty()).then(|| format!("95 % intervals: {}", known.join(", ")))
}
