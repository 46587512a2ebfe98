//! A complete workload of your own. This file is all that is needed, and this binary is its own
//! worker in the process modes.
//!
//! `cargo run --release --example bring_your_own -- run collatz --workers 1-4`

use std::process::ExitCode;

use knee::workloads::{Context, Form, Kind, Meta, Param, Result, Task, Unit, Work, Workload, mix};

/// Counts the steps of the Collatz sequence.
#[derive(Debug)]
struct Collatz;

const META: Meta = Meta {
    name: "collatz",
    summary: "steps of the Collatz sequence from numbers near the given one",
    kind: Kind::Cpu,
    unit: Unit { one: "step", many: "steps" },
    params: &[Param {
        name: "start",
        help: "where the sequences begin",
        form: Form::Count { min: 1, max: 1 << 40 },
        default: "1000000007",
        small: "97",
    }],
    equivalent: None,
};

impl Workload for Collatz {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        Ok(Box::new(Walk { start: context.params.count("start"), seed: context.seed }))
    }
}

struct Walk {
    start: u64,
    seed: u64,
}

impl Task for Walk {
    fn run(&mut self, number: u64) -> Result<Work> {
        let mut steps = 0;
        for offset in 0..1000 {
            let mut value = self.start + offset + mix(self.seed, number) % 1000;
            while value != 1 {
                value = if value.is_multiple_of(2) { value / 2 } else { 3 * value + 1 };
                steps += 1;
            }
        }
        Ok(Work { units: steps, checksum: steps })
    }
}

fn main() -> ExitCode {
    knee::main_with(&[&Collatz])
}
