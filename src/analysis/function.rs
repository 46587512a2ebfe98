//! Peculiarities of functions in other languages: the lock of their runtime, a blocked event loop,
//! and the answer as a line to paste.

use super::bound::Witness;
use super::findings::{Curve, Remark, Verdict};
use super::price::Empty;
use super::series::Series;
use crate::mode::helper::{Facts, Language};
use crate::plan::{Entry, Mode};
use crate::units::Quantity;

/// The bound of threads if a lock of their language lets only one of them run at a time.
pub(super) const GIL: &str = "gil";
/// The bound of calls that keep an event loop from running other calls.
pub(super) const LOOP: &str = "event-loop";
/// A thread or timer that is this late, in seconds, waits for the code of others, not for the
/// system.
const LATE: f64 = 1.5e-3;
/// CPU use that counts as one CPU. The tolerance covers the resolution of the clock, and work
/// outside the lock.
const ONE_CPU: std::ops::RangeInclusive<f64> = 0.5..=1.25;
/// Threads that are blocked for this share of their time wait for one another.
const WAITS: f64 = 0.2;
/// The share of a task's time that handing it over should not exceed.
const CHEAP: f64 = 0.1;

/// What all workers of a mode share in their runtime, and how much it delays others.
#[derive(Debug, Clone, PartialEq)]
pub struct Runtime {
    /// The name of the language.
    pub language: String,
    /// `gil` or `event-loop`.
    what: &'static str,
    /// The delay in seconds.
    late: f64,
}

impl Runtime {
    /// What the workers of this mode share; `None` if they share nothing, or it was not measured.
    pub(super) fn of(entry: &Entry, mode: Mode, facts: Option<&Facts>) -> Option<Self> {
        let facts = facts?;
        let language = language(entry)?.name;
        let mut capital = language.chars();
        let first = capital.next()?.to_uppercase();
        let language = first.chain(capital).collect();
        match mode {
            Mode::Threads if facts.lock => Some(Self { language, what: GIL, late: facts.knock? }),
            Mode::Async => Some(Self { language, what: LOOP, late: facts.lag? }),
            _ => None,
        }
    }

    /// The bound with its evidence, if the shared thing holds back the workers of `cell`.
    ///
    /// Three facts together prove it: one CPU is used, whatever the number of workers; workers are
    /// blocked rather than waiting for a CPU; and others that want to run are delayed by
    /// milliseconds.
    pub(super) fn holds(&self, cell: &Witness, cpus: f64) -> Option<(&'static str, Vec<String>)> {
        let used = cell.cpu.filter(|used| ONE_CPU.contains(used) && self.late >= LATE)?;
        let late = Quantity::Duration.text(self.late);
        let n = cell.workers;
        if self.what == LOOP {
            let text = format!(
                "one event loop runs one call at a time: with {n} at once {used:.2} CPUs were \
                 used, and a timer fired {late} late"
            );
            return Some((LOOP, vec![text]));
        }
        let blocked = cell.blocked(cpus)?;
        let queued = cell.queued.unwrap_or(0.0) / n;
        (n > 1.0 && blocked >= WAITS && blocked > queued).then(|| {
            let text = format!(
                "the lock of {}: of {n} threads {used:.2} CPUs were used, each waited {:.0} % of \
                 its time, and a thread that wanted to run came {late} late",
                self.language,
                100.0 * blocked
            );
            (GIL, vec![text])
        })
    }
}

pub(super) fn language(entry: &Entry) -> Option<&'static Language> {
    let named = entry.params.iter().find(|(name, _)| *name == "language");
    named.filter(|_| entry.workload == "function").and_then(|(_, name)| Language::named(name))
}

/// The price of an empty task in a mode of a helper, which is measured beside the work.
pub(super) fn empty_task(series: &Series<'_>) -> Option<Empty> {
    let of = |pick: &dyn Fn(&crate::run::Sample) -> Option<f64>| series.median(pick);
    let busy = of(&|sample| Some(sample.handover?.busy))?;
    let one = of(&|sample| {
        let handover = sample.handover?;
        // When kept busy, each member gets its next task while it is still doing one.
        Some(handover.alone.min(handover.busy * sample.members.unwrap_or(1) as f64))
    })?;
    Some(Empty::known(one, busy, of(&|sample| sample.handover?.measuring)))
}

/// How the user applies the answer, and the bounds of the modes that did not win.
pub(super) fn remarks(
    entry: &Entry,
    facts: Option<&Facts>,
    task: Option<f64>,
    curves: &[Curve],
    verdict: Option<&Verdict>,
) -> Vec<Remark> {
    let Some((language, facts)) = language(entry).zip(facts) else { return Vec::new() };
    let plain = |text: String| Remark { warning: false, text, remedy: String::new() };
    let mut remarks = Vec::new();
    remarks.extend(costs(curves).map(plain));
    for curve in curves {
        let bound =
            curve.bound.as_ref().filter(|bound| [GIL, LOOP].contains(&bound.label.as_str()));
        let leads = verdict.is_some_and(|verdict| verdict.mode == curve.name);
        if let Some(bound) = bound.filter(|_| !leads) {
            let why = bound.evidence.join("; ");
            remarks.push(plain(format!("{}: bound by {}: {why}", curve.name, bound.label)));
        }
    }
    let given = entry.params.text("start-method");
    let start = if given.is_empty() { facts.start.as_deref().unwrap_or("spawn") } else { given };
    let answer = verdict.and_then(|verdict| {
        let workers = verdict.workers.round().max(1.0) as u64;
        let setting = language.setting(Mode::named(&verdict.mode)?, workers, start)?;
        Some((verdict, setting))
    });
    if let Some((verdict, setting)) = answer {
        remarks.push(plain(format!("to paste: {setting}")));
        let curve = curves.iter().find(|curve| curve.name == verdict.mode);
        remarks.extend(curve.zip(task).and_then(|(curve, task)| chunk(entry, curve, task)));
    }
    remarks
}

/// The price per call of each mode of the language, and what measuring adds to it.
fn costs(curves: &[Curve]) -> Option<String> {
    let time = |seconds: f64| Quantity::Duration.text(seconds);
    let price = |curve: &Curve| {
        let handing = time(curve.price.as_ref()?.dispatch?);
        Some(format!("{handing} to {}", curve.name))
    };
    let handed: Vec<String> = curves.iter().filter_map(price).collect();
    let added = curves.iter().filter_map(|curve| curve.price.as_ref()?.measuring);
    let added = added.reduce(f64::max)?;
    let handed = handed.join(", ");
    Some(format!("handing over a call takes {handed}; measuring adds {} to each", time(added)))
}

/// A remark if tasks are too short for the price of handing them over.
fn chunk(entry: &Entry, curve: &Curve, task: f64) -> Option<Remark> {
    let handing = curve.price.as_ref()?.dispatch?;
    let given = entry.params.count("chunk") as f64;
    let share = handing / (task * given);
    let enough = (handing / (CHEAP * task)).ceil().clamp(2.0, 10_000.0);
    (share > CHEAP && enough > given).then(|| Remark {
        warning: false,
        text: format!(
            "handing over a call to {} takes {}, and the call {}",
            curve.name,
            Quantity::Duration.text(handing),
            Quantity::Duration.text(task)
        ),
        remedy: format!(
            "hand over several at once: --chunk {enough}, chunksize={enough} in your code"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(workers: f64, cpu: f64, queued: f64) -> Witness {
        Witness { workers, cpu: Some(cpu), queued: Some(queued), ..Witness::default() }
    }

    fn runtime(what: &'static str, late: f64) -> Runtime {
        Runtime { language: "Python".to_owned(), what, late }
    }

    #[test]
    fn the_lock_is_named_only_by_three_facts_together() {
        let label =
            |late: f64, cell: Witness| runtime(GIL, late).holds(&cell, 2.0).map(|(label, _)| label);
        assert_eq!(label(0.012, seen(2.0, 1.02, 0.08)), Some(GIL));
        assert_eq!(label(0.0001, seen(2.0, 1.02, 0.08)), None, "a lock of the user's own");
        assert_eq!(label(0.012, seen(2.0, 1.9, 0.1)), None, "two CPUs are used");
        assert_eq!(label(0.012, seen(2.0, 0.9, 1.0)), None, "neighbours hold the CPUs");
        assert_eq!(label(0.012, seen(2.0, 0.02, 0.0)), None, "it waits for something else");
        assert_eq!(label(0.012, seen(1.0, 0.6, 0.0)), None, "one thread has nobody to wait for");
    }

    #[test]
    fn a_blocked_event_loop_is_told_from_one_that_waits() {
        let says = |late: f64, cpu: f64| runtime(LOOP, late).holds(&seen(4.0, cpu, 0.0), 2.0);
        let (label, evidence) = says(0.12, 0.98).expect("it is blocked");
        assert_eq!(label, LOOP);
        assert!(evidence[0].contains("120 ms late"), "{evidence:?}");
        assert_eq!(says(0.0004, 0.98), None);
        assert_eq!(says(0.12, 0.1), None);
    }
}
