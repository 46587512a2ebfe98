//! `knee machine`: this machine, what of it can be used, and what distorts measurements here.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Failure, Output, exit, written};
use crate::machine::{Machine, Root};
use crate::record::Advice;
use crate::report::terminal;

/// Show this machine, how many CPUs can be used, and which counts other programs would choose
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// The answer of `knee machine --json`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer<'a> {
    /// The version of this JSON.
    schema_version: u32,
    /// Usable CPUs: the smaller of the affinity mask and the quota.
    usable_cpus: f64,
    #[serde(flatten)]
    machine: &'a Machine,
    /// Conditions that distort figures here, with remedies.
    warnings: Vec<Advice>,
}

pub(super) fn machine(_: &Args, output: Output) -> Result<u8, Failure> {
    let machine = Machine::read(&Root::live());
    let warnings = machine.warnings();
    if output.json {
        let answer = Answer {
            schema_version: 1,
            usable_cpus: machine.budget.usable(),
            machine: &machine,
            warnings: warnings.iter().map(Advice::from).collect(),
        };
        let json = serde_json::to_string_pretty(&answer).expect("a machine is plain data");
        return written(output.result(&format!("{json}\n")));
    }
    let mut text = Vec::new();
    terminal::machine(&mut text, &machine, &warnings, &output.style())
        .map_err(|error| Failure::new(exit::FAILED, error))?;
    written(output.result(&String::from_utf8_lossy(&text)))
}
