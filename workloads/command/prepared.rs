//! A command line that is run again and again, and the result of one run.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command as Starter, Stdio};
use std::time::Duration;

use crate::foreign::capture::{Capture, Output, line};
use crate::foreign::child::{Child, Ended};
use crate::foreign::environment;
use crate::foreign::line::{Line, Slot, Values};
use crate::foreign::target::Sink;
use crate::foreign::watch::{Cut, attend, drain};
use crate::{Context, Error, Result};

/// A command line, with everything that is made once for all runs.
pub(super) struct Prepared {
    pub(super) line: Line,
    env: BTreeMap<String, String>,
    starter: Starter,
    worker: usize,
    workers: usize,
}

/// One run of a program.
pub(super) struct Run {
    pub(super) ended: Ended,
    pub(super) cut: Option<Cut>,
    pub(super) leaked: bool,
}

impl Prepared {
    pub(super) fn new(line: Line, context: &Context<'_>) -> Result<Self> {
        let mut prepared = Self {
            starter: Starter::new(line.program()),
            line,
            env: environment("command", context.params)?,
            worker: context.worker,
            workers: context.workers,
        };
        prepared.renew(0)?;
        Ok(prepared)
    }

    /// Makes the starter for the words of task `number`.
    fn renew(&mut self, number: u64) -> Result<()> {
        let values = Values { worker: self.worker, workers: self.workers, task: number, port: 0 };
        let words = self.line.words(values);
        let nothing = std::fs::File::open("/dev/null")
            .map_err(|error| Error::io("/dev/null cannot be opened", &error))?;
        self.starter = Starter::new(self.line.program());
        self.starter.arg0(&words[0]).args(&words[1..]).stdin(OwnedFd::from(nothing));
        self.starter.envs(&self.env);
        self.starter.env("KNEE_WORKER", self.worker.to_string());
        self.starter.env("KNEE_WORKERS", self.workers.to_string());
        Ok(())
    }

    /// Runs it once, and leaves its output in `capture`.
    pub(super) fn run(
        &mut self,
        number: u64,
        limit: Duration,
        target: &Sink,
        capture: &mut Capture,
        buffer: &mut [u8],
    ) -> io::Result<Run> {
        if self.line.has(Slot::Task) {
            self.renew(number).map_err(|error| io::Error::other(line(&error.to_string())))?;
        }
        self.starter.env("KNEE_TASK", number.to_string());
        capture.clear();
        let (output, write) = Output::pipe()?;
        self.starter.stdout(target.stdout(&write)?).stderr(target.stderr(&write)?);
        let started = Child::start(&mut self.starter);
        // A writing end of the pipe is kept open here until the program has ended. So only the end
        // of the program wakes this thread, and not the closing of its output just before.
        let watched = started.and_then(|child| {
            let cut = attend(&child, &output, capture, buffer, limit)?;
            Ok((child, cut))
        });
        drop(write);
        self.starter.stdout(Stdio::null()).stderr(Stdio::null());
        let (mut child, cut) = watched?;
        let leaked = cut.is_none() && !drain(&output, capture, buffer)?;
        Ok(Run { ended: child.reap()?, cut, leaked })
    }
}
