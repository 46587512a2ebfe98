//! `queue`: messages from many processes to many others, through one queue.

use std::collections::HashMap;
use std::time::Duration;

use knee_process::{Bytes, Child, Consumer, Process, Producer, Sender, function, pipe};
use serde::{Deserialize, Serialize};

use crate::support::message::{Batch, SMALLEST};
use crate::{Context, Error, Form, Kind, Meta, Param, Result, Task, Unit, Work, Workload, mix};

/// Passes messages from producers to consumers through a [queue](knee_process::Queue). All of them
/// are processes of the worker's own.
///
/// A task is one batch. The worker sends its number to the producers, which put their shares of
/// `messages` messages of `bytes` bytes each. The consumers take the messages and report what they
/// have received. Every message is checked, also the order of each producer's messages and that
/// none is missing. The figure includes the cost of the number and the reports, and of waking
/// processes that wait. More messages per batch make these costs smaller.
#[derive(Debug)]
pub struct Queue;

const META: Meta = Meta {
    name: "queue",
    summary: "messages from many processes to many, through one queue",
    kind: Kind::Ipc,
    unit: Unit { one: "message", many: "messages" },
    params: &[
        Param {
            name: "bytes",
            help: "size of each message",
            form: Form::Size { min: SMALLEST, max: 16 << 20 },
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
            name: "producers",
            help: "processes that put",
            form: Form::Count { min: 1, max: 64 },
            default: "1",
            small: "2",
        },
        Param {
            name: "consumers",
            help: "processes that take",
            form: Form::Count { min: 1, max: 64 },
            default: "1",
            small: "2",
        },
    ],
    equivalent: None,
};

/// After so long without a report, the worker checks that the other processes are alive.
const LOOK: Duration = Duration::from_millis(100);

/// The settings of a producer or consumer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Role {
    seed: u64,
    bytes: usize,
    messages: u64,
    /// This is producer `index` of `producers`.
    index: u64,
    producers: u64,
}

/// What a consumer has received since its last report.
#[derive(Debug, Serialize, Deserialize)]
struct Receipt {
    pass: u64,
    count: u64,
    sum: u64,
    /// The first fault in it.
    wrong: Option<String>,
}

/// The functions that run in this workload's processes.
pub(crate) fn entries() -> [knee_process::Entry; 2] {
    [function(produce), function(consume)]
}

/// Runs a producer: puts its share of each batch whose number it gets.
fn produce(
    role: Role,
    mut batches: knee_process::Receiver<(u64, u64)>,
    mut queue: Producer<Bytes>,
) {
    let mut message = Bytes(vec![role.index as u8; role.bytes]);
    while let Ok((number, pass)) = batches.recv() {
        let batch = Batch { seed: role.seed, number, pass };
        for index in (role.index..role.messages).step_by(role.producers as usize) {
            batch.write(index, &mut message.0);
            if queue.put(&message).is_err() {
                return;
            }
        }
    }
}

/// Runs a consumer: takes messages, and sends a report whenever there are no more for the moment.
fn consume(role: Role, mut queue: Consumer<Bytes>, mut receipts: Producer<Receipt>) {
    let mut last = HashMap::new();
    while let Ok(first) = queue.get() {
        let mut next = Some(first);
        let mut receipt: Option<Receipt> = None;
        while let Some(Bytes(message)) = next.take() {
            let checked = check(role, &message, &mut last);
            let pass = checked.as_ref().map_or(u64::MAX, |(pass, _)| *pass);
            if let Some(full) = receipt.take_if(|receipt| receipt.pass != pass)
                && receipts.put(&full).is_err()
            {
                return;
            }
            let known = receipt.get_or_insert(Receipt { pass, count: 0, sum: 0, wrong: None });
            match checked {
                Ok((_, proof)) => known.sum = known.sum.wrapping_add(proof),
                Err(error) => known.wrong = Some(error.to_string()),
            }
            known.count += 1;
            next = queue.try_get().ok().flatten();
        }
        if receipt.is_some_and(|receipt| receipts.put(&receipt).is_err()) {
            return;
        }
    }
}

/// Checks a message and its order among those of its producer; returns its pass number and its
/// proof.
fn check(role: Role, message: &[u8], last: &mut HashMap<u64, (u64, u64)>) -> Result<(u64, u64)> {
    let batch = Batch::of(role.seed, message)?;
    let (index, proof) = batch.read(message, role.bytes)?;
    match last.insert(index % role.producers, (batch.pass, index)) {
        Some((pass, before)) if pass == batch.pass && before >= index => Err(Error::wrong(
            format!("message {index} of batch {} came after message {before}", batch.number),
        )),
        _ => Ok((batch.pass, proof)),
    }
}

impl Workload for Queue {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        Crowd::gather(context)
            .map(|crowd| Box::new(crowd) as Box<dyn Task>)
            .map_err(|error| Error::failed(format!("queue: {error}")))
    }
}

/// The processes of one worker, which end with it.
struct Crowd {
    role: Role,
    producers: Vec<Sender<(u64, u64)>>,
    passes: u64,
    receipts: Consumer<Receipt>,
    children: Vec<Child<()>>,
}

impl Crowd {
    fn gather(context: &Context<'_>) -> knee_process::Result<Self> {
        let params = context.params;
        let role = Role {
            seed: context.seed,
            bytes: params.size("bytes") as usize,
            messages: params.count("messages"),
            index: 0,
            producers: params.count("producers"),
        };
        let (putting, taking) = knee_process::Queue::unbounded()?.split();
        let (telling, receipts) = knee_process::Queue::unbounded()?.split();
        let (mut producers, mut children) = (Vec::new(), Vec::new());
        for index in 0..role.producers {
            let (sender, batches) = pipe()?;
            let arguments = (Role { index, ..role }, batches, putting.clone());
            children
                .push(Process::new(produce, arguments).name(format!("producer-{index}")).start()?);
            producers.push(sender);
        }
        for index in 0..params.count("consumers") {
            let arguments = (role, taking.clone(), telling.clone());
            children
                .push(Process::new(consume, arguments).name(format!("consumer-{index}")).start()?);
        }
        let mut crowd = Self { role, producers, passes: 0, receipts, children };
        // The first batch waits until all processes are up. It is outside the clock.
        crowd.pass(u64::MAX)?;
        Ok(crowd)
    }

    /// Returns an error when one of the processes has ended, because then the batch would never be
    /// complete.
    fn find_dead(&self) -> knee_process::Result<()> {
        let ended = self.children.iter().find_map(|child| Some((child.name(), child.exit()?)));
        ended.map_or(Ok(()), |(name, exit)| {
            let reason =
                format!("{name}, process {}, {} before its batch was done", exit.pid, exit.status);
            Err(knee_process::Error::NotUp { reason })
        })
    }

    /// Passes one batch; returns the receipts' count and sum, or what was wrong.
    fn pass(&mut self, number: u64) -> knee_process::Result<(u64, u64, Option<String>)> {
        for producer in &mut self.producers {
            producer.send(&(number, self.passes))?;
        }
        let (mut count, mut sum, mut wrong) = (0, 0_u64, None);
        while count < self.role.messages {
            let receipt = match self.receipts.get_within(LOOK) {
                Err(knee_process::Error::TimedOut(_)) => {
                    self.find_dead()?;
                    continue;
                }
                receipt => receipt?,
            };
            if receipt.pass == self.passes {
                count += receipt.count;
                sum = sum.wrapping_add(receipt.sum);
            } else {
                wrong = Some("a message came after the end of its batch".to_owned());
                count += receipt.count;
            }
            wrong = wrong.or(receipt.wrong);
        }
        self.passes += 1;
        Ok((count, sum, wrong))
    }
}

impl Task for Crowd {
    fn run(&mut self, number: u64) -> Result<Work> {
        let passed = self.pass(number);
        let (count, sum, wrong) =
            passed.map_err(|error| Error::failed(format!("queue: {error}")))?;
        let batch = Batch { seed: self.role.seed, number, pass: 0 };
        if let Some(wrong) = wrong {
            return Err(Error::wrong(wrong));
        }
        if count != self.role.messages || sum != batch.sum(self.role.messages) {
            return Err(Error::wrong(format!(
                "batch {number}: {count} messages came, but not the right ones"
            )));
        }
        Ok(Work { units: count, checksum: mix(sum, number) })
    }

    fn processes(&self) -> Vec<u32> {
        self.children.iter().map(Child::pid).collect()
    }
}
