//! A record that is kept in memory while it is made, for programs that measure by themselves.

use std::io;

use super::{End, Header, Record, SCHEMA_VERSION, Survey};
use crate::clock;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::run::{Event, Observer, Outcome};

impl Record {
    /// The record of a run that is about to begin: it is the run's observer.
    pub fn new(name: &str, plan: &Plan, machine: &Machine) -> Self {
        Self {
            header: Header {
                schema_version: SCHEMA_VERSION,
                name: name.to_owned(),
                knee: env!("CARGO_PKG_VERSION").into(),
                optimised: !cfg!(debug_assertions),
                command: std::env::args_os()
                    .map(|arg| arg.to_string_lossy().into_owned())
                    .collect(),
                started: clock::utc(),
                machine: machine.clone(),
                plan: plan.clone(),
            },
            surveys: Vec::new(),
            samples: Vec::new(),
            failures: Vec::new(),
            warnings: machine.warnings().iter().map(Into::into).collect(),
            burns: Vec::new(),
            end: None,
        }
    }

    /// The same, at the end of the run.
    #[must_use]
    pub fn ended(self, outcome: &Outcome) -> Self {
        let Outcome { wall, interrupted, .. } = *outcome;
        Self { end: Some(End { wall, interrupted }), ..self }
    }
}

impl Observer for Record {
    fn observe(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Surveyed { entry, reference } => {
                self.surveys.push(Survey::new(*entry, reference));
            }
            Event::Measured(sample) => self.samples.push((*sample).clone()),
            Event::Failed(failure) => self.failures.push((*failure).clone()),
            Event::Burned(report) => self.burns.push((*report).clone()),
            Event::Block { .. } | Event::Round { .. } => {}
        }
        Ok(())
    }
}
