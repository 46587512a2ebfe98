//! `mixed`: computes, then waits. The best worker count is known beforehand.

use std::thread;
use std::time::Duration;

use crate::support::spin::{self, Spin};
use crate::{
    BoxFuture, Context, Form, Host, Kind, Meta, Param, Params, Result, Task, Unit, Work, Workload,
    mix,
};

/// Computes for `compute` microseconds, then waits for `wait` microseconds.
///
/// While one worker waits another can compute, so the cores are busy from `cores x (1 + wait /
/// compute)` workers on. Source: Goetz et al., "Java Concurrency in Practice", 2006, section 8.2. A
/// wait takes a little longer than asked for (see `sleep`), which moves the measured optimum up a
/// little. In the async mode tokio rounds the wait up to whole milliseconds.
#[derive(Debug)]
pub struct Mixed;

const LONGEST: f64 = 10_000_000.0;

const META: Meta = Meta {
    name: "mixed",
    summary: "computes, then waits: the textbook knows its optimum",
    kind: Kind::Io,
    unit: Unit { one: "request", many: "requests" },
    params: &[
        Param {
            name: "compute",
            help: "how long to compute, in microseconds of one core",
            form: Form::Number { min: 0.0, max: LONGEST },
            default: "1000",
            small: "100",
        },
        Param {
            name: "wait",
            help: "how long to wait, in microseconds",
            form: Form::Number { min: 0.0, max: LONGEST },
            default: "4000",
            small: "1000",
        },
    ],
    equivalent: None,
};

impl Workload for Mixed {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        Ok(Box::new(Request {
            steps: Spin::of(context)?.steps(context.params.number("compute")),
            wait: Duration::from_secs_f64(context.params.number("wait") / 1e6),
            seed: context.seed,
        }))
    }

    fn host(&self, _context: &Context<'_>) -> Result<Option<Host>> {
        Ok(Some(Spin::host()))
    }

    fn textbook_optimum(&self, params: &Params, cores: f64) -> Option<f64> {
        let compute = params.number("compute");
        (compute > 0.0).then(|| cores * (1.0 + params.number("wait") / compute))
    }
}

struct Request {
    steps: u64,
    wait: Duration,
    seed: u64,
}

impl Request {
    fn compute(&self, number: u64) -> Result<Work> {
        let checksum = spin::compute(mix(self.seed, number), self.steps)?;
        Ok(Work { units: 1, checksum })
    }
}

impl Task for Request {
    fn run(&mut self, number: u64) -> Result<Work> {
        let work = self.compute(number)?;
        thread::sleep(self.wait);
        Ok(work)
    }

    fn run_async(&mut self, number: u64) -> BoxFuture<'_, Result<Work>> {
        Box::pin(async move {
            let work = self.compute(number)?;
            tokio::time::sleep(self.wait).await;
            Ok(work)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_textbook_optimum_is_the_published_formula() {
        let params = |compute, wait| {
            Params::resolve("mixed", META.params, [("compute", compute), ("wait", wait)]).unwrap()
        };
        assert_eq!(Mixed.textbook_optimum(&params("1000", "4000"), 2.0), Some(10.0));
        assert_eq!(Mixed.textbook_optimum(&params("500", "0"), 1.5), Some(1.5));
        assert_eq!(Mixed.textbook_optimum(&params("0", "1000"), 2.0), None);
    }
}
