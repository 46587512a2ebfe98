//! Task lengths: how each mode does against serial as the tasks of the same work get shorter, and
//! from what length on the mode pays.

use super::findings::{Curve, LengthResult, TaskLength, WorkloadFindings};

/// The findings for tasks that take `task` seconds each; `None` if no mode has a figure.
pub(super) fn length(workload: &WorkloadFindings, task: f64) -> Option<TaskLength> {
    let modes: Vec<LengthResult> = workload.curves.iter().filter_map(at_knee).collect();
    (!modes.is_empty()).then(|| TaskLength { label: workload.label.clone(), task, modes })
}

fn at_knee(curve: &Curve) -> Option<LengthResult> {
    let knee = curve.knee.as_ref()?.workers;
    let point = curve.points.iter().find(|point| (point.workers - knee).abs() < 1e-9)?;
    Some(LengthResult { mode: curve.name.clone(), workers: knee, speedup: point.speedup? })
}

/// The task length at which the ratio to serial crosses 1 for good. Interpolated between two
/// measured lengths, on logarithmic axes.
///
/// `None` if fewer than three lengths were measured, or if the crossing lies outside of them.
pub(super) fn crossing(lengths: &[TaskLength], mode: &str) -> Option<f64> {
    let of_mode = |length: &TaskLength| {
        let result = length.modes.iter().find(|result| result.mode == mode)?;
        Some((length.task, result.speedup.median))
    };
    let tried = lengths.iter().filter_map(of_mode);
    let sorted: Vec<(f64, f64)> =
        tried.filter(|(task, ratio)| *task > 0.0 && *ratio > 0.0).collect();
    if sorted.len() < 3 {
        return None;
    }
    let at = sorted.windows(2).rposition(|pair| pair[0].1 < 1.0 && pair[1].1 >= 1.0)?;
    let ((short, low), (long, high)) = (sorted[at], sorted[at + 1]);
    // Every longer length must win too, or the crossing is not certain.
    if sorted[at + 1..].iter().any(|(_, ratio)| *ratio < 1.0) {
        return None;
    }
    let part = -low.ln() / (high.ln() - low.ln());
    Some(short * (long / short).powf(part))
}

#[cfg(test)]
mod tests {
    use super::super::findings::Estimate;
    use super::*;

    fn lengths(tried: &[(f64, f64)]) -> Vec<TaskLength> {
        let length = |&(task, median): &(f64, f64)| {
            let speedup = Estimate { median, low: median, high: median };
            let result = LengthResult { mode: "threads".to_owned(), workers: 2.0, speedup };
            TaskLength { label: format!("{task}"), task, modes: vec![result] }
        };
        tried.iter().map(length).collect()
    }

    #[test]
    fn a_sweep_of_lengths_gives_the_crossing() {
        let tried = lengths(&[(1e-6, 0.1), (1e-5, 0.5), (1e-4, 4.0), (1e-3, 1.9)]);
        let at = crossing(&tried, "threads").unwrap();
        // From 0.5 to 4 on logarithms, 1 is a third of the way: between 1e-5 and 1e-4.
        assert!((at / (1e-5 * 10_f64.powf(1.0 / 3.0)) - 1.0).abs() < 1e-9, "{at}");
        assert!(crossing(&tried, "process-pool").is_none());
        assert!(crossing(&tried[1..3], "threads").is_none(), "two lengths are too few");
        let always = lengths(&[(1e-6, 2.0), (1e-5, 2.0), (1e-4, 2.0)]);
        assert!(crossing(&always, "threads").is_none());
    }
}
