//! `pipe`: messages from one process to another, through a pipe.

use knee_process::{Child, Duplex, Process, duplex, function};
use serde::{Deserialize, Serialize};

use crate::support::message::{Batch, SMALLEST};
use crate::{Context, Error, Form, Kind, Meta, Param, Result, Task, Unit, Work, Workload, mix};

/// Passes messages through a [pipe](knee_process::duplex) between the worker and a process of its
/// own.
///
/// A task is one batch of `messages` messages of `bytes` bytes each. With `way=there` the worker
/// sends them, and at the end the other side reports what it has received. With `way=both` the
/// other side sends each message back before the worker sends the next, so the figure shows how
/// quickly one process wakes the other. Every message and their order are checked.
#[derive(Debug)]
pub struct Pipe;

const META: Meta = Meta {
    name: "pipe",
    summary: "messages from one process to another, through a pipe",
    kind: Kind::Ipc,
    unit: Unit { one: "message", many: "messages" },
    params: &[
        Param {
            name: "bytes",
            help: "size of each message",
            form: Form::Size { min: SMALLEST, max: 64 << 20 },
            default: "64",
            small: "64",
        },
        Param {
            name: "messages",
            help: "messages that a task passes",
            form: Form::Count { min: 1, max: 10_000_000 },
            default: "10000",
            small: "100",
        },
        Param {
            name: "way",
            help: "there: one way; both: each message comes back",
            form: Form::Choice(&["there", "both"]),
            default: "there",
            small: "there",
        },
    ],
    equivalent: None,
};

/// The settings of the other side.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Role {
    seed: u64,
    bytes: usize,
    messages: u64,
    back: bool,
}

/// The functions that run in this workload's processes.
pub(crate) fn entries() -> [knee_process::Entry; 1] {
    [function(answer)]
}

/// Receives batch after batch until the worker is gone.
fn answer(role: Role, mut line: Duplex<u64, u64>) {
    let mut message = Vec::new();
    while let Ok(number) = line.recv() {
        let batch = Batch { seed: role.seed, number, pass: 0 };
        let mut sum = 0_u64;
        for expected in 0..role.messages {
            if line.recv_bytes(&mut message).is_err() {
                return;
            }
            match batch.read(&message, role.bytes) {
                Ok((index, proof)) if index == expected => sum = sum.wrapping_add(proof),
                // A wrong sum tells the worker that the batch was damaged.
                _ => sum = !sum,
            }
            if role.back && line.send_bytes(&message).is_err() {
                return;
            }
        }
        if line.send(&sum).is_err() {
            return;
        }
    }
}

impl Workload for Pipe {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let pair = Pair::start(context).map_err(|error| Error::failed(format!("pipe: {error}")))?;
        Ok(Box::new(pair))
    }
}

/// The worker's end of the pipe, and the process at the other end, which ends with the worker.
struct Pair {
    role: Role,
    line: Duplex<u64, u64>,
    child: Child<()>,
    message: Vec<u8>,
    back: Vec<u8>,
}

impl Pair {
    fn start(context: &Context<'_>) -> knee_process::Result<Self> {
        let params = context.params;
        let role = Role {
            seed: context.seed,
            bytes: params.size("bytes") as usize,
            messages: params.count("messages"),
            back: params.text("way") == "both",
        };
        let (line, theirs) = duplex()?;
        let child = Process::new(answer, (role, theirs)).name("pipe-peer").start()?;
        let mut pair = Self { role, line, child, message: vec![7; role.bytes], back: Vec::new() };
        // The first batch waits until the other side is up. It is outside the clock.
        pair.pass(u64::MAX)?;
        Ok(pair)
    }

    /// Passes one batch; returns the other side's checksum of it, and whether all messages came
    /// back unchanged.
    fn pass(&mut self, number: u64) -> knee_process::Result<(u64, bool)> {
        let batch = Batch { seed: self.role.seed, number, pass: 0 };
        let mut same = true;
        self.line.send(&number)?;
        for index in 0..self.role.messages {
            batch.write(index, &mut self.message);
            self.line.send_bytes(&self.message)?;
            if self.role.back {
                self.line.recv_bytes(&mut self.back)?;
                same &= self.back == self.message;
            }
        }
        Ok((self.line.recv()?, same))
    }
}

impl Task for Pair {
    fn run(&mut self, number: u64) -> Result<Work> {
        let passed = self.pass(number);
        let (sum, same) = passed.map_err(|error| Error::failed(format!("pipe: {error}")))?;
        let expected = Batch { seed: self.role.seed, number, pass: 0 }.sum(self.role.messages);
        if sum != expected || !same {
            return Err(Error::wrong(format!("batch {number} came out of the pipe changed")));
        }
        Ok(Work { units: self.role.messages, checksum: mix(sum, number) })
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.child.pid()]
    }
}
