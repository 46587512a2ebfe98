//! The run spends its time by the same doubt that the findings state.

use std::path::Path;

use super::analyse;
use crate::plan::Mode;
use crate::record::{self, Record};
use crate::run::judged;

/// Doubts that differ by less than this share nearly always lead to the same decisions.
const SAME: f64 = 0.01;
/// A larger doubt is far from settled, whatever its figure.
const FAR: f64 = 0.12;

/// The share of a CPU that a worker alone uses.
fn busy(record: &Record, entry: usize) -> f64 {
    let serial =
        record.samples.iter().filter(|s| (s.cell.entry, s.cell.mode) == (entry, Mode::Serial));
    let busy: Vec<f64> = serial.map(|s| (s.usage.user + s.usage.system) / s.usage.span).collect();
    busy.iter().sum::<f64>() / busy.len() as f64
}

#[test]
fn a_run_and_its_findings_doubt_alike() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let (mut compared, mut apart) = (0, Vec::new());
    for name in ["2cpu-epyc-vm-free", "2cpu-xeon-vm-free", "2cpu-xeon-vm-one-core"] {
        let record = record::read(&folder.join(name)).expect("it is whole");
        let findings = analyse(&record);
        let plan = &record.header.plan;
        for (entry, run) in judged(plan, &record.samples, &|entry| busy(&record, entry)) {
            let label = &plan.entries[entry].label;
            let found = findings.workloads.iter().find(|of| of.label == *label);
            let Some(verdict) = found.and_then(|of| of.verdict.as_ref()) else { continue };
            let (run, found) = (run.unwrap_or(f64::INFINITY), verdict.regret.unwrap_or(0.0));
            compared += 1;
            if (run.min(FAR) - found.min(FAR)).abs() > SAME {
                apart.push(format!("{name} {label}: {run:.3} while it ran, {found:.3} found"));
            }
        }
    }
    // The two choose among modes that are nearly alike by figures of their own.
    assert!(compared > 30 && apart.len() * 10 <= compared, "{compared}: {apart:#?}");
}
