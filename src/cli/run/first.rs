//! Prints the answer so far, once during a longer run.

use crate::analysis::analyse;
use crate::record::{Header, Record};
use crate::report::terminal;
use crate::run::{Event, Observer};

/// Seconds after which the answer so far is printed, if the run takes at least twice as long.
const AFTER: f64 = 10.0;

/// What was measured until the answer is printed; nothing afterwards.
#[derive(Debug)]
pub(super) struct First(Option<Record>);

impl First {
    /// For a run that begins now. With several workloads nothing is printed, because each would
    /// have its answer much later.
    pub(super) fn of(header: Header) -> Self {
        let plan = &header.plan;
        let worth = plan.subjects().len() == 1 && plan.budget >= 2.0 * AFTER;
        Self(worth.then(|| Record::begun(header)))
    }

    /// For a resumed run, which printed its answer before.
    pub(super) fn said() -> Self {
        Self(None)
    }

    /// Keeps what was measured. Returns the text to print, once it is due.
    pub(super) fn heard(&mut self, event: &Event<'_>) -> Option<String> {
        self.0.as_mut()?.observe(event).ok()?;
        let Event::Round { spent, .. } = event else { return None };
        let due = self.0.as_ref().is_some_and(|record| spent * record.header.plan.budget >= AFTER);
        let record = self.0.take_if(|_| due)?;
        let findings = analyse(&record);
        let workload = findings.workloads.first().filter(|found| found.verdict.is_some())?;
        let left = record.header.plan.budget * (1.0 - spent);
        Some(format!(
            "knee: so far: {}; at most {left:.0} s more to be surer, Ctrl-C ends it and keeps \
             the results",
            terminal::answer(workload)
        ))
    }
}

#[test]
fn the_answer_is_said_once_when_it_is_due() {
    use crate::plan::Cell;
    let run = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/2cpu-epyc-vm-free");
    let Ok(mut record) = crate::record::read(&run) else {
        println!("skipped: the reference runs are not here");
        return;
    };
    let plan = &mut record.header.plan;
    let at = plan.entries.iter().position(|entry| entry.workload == "float").unwrap();
    plan.entries = vec![plan.entries[at].clone()];
    plan.budget = 60.0;
    let samples = record.samples.into_iter().filter(|sample| sample.cell.entry == at);
    let mut first = First::of(record.header.clone());
    let mut cell = None;
    for mut sample in samples {
        sample.cell.entry = 0;
        cell = Some(sample.cell);
        assert_eq!(first.heard(&Event::Measured(&sample)), None);
    }
    let cell: Cell = cell.expect("it was measured");
    assert_eq!(first.heard(&Event::Round { cell, spent: 0.1 }), None, "six seconds are too few");
    let said = first.heard(&Event::Round { cell, spent: 0.2 }).expect("it is due");
    assert!(said.starts_with("knee: so far: float: 2 workers"), "{said}");
    assert!(said.contains("; at most 48 s more"), "{said}");
    assert_eq!(first.heard(&Event::Round { cell, spent: 0.3 }), None, "it has been said");
    record.header.plan.budget = 15.0;
    assert!(First::of(record.header.clone()).0.is_none(), "a short run says it at its end");
    let twice = vec![record.header.plan.entries[0].clone(); 2];
    record.header.plan.entries = twice;
    record.header.plan.budget = 60.0;
    assert!(First::of(record.header).0.is_none(), "of two workloads neither is known by then");
}
