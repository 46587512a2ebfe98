//! Handles CPUs that were removed or added during a run. Rounds before and after then measure two
//! different machines and are not mixed.

use super::findings::{Findings, Warning};
use crate::machine::{CpuSet, Ledger};
use crate::record::Record;
use crate::units::plural;

/// The code of the warning about such a run.
pub const BUDGET_CHANGED: &str = "budget-changed";

/// What changed, and how many rounds count.
#[derive(Debug)]
pub(super) struct Change {
    what: String,
    kept: usize,
    left_out: usize,
}

/// The CPUs and the quota that a round could use.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Share<'r> {
    allowed: Option<&'r CpuSet>,
    quota: Option<f64>,
}

impl<'r> Share<'r> {
    fn of(ledger: &'r Ledger) -> Self {
        Self { allowed: ledger.allowed.as_ref(), quota: ledger.quota }
    }
}

/// The record with only those rounds that had the CPUs of the beginning; `None` if all rounds had
/// them.
pub(super) fn kept(record: &Record) -> Option<(Record, Change)> {
    let ledgers = || record.samples.iter().filter_map(|sample| sample.ledger.as_ref());
    let first = Share::of(ledgers().next()?);
    // The state found before the run, because a change may come before the first round.
    let begun = record.header.machine.budget.affinity.as_ref();
    let first = Share { allowed: first.allowed.and(begun.or(first.allowed)), ..first };
    let is_as_begun =
        |ledger: &Ledger| ledger.budget_change.is_none() && Share::of(ledger) == first;
    let what = ledgers().find(|ledger| !is_as_begun(ledger)).map(|ledger| words(first, ledger))?;
    let mut kept = record.clone();
    kept.samples.retain(|sample| sample.ledger.as_ref().is_none_or(is_as_begun));
    let left_out = record.samples.len() - kept.samples.len();
    let change = Change { what, kept: kept.samples.len(), left_out };
    Some((kept, change))
}

fn words(first: Share<'_>, then: &Ledger) -> String {
    if let Some(change) = &then.budget_change {
        return change.clone();
    }
    let quota = |quota: Option<f64>| quota.map_or("none".to_owned(), |cpus| format!("{cpus} CPUs"));
    match (first.allowed, &then.allowed) {
        (Some(before), Some(after)) if before != after => {
            format!("the allowed CPUs changed from {before} to {after}")
        }
        _ => format!("the CPU quota changed from {} to {}", quota(first.quota), quota(then.quota)),
    }
}

impl Change {
    /// Adds to the findings what changed, and makes them decide nothing.
    pub(super) fn told(self, mut findings: Findings) -> Findings {
        let Self { what, kept, left_out } = self;
        let rounds = |count: usize| plural(count as u64, "round", "rounds");
        let text = format!(
            "{what} in mid-run: {} count, {} after the change do not",
            rounds(kept),
            rounds(left_out)
        );
        findings.quiet.trusted = false;
        findings.quiet.sentence = format!("disturbed: {text}");
        for workload in &mut findings.workloads {
            if let Some(verdict) = &mut workload.verdict {
                verdict.conclusive = false;
            }
        }
        findings.warnings.push(Warning {
            code: BUDGET_CHANGED.to_owned(),
            text,
            remedy: "run again where the CPUs stay the same; knee run --cpus keeps a run to some \
                of them"
                .to_owned(),
        });
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_said() {
        let cpus = |text: &str| -> CpuSet { text.parse().expect("a list") };
        let both = cpus("0-1");
        let first = Share { allowed: Some(&both), quota: None };
        let less = Ledger { allowed: Some(cpus("0")), ..Ledger::default() };
        assert_eq!(words(first, &less), "the allowed CPUs changed from 0-1 to 0");
        let slower = Ledger { allowed: Some(both.clone()), quota: Some(0.5), ..Ledger::default() };
        assert_eq!(words(first, &slower), "the CPU quota changed from none to 0.5 CPUs");
    }
}
