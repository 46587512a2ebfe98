//! A record that is kept in memory while it is made, for programs that measure without `knee run`.

use std::io;

use super::{End, Header, Line, Record};
use crate::machine::Machine;
use crate::plan::Plan;
use crate::run::{Event, Observer, Outcome};

impl Record {
    /// The record of a run that is about to begin. It observes the run.
    pub fn new(name: &str, plan: &Plan, machine: &Machine) -> Self {
        let warnings = machine.warnings().iter().map(Into::into).collect();
        Self { warnings, ..Self::begun(Header::new(name, plan, machine)) }
    }

    /// A record that has only its header.
    pub(crate) fn begun(header: Header) -> Self {
        Self {
            header,
            surveys: Vec::new(),
            samples: Vec::new(),
            failures: Vec::new(),
            warnings: Vec::new(),
            burns: Vec::new(),
            end: None,
        }
    }

    /// The record with the end of the run.
    #[must_use]
    pub fn ended(self, outcome: &Outcome) -> Self {
        let Outcome { wall, interrupted, .. } = *outcome;
        Self { end: Some(End { wall, interrupted }), ..self }
    }
}

impl Observer for Record {
    fn observe(&mut self, event: &Event<'_>) -> io::Result<()> {
        match Line::of(event) {
            Some(Line::Survey(survey)) => self.surveys.push(survey),
            Some(Line::Sample(sample)) => self.samples.push(sample),
            Some(Line::Failure(failure)) => self.failures.push(failure),
            Some(Line::Burn(report)) => self.burns.push(report),
            _ => {}
        }
        Ok(())
    }
}
