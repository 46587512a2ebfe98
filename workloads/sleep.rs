//! `sleep`: only waits, so that cores do not limit the worker count.

use std::thread;
use std::time::{Duration, Instant};

use crate::{
    BoxFuture, Context, Form, Kind, Meta, Note, Param, Result, Task, Unit, Work, Workload, mix,
};

/// Sleeps for a given time.
///
/// A sleep ends late, never early. Linux adds up to 50 us of timer slack and the wake-up itself, so
/// that `ms=1` takes about 1.1 ms in a thread. Tokio's timers tick in whole milliseconds, so that
/// it takes about 2 ms in the async mode. [`Workload::notes`] says how long it takes on this
/// machine.
#[derive(Debug)]
pub struct Sleep;

const META: Meta = Meta {
    name: "sleep",
    summary: "waits for a given time",
    kind: Kind::Io,
    unit: Unit { one: "sleep", many: "sleeps" },
    params: &[Param {
        name: "ms",
        help: "how long to sleep, in milliseconds",
        form: Form::Number { min: 0.0, max: 60_000.0 },
        default: "1",
        small: "1",
    }],
    equivalent: None,
};

impl Workload for Sleep {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        Ok(Box::new(Sleeper { length: length(context), seed: context.seed }))
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let length = length(context);
        let repetitions = (0.02 / length.as_secs_f64().max(0.001)) as usize;
        if repetitions == 0 {
            return Vec::new(); // A long sleep would cost more to try than its overshoot is worth.
        }
        let mut taken: Vec<Duration> = (0..repetitions | 1)
            .map(|_| {
                let start = Instant::now();
                thread::sleep(length);
                start.elapsed()
            })
            .collect();
        taken.sort_unstable();
        let median = taken[taken.len() / 2].as_secs_f64() * 1e3;
        vec![Note {
            warning: false,
            text: format!(
                "a sleep of {} ms takes {median:.2} ms on this machine (median of {}): timer slack \
                 and wake-up",
                context.params.text("ms"),
                taken.len()
            ),
            remedy: String::new(),
        }]
    }
}

fn length(context: &Context<'_>) -> Duration {
    Duration::from_secs_f64(context.params.number("ms") / 1e3)
}

struct Sleeper {
    length: Duration,
    seed: u64,
}

impl Sleeper {
    fn work(&self, number: u64) -> Work {
        Work { units: 1, checksum: mix(self.seed, number) }
    }
}

impl Task for Sleeper {
    fn run(&mut self, number: u64) -> Result<Work> {
        thread::sleep(self.length);
        Ok(self.work(number))
    }

    fn run_async(&mut self, number: u64) -> BoxFuture<'_, Result<Work>> {
        Box::pin(async move {
            tokio::time::sleep(self.length).await;
            Ok(self.work(number))
        })
    }
}
