//! `noop`: does nothing, so that the figure is the cost of the mode itself.

use crate::{Context, Kind, Meta, Result, Task, Unit, Work, Workload, mix};

/// Does nothing.
#[derive(Debug)]
pub struct Noop;

const META: Meta = Meta {
    name: "noop",
    summary: "nothing: the price of a mode itself",
    kind: Kind::Cpu,
    unit: Unit { one: "task", many: "tasks" },
    params: &[],
    equivalent: None,
};

impl Workload for Noop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        Ok(Box::new(Nothing { seed: context.seed }))
    }
}

struct Nothing {
    seed: u64,
}

impl Task for Nothing {
    fn run(&mut self, number: u64) -> Result<Work> {
        Ok(Work { units: 1, checksum: mix(self.seed, number) })
    }
}
