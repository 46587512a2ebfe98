//! `worker`: the user's program, in any language, which keeps running and does one task after
//! another.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command as Starter;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Signal;
use serde::Deserialize;

use crate::foreign::capture::{Capture, Output, Read, line};
use crate::foreign::child::Child;
use crate::foreign::family::family;
use crate::foreign::line::{Line, Slot, Values};
use crate::foreign::talk::{Heard, Talk};
use crate::foreign::{argv, environment};
use crate::{
    Context, Error, Form, Kind, Meta, Note, Param, Params, Result, Task, Unit, Work, Workload,
};

/// Keeps one process per worker and sends it a line of JSON per task. This crate's README describes
/// the protocol.
#[derive(Debug)]
pub struct Worker;

/// A worker that does not end at the end of its input is killed after this time.
const FAREWELL: Duration = Duration::from_millis(500);

/// The largest number of units of a task. It must stay exact as a floating-point number.
const MOST_UNITS: u64 = 1 << 53;

const META: Meta = Meta {
    name: "worker",
    summary: "tasks for a worker process of yours: knee run --worker 'PROGRAM [ARG..]'",
    kind: Kind::Cpu,
    unit: Unit { one: "unit", many: "units" },
    params: &[
        Param {
            name: "argv",
            help: "the worker program and its arguments, as a JSON list",
            form: Form::Text,
            default: "[\"cat\"]",
            small: "[\"cat\"]",
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
            name: "env",
            help: "environment variables for the worker, as a JSON object",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "limit",
            help: "seconds that one task may take",
            form: Form::Number { min: 0.001, max: 604_800.0 },
            default: "600",
            small: "10",
        },
    ],
    equivalent: None,
};

impl Workload for Worker {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn supported(&self, params: &Params) -> Result<()> {
        program(params).map(drop)
    }

    fn parallel_by_itself(&self, params: &Params) -> bool {
        !params.text("sweep").is_empty()
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let sweep = context.params.text("sweep");
        if sweep.is_empty() {
            return Vec::new();
        }
        let text = format!(
            "the worker count was given to the program itself in place of {sweep}; one process, \
             one task at a time"
        );
        vec![Note { warning: false, text, remedy: String::new() }]
    }

    /// Starts the process and gives it task 0, so that no task pays for starting.
    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let line = program(context.params)?;
        let limit = Duration::from_secs_f64(context.params.number("limit"));
        let mut process = Process::start(&line, context, limit).map_err(|error| {
            Error::io(format!("{} cannot be started", line.program().display()), &error)
        })?;
        process.run(0)?;
        Ok(Box::new(process))
    }
}

fn program(params: &Params) -> Result<Line> {
    let sweep = params.text("sweep");
    let line = Line::new(&argv("worker", "argv", params.text("argv"))?, sweep)?;
    if line.has(Slot::Task) {
        return Err(Error::usage(
            "{task} means nothing to a worker that does many tasks; it is told each number on its \
             input",
        ));
    }
    if !sweep.is_empty() && !line.has(Slot::Workers) {
        return Err(Error::usage(format!(
            "{sweep} occurs nowhere in the worker's command line, so every count would run the same"
        )));
    }
    Ok(line)
}

/// A worker's answer to a task. Missing fields have their defaults, and unknown fields are ignored.
#[derive(Debug, Deserialize)]
struct Reply {
    #[serde(default = "one")]
    units: u64,
    #[serde(default)]
    checksum: u64,
    /// The task's number. It may be left out, and is checked if it is there.
    task: Option<u64>,
    /// Why the task could not be done.
    error: Option<String>,
}

fn one() -> u64 {
    1
}

/// One worker process.
struct Process {
    child: Child,
    talk: Talk,
    /// The pipe from its standard error.
    errors: Output,
    capture: Capture,
    buffer: Vec<u8>,
    limit: Duration,
    worker: usize,
    seed: u64,
    /// Whether it has failed before. After that its answers cannot be trusted.
    broken: bool,
}

impl Process {
    fn start(line: &Line, context: &Context<'_>, limit: Duration) -> io::Result<Self> {
        let values = Values { worker: context.worker, workers: context.workers, task: 0, port: 0 };
        let words = line.words(values);
        let env = environment("worker", context.params).map_err(io::Error::other)?;
        let (input, tasks) = pipe_with(PipeFlags::CLOEXEC)?;
        let (replies, output) = Output::pipe()?;
        let (errors, complaint) = Output::pipe()?;
        let child = Child::start(
            Starter::new(line.program())
                .arg0(&words[0])
                .args(&words[1..])
                .envs(env)
                .env("KNEE_WORKER", context.worker.to_string())
                .env("KNEE_WORKERS", context.workers.to_string())
                .stdin(input)
                .stdout(output)
                .stderr(complaint),
        )?;
        Ok(Self {
            child,
            talk: Talk::new(tasks, replies)?,
            errors,
            capture: Capture::default(),
            buffer: vec![0; 16 << 10],
            limit,
            worker: context.worker,
            seed: context.seed,
            broken: false,
        })
    }

    /// Sends one task and reads its answer.
    fn exchange(&mut self, number: u64) -> Result<Work> {
        let Self { worker, seed, .. } = *self;
        let task = format!("{{\"task\":{number},\"worker\":{worker},\"seed\":{seed}}}\n");
        let heard = self
            .talk
            .ask(&task, &self.child, &self.errors, &mut self.capture, &mut self.buffer, self.limit)
            .map_err(|error| Error::io("talking to the worker", &error))?;
        let reason = match heard {
            Heard::Line(reply) => return judge(&reply, number),
            Heard::Interrupted => return Err(Error::failed("interrupted")),
            Heard::Unasked(text) => format!(
                "the worker printed {:?} although no task was under way; it may print one line per \
                 task",
                line(&text)
            ),
            Heard::TooLong(bytes) => {
                format!("the worker's reply has more than {bytes} bytes without an end of line")
            }
            Heard::Late => format!(
                "the worker gave no reply within {:?}; if it did answer, its line is still in its \
                 buffer: flush after each line (in Python print(.., flush=True))",
                self.limit
            ),
            Heard::Closed => "the worker closed its output".to_owned(),
            Heard::Ended => match self.child.reap() {
                Ok(ended) => format!("the worker {}", ended.status),
                Err(error) => format!("the worker ended, and its status is unknown: {error}"),
            },
        };
        Err(Error::failed(format!("{reason}; {}", self.complaints())))
    }

    /// The output on its standard error so far, as part of a message.
    fn complaints(&mut self) -> String {
        while let Ok(Read::Some) = self.errors.read(&mut self.capture, &mut self.buffer) {}
        format!("on its standard error {}", self.capture.told())
    }
}

fn judge(reply: &str, number: u64) -> Result<Work> {
    let parsed: Reply = serde_json::from_str(reply).map_err(|_| {
        Error::failed(format!(
            "the worker printed {:?} where a line such as {{\"units\": 1, \"checksum\": 5}} was \
             expected",
            line(reply)
        ))
    })?;
    match parsed {
        Reply { error: Some(error), .. } => {
            Err(Error::failed(format!("the worker said: {}", line(&error))))
        }
        Reply { task: Some(other), .. } if other != number => {
            Err(Error::wrong(format!("the worker answered to task {other}")))
        }
        Reply { units, .. } if units > MOST_UNITS => Err(Error::wrong(format!(
            "the worker answered that task {number} did {units} units; more than {MOST_UNITS} \
             cannot be counted"
        ))),
        Reply { units, checksum, .. } => Ok(Work { units, checksum }),
    }
}

impl Task for Process {
    fn run(&mut self, number: u64) -> Result<Work> {
        if self.broken {
            return Err(Error::failed("the worker failed before"));
        }
        let result = self.exchange(number);
        self.broken = result.is_err();
        result
    }

    fn processes(&self) -> Vec<u32> {
        family(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Closing its input tells the worker to end. A worker in the middle of a task may not
        // notice it. If it is still there after the farewell, dropping the child kills it.
        self.talk.hang_up();
        if self.broken {
            self.child.signal_group(Signal::TERM);
        }
        let _ = self.child.await_end(Instant::now() + FAREWELL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_with_defaults() {
        assert_eq!(judge("{}", 3).unwrap(), Work { units: 1, checksum: 0 });
        let full = judge(r#"{"task":3,"units":7,"checksum":18446744073709551615,"note":"x"}"#, 3);
        assert_eq!(full.unwrap(), Work { units: 7, checksum: u64::MAX });
    }

    #[test]
    fn bad_replies_are_told_apart() {
        let says = |reply: &str| judge(reply, 3).unwrap_err().to_string();
        assert!(says("hello").contains("printed \"hello\""));
        assert!(says(r#"{"units": -1}"#).contains("was expected"));
        assert!(says(r#"{"units": 18446744073709551615}"#).contains("cannot be counted"));
        assert!(says(r#"{"task": 4}"#).contains("answered to task 4"));
        assert!(says(r#"{"error": "no disk"}"#).contains("the worker said: no disk"));
    }

    proptest::proptest! {
        #[test]
        fn no_reply_panics(reply in ".*") {
            let _ = judge(&reply, 0);
        }
    }
}
