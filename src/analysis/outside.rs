//! A remark where processes outside of knee do part of the work: how much of the use is theirs.

use super::findings::{Curve, Remark};
use crate::record::Record;
use crate::run::Sample;
use crate::stats::median::median;
use crate::units::{Quantity, workers};

/// What the outside processes used at the first knee of these curves. `None` if there are none.
pub(super) fn remark(record: &Record, at: usize, curves: &[Curve]) -> Option<Remark> {
    let names = record.header.plan.outside.names.join(", ");
    let knee = curves.iter().find_map(|curve| Some(curve.knee.as_ref()?.workers));
    let is_there = |sample: &&Sample| {
        let count = sample.cell.workers as f64;
        sample.cell.entry == at && knee.is_none_or(|knee| (count - knee).abs() < 1e-9)
    };
    let rounds: Vec<&Sample> = record.samples.iter().filter(is_there).collect();
    let of = |figure: &dyn Fn(&Sample) -> Option<f64>| {
        median(&rounds.iter().filter_map(|sample| figure(sample)).collect::<Vec<f64>>())
    };
    let cpus = of(&|sample| {
        let used = sample.outside?;
        Some(used.cpu() / used.span).filter(|cpus| cpus.is_finite())
    })?;
    let all =
        of(&|sample| Some(sample.usage.cpu() / sample.usage.span).filter(|cpus| cpus.is_finite()))?;
    let memory = of(&|sample| Some(sample.outside?.peak_memory? as f64));
    let memory = memory.map_or_else(String::new, |bytes| {
        format!(", and {} of the memory", Quantity::Memory.text(bytes))
    });
    let place = knee.map_or_else(String::new, |knee| format!(" at {}", workers(knee)));
    let [cpus, all] =
        [cpus, all].map(|count| Quantity::Count.text((count * 100.0).round() / 100.0));
    Some(Remark {
        warning: false,
        text: format!(
            "{names}: {cpus} of the {all} CPUs that the work used{place}{memory} are theirs"
        ),
        remedy: String::new(),
    })
}
