//! `command`: one task is one run of the user's program.

mod prepared;
mod settings;

use std::process::{Command as Starter, Stdio};
use std::time::{Duration, Instant};

use crate::foreign::GRACE;
use crate::foreign::capture::Capture;
use crate::foreign::child::Status;
use crate::foreign::figure::Reader;
use crate::foreign::target::Sink;
use crate::foreign::watch::Cut;
use crate::{
    Aside, Context, Error, Figure, Form, Kind, Meta, Note, Param, Params, Result, Task, Unit, Work,
    Workload,
};
use prepared::Prepared;
use settings::{Ignore, Settings};

/// Runs a program with its arguments, directly and without a shell, and waits for it.
///
/// - `{worker}` and `{task}` in the arguments become numbers; they are also in the environment, as
///   `KNEE_WORKER` and `KNEE_TASK`.
/// - Standard input is empty. After each worker's first run standard output is thrown away, because
///   reading it would slow the runs down; `output` can change that. When a run fails, what was read
///   is shown: 64 KiB of the beginning and of the end.
/// - Processes that it leaves running in its process group are killed. If one of them still holds
///   its standard error, the task fails, because its work was not done when it ended.
/// - Its result is not looked at, so there is no checksum: one successful end is as good as
///   another.
/// - If it prints a figure about itself, `figure` says how to find it. That figure is then the
///   throughput, in place of runs per second.
///
/// For a program that parallelises itself, `sweep` names the placeholder that the worker count
/// replaces. Then one run is done at a time.
#[derive(Debug)]
pub struct Command;

const META: Meta = Meta {
    name: "command",
    summary: "runs a program of yours: knee run -- PROGRAM [ARG..]",
    kind: Kind::Cpu,
    unit: Unit { one: "run", many: "runs" },
    params: &[
        Param {
            name: "argv",
            help: "the program and its arguments, as a JSON list",
            form: Form::Text,
            default: "[\"true\"]",
            small: "[\"true\"]",
        },
        Param {
            name: "prepare",
            help: "a command that is run before each run and does not count, as a JSON list",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "sweep",
            help: "the placeholder that the worker count replaces, where the program parallelises \
                itself",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "warmup",
            help: "runs that each worker does before the clock starts",
            form: Form::Count { min: 0, max: 1000 },
            default: "0",
            small: "0",
        },
        Param {
            name: "ignore",
            help: "exit statuses that count as success: all, or a comma separated list",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "output",
            help: "where its output goes: null, pipe (read and shown when it fails), inherit, or a \
                file",
            form: Form::Text,
            default: "",
            small: "pipe",
        },
        Param {
            name: "env",
            help: "environment variables for the program, as a JSON object",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "figure",
            help: "how to find the figure that the program prints about itself, as JSON",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "limit",
            help: "seconds that one run may take",
            form: Form::Number { min: 0.001, max: 604_800.0 },
            default: "600",
            small: "10",
        },
    ],
    equivalent: None,
};

impl Workload for Command {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn supported(&self, params: &Params) -> Result<()> {
        Settings::read(params).map(drop)
    }

    fn parallel_by_itself(&self, params: &Params) -> bool {
        !params.text("sweep").is_empty()
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let note = |text: String| Note { warning: false, text, remedy: String::new() };
        let mut notes = Vec::new();
        notes.extend(starting().map(|cost| {
            let cost = 1e3 * cost.as_secs_f64();
            note(format!(
                "starting a program that does nothing takes {cost:.2} ms here; that is part of \
                 every run"
            ))
        }));
        let sweep = context.params.text("sweep");
        if !sweep.is_empty() {
            notes.push(note(format!(
                "the worker count was given to the program itself in place of {sweep}; one run at \
                 a time"
            )));
        }
        if !context.params.text("figure").is_empty() {
            notes.push(note(
                "the throughput is what the program printed about itself, and so is a p99; what \
                 starting it takes is not in it"
                    .to_owned(),
            ));
        }
        if !context.params.text("prepare").is_empty() {
            notes.push(note(
                "the time of --prepare is taken out of rates, not of a batch's makespan; with \
                 several workers, one prepares while others run"
                    .to_owned(),
            ));
        }
        notes
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let Settings { main, prepare, ignore, limit, target, figure } =
            Settings::read(context.params)?;
        let mut runner = Runner {
            main: Prepared::new(main, context)?,
            prepare: prepare.map(|line| Prepared::new(line, context)).transpose()?,
            ignore,
            limit,
            // The figure is read in every run.
            target: if figure.is_some() { Sink::Pipe } else { target.open()? },
            figure,
            first: true,
            aside: Aside::default(),
            buffer: vec![0; 64 << 10],
            capture: Capture::default(),
        };
        for number in 0..context.params.count("warmup") {
            runner.run(number)?;
        }
        Ok(Box::new(runner))
    }
}

/// How long starting and reaping a program takes here, measured with one that does nothing. `None`
/// where no such program is found.
fn starting() -> Option<Duration> {
    const TIMES: usize = 5;
    let once = || {
        let start = Instant::now();
        let mut starter = Starter::new("true");
        starter.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        starter.status().ok().filter(std::process::ExitStatus::success)?;
        Some(start.elapsed())
    };
    (0..TIMES).filter_map(|_| once()).min()
}

/// One worker's own runs.
struct Runner {
    main: Prepared,
    prepare: Option<Prepared>,
    ignore: Ignore,
    limit: Duration,
    target: Sink,
    figure: Option<Reader>,
    /// Whether no run was done yet. The output of the first run is read, because a program that
    /// cannot work fails in it, and the first run is seldom measured.
    first: bool,
    aside: Aside,
    buffer: Vec<u8>,
    capture: Capture,
}

impl Runner {
    /// Runs a line once and judges how it ended.
    fn once(&mut self, preparing: bool, number: u64) -> Result<Status> {
        let prepared = if preparing { self.prepare.as_mut() } else { Some(&mut self.main) };
        let Some(prepared) = prepared else { return Ok(Status::Exited(0)) };
        let first = std::mem::take(&mut self.first) && matches!(self.target, Sink::Null);
        let target = if first { &Sink::Pipe } else { &self.target };
        let run = prepared.run(number, self.limit, target, &mut self.capture, &mut self.buffer);
        let run = run.map_err(|error| {
            let program = prepared.line.program().display();
            let hint = match error.raw_os_error() {
                Some(libc::ENOEXEC) => " (a script begins with #! and its interpreter)",
                _ => "",
            };
            Error::failed(format!("{program} could not be run: {error}{hint}"))
        })?;
        if !preparing {
            self.aside.peak_memory = self.aside.peak_memory.max(run.ended.peak_memory);
        }
        let read = matches!(target, Sink::Pipe);
        let printed = || match self.capture.told() {
            told if read => told,
            told => format!(
                "on its standard error {told}\n(its output was not read; --output pipe shows it \
                 too)"
            ),
        };
        match (run.cut, run.ended.status) {
            (Some(Cut::Interrupt), _) => Err(Error::failed("interrupted")),
            (Some(Cut::TimeLimit { stubborn }), _) => Err(Error::failed(format!(
                "it did not end within {:?} and was ended{}; {}",
                self.limit,
                if stubborn {
                    format!(" by KILL, because it still ran {GRACE:?} after TERM")
                } else {
                    " by TERM".to_owned()
                },
                printed()
            ))),
            (None, Status::Exited(status)) if !self.ignore.forgives(status) => {
                Err(Error::failed(format!("it ended with exit status {status}; {}", printed())))
            }
            (None, status @ Status::Killed(_)) if self.ignore != Ignore::All => {
                Err(Error::failed(format!("it {status}; {}", printed())))
            }
            (None, _) if run.leaked && self.ignore != Ignore::All => Err(Error::failed(format!(
                "it ended but left something running that still held its standard error, which was \
                 killed: let it wait for what it starts; {}",
                printed()
            ))),
            (None, status) => Ok(status),
        }
    }

    /// The figure that the program which has just ended printed about itself, if one is asked for.
    fn figure(&self) -> Result<Option<Figure>> {
        let Some(reader) = &self.figure else { return Ok(None) };
        let told = |error: Error| Error::failed(format!("{error}; {}", self.capture.told()));
        reader.read(&self.capture.text()).map(Some).map_err(told)
    }
}

/// How many units a run of this length did at this rate, at least 1.
fn units(rate: f64, took: Duration) -> u64 {
    // The sum of all units must stay exact.
    const MOST: f64 = 1e12;
    (rate * took.as_secs_f64()).clamp(1.0, MOST).round() as u64
}

impl Task for Runner {
    fn run(&mut self, number: u64) -> Result<Work> {
        self.aside.untimed = Duration::ZERO;
        if self.prepare.is_some() {
            let start = Instant::now();
            self.once(true, number).map_err(|error| {
                let told = error.to_string();
                Error::failed(if told == "interrupted" {
                    told
                } else {
                    format!("its preparation: {told}")
                })
            })?;
            self.aside.untimed = start.elapsed();
        }
        let start = Instant::now();
        self.once(false, number)?;
        self.aside.figure = self.figure()?;
        // Several exit statuses may count as success, so the status is no checksum.
        let rate = self.aside.figure.map(|figure| figure.rate);
        let units = rate.map_or(1, |rate| units(rate, start.elapsed()));
        Ok(Work { units, checksum: 0 })
    }

    fn aside(&self) -> Aside {
        self.aside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_runs_are_done_before_the_first_task() {
        let directory = tempfile::tempdir().unwrap();
        let seen = directory.path().join("seen");
        let argv = format!("[\"sh\",\"-c\",\"echo {{task}} >> {}\"]", seen.display());
        let given = [("argv", argv.as_str()), ("warmup", "3")];
        let params = Params::resolve("command", META.params, given).unwrap();
        let shared = directory.path();
        let context =
            Context { params: &params, seed: 1, worker: 0, workers: 1, shared, host: None };
        let mut task = Command.prepare(&context).unwrap();
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "0\n1\n2\n");
        assert_eq!(task.run(9).unwrap(), Work { units: 1, checksum: 0 });
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "0\n1\n2\n9\n");
    }
}
