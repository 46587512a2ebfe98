//! Combines all workloads of a side into one figure: the geometric mean of their ratios.

use super::super::comparison::{ComparedWorkload, Index};
use super::super::findings::{Estimate, WorkloadFindings};
use super::estimate::{quantile, welch_df};
use super::{Best, Entrant, cost_ratio, matching, same_runs};
use crate::stats::compare::{LogMean, around, log_mean};

/// One index for each side that shares a workload with the baseline.
pub(super) fn indices(
    sides: &[Entrant<'_>],
    workloads: &[ComparedWorkload],
    run_to_run: f64,
) -> Vec<Index> {
    let Some((baseline, others)) = sides.split_first() else { return Vec::new() };
    let index = |other: &Entrant<'_>| {
        let with =
            |workload: &&ComparedWorkload| workload.sides.iter().any(|at| at.side == other.name);
        let labels: Vec<&str> =
            workloads.iter().filter(with).map(|workload| workload.label.as_str()).collect();
        let wanted = matching::wanted(sides).iter();
        let shared: Vec<&WorkloadFindings> =
            wanted.filter(|workload| labels.contains(&workload.label.as_str())).collect();
        let ratios: Vec<f64> = workloads
            .iter()
            .flat_map(|workload| &workload.sides)
            .filter(|at| at.side == other.name)
            .filter_map(|at| Some(at.against?.ratio.median))
            .collect();
        let ratio = if same_runs(baseline, other) {
            Estimate { median: 1.0, low: 1.0, high: 1.0 }
        } else {
            ratio(&mean(baseline, &shared, run_to_run)?, &mean(other, &shared, run_to_run)?)
        };
        Some(Index {
            side: other.name.to_owned(),
            ratio,
            lowest: ratios.iter().copied().min_by(f64::total_cmp)?,
            highest: ratios.iter().copied().max_by(f64::total_cmp)?,
            workloads: shared.len(),
            cost_ratio: cost_ratio([other.price, baseline.price], ratio),
        })
    };
    others.iter().filter_map(index).collect()
}

fn ratio(below: &LogMean, above: &LogMean) -> Estimate {
    let parts = [(above.error.powi(2), above.df), (below.error.powi(2), below.df)];
    let error = above.error.hypot(below.error);
    let ratio = around(above.mean - below.mean, quantile(0.975, welch_df(parts)) * error);
    Estimate { median: ratio.ratio, low: ratio.low, high: ratio.high }
}

/// The mean of a side's logarithms over the workloads, with one value per run.
///
/// What makes runs differ (other neighbours, another clock speed) moves all workloads of a run
/// together, so it does not average out over the workloads. Several runs are therefore compared by
/// their means, and the assumed spread of a single run counts in full.
fn mean(side: &Entrant<'_>, workloads: &[&WorkloadFindings], run_to_run: f64) -> Option<LogMean> {
    let values: Vec<Vec<super::Value>> = workloads
        .iter()
        .map(|wanted| Some(Best::of(side, wanted)?.values))
        .collect::<Option<_>>()?;
    let m = workloads.len() as f64;
    if side.runs.len() == 1 {
        let sum: f64 = values.iter().map(|of_workload| of_workload[0].log).sum();
        let squares: Option<f64> =
            values.iter().map(|of_workload| of_workload[0].within.map(|error| error.powi(2))).sum();
        let error = (squares?.sqrt() / m).hypot(run_to_run);
        return Some(LogMean { mean: sum / m, error, df: f64::INFINITY });
    }
    let of_run = |run: usize| -> f64 {
        let sum: f64 = values.iter().map(|of_workload| of_workload[run].log).sum();
        (sum / m).exp()
    };
    log_mean(&(0..side.runs.len()).map(of_run).collect::<Vec<_>>())
}
