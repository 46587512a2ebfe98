//! Which runs and workloads can be compared, and why others cannot.

use std::collections::BTreeSet;

use super::super::comparison::LeftOut;
use super::super::findings::WorkloadFindings;
use super::{Contender, Entrant, Run};

/// The sides, without the runs that cannot be compared with the first run of the baseline; and the
/// list of what was left out.
///
/// A side that loses all its runs is left out completely.
pub(super) fn accept(contenders: &[Contender]) -> (Vec<Entrant<'_>>, Vec<LeftOut>) {
    let (mut accepted, mut left_out) = (Vec::new(), Vec::new());
    let reference = &contenders[0].runs[0];
    for side in contenders {
        let mut kept = Entrant { name: &side.name, runs: Vec::new(), price: side.price };
        for run in &side.runs {
            let first = kept.runs.first().copied();
            match differs(run, reference)
                .or_else(|| first.and_then(|first| other_machine(run, first)))
            {
                None => kept.runs.push(run),
                Some(reason) => left_out.push(LeftOut {
                    side: side.name.clone(),
                    what: Some(format!("run {}", run.record.header.name)),
                    reason,
                }),
            }
        }
        if !kept.runs.is_empty() {
            accepted.push(kept);
        }
    }
    (accepted, left_out)
}

/// Why the figures of a run mean something else than those of the reference.
fn differs(run: &Run, reference: &Run) -> Option<String> {
    let (mine, theirs) = (&run.record.header, &reference.record.header);
    let build = |optimised: bool| if optimised { "an optimised" } else { "a debug" };
    let batch = |tasks: Option<u64>| {
        tasks.map_or("the rate".to_owned(), |tasks| format!("batches of {tasks} tasks"))
    };
    if mine.knee != theirs.knee {
        Some(format!("measured by knee {}, the baseline by {}", mine.knee, theirs.knee))
    } else if mine.optimised != theirs.optimised {
        Some(format!(
            "{} build, the baseline is {} one",
            build(mine.optimised),
            build(theirs.optimised)
        ))
    } else if mine.plan.batch != theirs.plan.batch {
        Some(format!(
            "measured {}, the baseline {}",
            batch(mine.plan.batch),
            batch(theirs.plan.batch)
        ))
    } else {
        None
    }
}

/// Why a run is not from the same machine and setting as the first run of its side.
fn other_machine(run: &Run, first: &Run) -> Option<String> {
    let (mine, theirs) = (&run.record.header, &first.record.header);
    let (here, there) = (&mine.machine, &theirs.machine);
    if here.cpu_model != there.cpu_model || here.hostname != there.hostname {
        Some(format!("of another machine ({}) than this side's first run", here.summary()))
    } else if (here.budget.usable() - there.budget.usable()).abs() > 1e-9 {
        let cpus = |machine: &crate::machine::Machine| machine.budget.usable();
        Some(format!("with {} usable CPUs, this side's first run with {}", cpus(here), cpus(there)))
    } else if mine.plan.pin != theirs.plan.pin {
        Some("pinned, or not pinned, other than this side's first run".to_owned())
    } else {
        None
    }
}

/// The workloads of the baseline.
pub(super) fn wanted<'a>(sides: &[Entrant<'a>]) -> &'a [WorkloadFindings] {
    let first: Option<&'a Run> = sides.first().and_then(|side| side.runs.first()).copied();
    first.map(|run| run.findings.workloads.as_slice()).unwrap_or_default()
}

/// A run's findings for a workload with the same label, parameters and unit. (The default of a
/// parameter may have changed.)
pub(super) fn find<'a>(run: &'a Run, wanted: &WorkloadFindings) -> Option<&'a WorkloadFindings> {
    run.findings.workloads.iter().find(|found| {
        found.label == wanted.label
            && found.workload == wanted.workload
            && found.params == wanted.params
            && found.unit_many == wanted.unit_many
    })
}

/// Why a side cannot be compared on a workload of the baseline.
pub(super) fn why_missing(side: &Entrant<'_>, wanted: &WorkloadFindings) -> String {
    let found = side.runs.iter().map(|run| find(run, wanted));
    if found.clone().any(|workload| workload.is_some()) {
        return match found.flatten().flat_map(|workload| &workload.failures).next() {
            Some(failure) => format!("it gave no figure: {}", failure.reason),
            None => "not every run has a figure for it".to_owned(),
        };
    }
    let all = side.runs.iter().flat_map(|run| &run.findings.workloads);
    match all.into_iter().find(|other| other.workload == wanted.workload) {
        Some(other) => other_parameters(other, wanted),
        None => "not measured there".to_owned(),
    }
}

/// The parameters that differ: `size=1M there, size=4M in the baseline`.
fn other_parameters(other: &WorkloadFindings, wanted: &WorkloadFindings) -> String {
    let keys: BTreeSet<&String> = other.params.keys().chain(wanted.params.keys()).collect();
    let differing =
        keys.into_iter().filter(|key| other.params.get(*key) != wanted.params.get(*key));
    let told: Vec<String> = differing
        .map(|key| {
            let value = |findings: &WorkloadFindings| {
                findings
                    .params
                    .get(key)
                    .map_or_else(|| format!("no {key}"), |value| format!("{key}={value}"))
            };
            format!("{} there, {} in the baseline", value(other), value(wanted))
        })
        .collect();
    if told.is_empty() {
        format!("it counts {} there and {} in the baseline", other.unit_many, wanted.unit_many)
    } else {
        format!("measured with other parameters ({})", told.join("; "))
    }
}
