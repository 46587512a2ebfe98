//! The worker's side of a pool: it takes a task, runs it, answers, and sleeps when there is none.

use std::cell::RefCell;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::link::{
    LinkPlan, Listener, REPLIES_AT, RING, SHARED, TASKS_AT, Transport, record, unpack,
};
use super::meter::Meter;
use super::worker::{Caller, set_worker_index};
use crate::codec;
use crate::error::{Error, Result};
use crate::registry::{Action, Id, Registry};
use crate::ring::{Consumer, Producer};
use crate::shm::Mapping;
use crate::start::{fail, hello, panic_text};
use crate::sys::bell::Bell;
use crate::sys::control::{Control, Kind};
use crate::sys::original::Original;
use crate::work::WorkerBody;

/// What a new worker is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WorkerStart {
    pub(crate) index: u32,
    pub(crate) body: Body,
    pub(crate) link: LinkPlan,
}

/// What runs the tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Body {
    /// Registered functions. The initialiser, if any, is called once before the first task.
    Functions { initialiser: Option<Id> },
    /// A registered [`Worker`](super::Worker).
    Typed { id: Id, target: String },
}

/// How long a nap takes: as long as being woken. Tasks that gather meanwhile cost no wake-up.
const NAP: Duration = Duration::from_micros(10);

thread_local! {
    /// The place and the message of the last panic of this thread.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Serves a pool until it says quit; never returns.
pub(crate) fn serve(
    control: Control,
    registry: &'static Registry,
    start: &[u8],
    init: &[u8],
    own: Vec<OwnedFd>,
    init_fds: Vec<OwnedFd>,
) -> ! {
    let start: WorkerStart =
        codec::decode(start).unwrap_or_else(|error| fail(&control, &error.to_string()));
    set_worker_index(start.index as usize);
    hello(&control);
    keep_panics_quiet();
    let built = catch_unwind(AssertUnwindSafe(|| build(registry, start.body, init, init_fds)));
    let body =
        built.unwrap_or_else(|panic| Err(format!("its initialiser panicked: {}", said(&*panic))));
    let body = body.unwrap_or_else(|reason| fail(&control, &reason));
    let worked = match start.link.transport {
        Transport::Ring => {
            RingServer::new(control, own, start.link.busy_poll, body).and_then(RingServer::run)
        }
        Transport::Socket => serve_socket(control, body),
    };
    match worked {
        Ok(()) | Err(Error::Closed) => exit(0),
        Err(error) => {
            eprintln!("worker {}: {error}", start.index);
            exit(1)
        }
    }
}

/// Stops panics from being printed here, because the parent reports each as its task's failure.
fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map(|at| format!(", at {}:{}", at.file(), at.line()))
            .unwrap_or_default();
        let text = panic_text(info.payload());
        PANIC.set(Some(format!("{text}{place}")));
    }));
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    PANIC.take().unwrap_or_else(|| panic_text(panic))
}

fn build(
    registry: &'static Registry,
    body: Body,
    init: &[u8],
    mut fds: Vec<OwnedFd>,
) -> std::result::Result<Box<dyn WorkerBody>, String> {
    match body {
        Body::Functions { initialiser } => {
            if let Some(id) = initialiser {
                let Some(Action::Call(call)) = registry.action(id) else {
                    return Err(
                        "its program has not registered the initialiser with knee_process::init"
                            .into(),
                    );
                };
                call(init, &mut fds, &mut Vec::new()).map_err(|error| error.to_string())?;
            }
            Ok(Box::new(Caller::new(registry)))
        }
        Body::Typed { id, target } => match registry.action(id) {
            Some(Action::Worker(start)) => start(init, fds),
            _ => Err(Error::NotRegistered { name: target }.to_string()),
        },
    }
}

/// Runs one task. Returns the kind of the answer; the answer itself replaces the content of
/// `reply`.
#[inline]
fn run(
    original: &Original,
    body: &mut dyn WorkerBody,
    task: &[u8],
    fds: &mut Vec<OwnedFd>,
    reply: &mut Vec<u8>,
) -> u8 {
    reply.clear();
    let ran = catch_unwind(AssertUnwindSafe(|| body.run(task, fds, reply)));
    // A task may have forked. The copy must not answer or take further tasks, so it ends here.
    original.end_copy();
    match ran {
        Ok(Ok(())) => record::DONE,
        Ok(Err(text)) => failed(record::FAILED, &text, reply),
        Err(panic) => failed(record::PANICKED, &said(&*panic), reply),
    }
}

#[cold]
fn failed(kind: u8, text: &str, reply: &mut Vec<u8>) -> u8 {
    reply.clear();
    reply.extend_from_slice(text.as_bytes());
    kind
}

/// A worker on rings.
struct RingServer {
    control: Control,
    body: Box<dyn WorkerBody>,
    tasks: Consumer,
    replies: Producer,
    own: Bell,
    keeper: Bell,
    waiter: Bell,
    busy_poll: Option<Duration>,
    meter: Meter,
    original: Original,
}

impl RingServer {
    fn new(
        control: Control,
        fds: Vec<OwnedFd>,
        busy_poll: Option<Duration>,
        body: Box<dyn WorkerBody>,
    ) -> Result<Self> {
        let missing = || Error::Damaged("descriptors are missing in the start");
        let mut fds = fds.into_iter();
        let file = fds.next().ok_or_else(missing)?;
        let memory = Arc::new(Mapping::new(file.as_fd(), 0, SHARED)?);
        let mut bell = || Bell::from_fds(&mut fds).ok_or_else(missing);
        let (own, keeper, waiter) = (bell()?, bell()?, bell()?);
        let tasks = Consumer::revocable(&memory, TASKS_AT, RING)?;
        let replies = Producer::new(&memory, REPLIES_AT, RING)?;
        control.send(Kind::Ready, &[], &[], None)?;
        Ok(Self {
            control,
            body,
            tasks,
            replies,
            own,
            keeper,
            waiter,
            busy_poll,
            meter: Meter::new(memory),
            original: Original::new(),
        })
    }

    fn run(mut self) -> Result<()> {
        let (mut task, mut reply) = (Vec::new(), Vec::new());
        loop {
            let Some(header) = self.tasks.pop(&mut task)? else {
                self.idle()?;
                continue;
            };
            if header.kind == record::QUIT {
                return Ok(());
            }
            let mut fds = if header.kind & record::ATTACHED == 0 {
                Vec::new()
            } else {
                let number = task.first_chunk().ok_or(Error::Damaged("a record is too short"))?;
                let (bytes, fds) = self.attachment(u32::from_le_bytes(*number))?;
                task = bytes;
                fds
            };
            let kind = run(&self.original, &mut *self.body, &task, &mut fds, &mut reply);
            self.answer(kind, header.tag, &reply)?;
            self.meter.ran();
        }
    }

    /// The attachment of this number. Those before it belong to revoked tasks and are skipped.
    fn attachment(&mut self, number: u32) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
        loop {
            let frame = self.control.recv(None)?.ok_or(Error::Closed)?;
            let (found, bytes, fds) = unpack(frame)?;
            if found == number {
                return Ok((bytes, fds));
            }
        }
    }

    #[inline]
    fn answer(&mut self, kind: u8, number: u32, bytes: &[u8]) -> Result<()> {
        if bytes.len() > self.replies.largest() / 2 {
            self.attach(number, bytes)?;
            return self.publish(kind | record::ATTACHED, number, &[]);
        }
        self.publish(kind, number, bytes)
    }

    /// Sends a result that is too large for the ring as an attachment.
    #[cold]
    fn attach(&mut self, number: u32, bytes: &[u8]) -> Result<()> {
        let parcel = crate::shm::parcel(bytes)?;
        self.control.send(Kind::Attachment, &number.to_le_bytes(), &[parcel.as_fd()], None)
    }

    #[inline]
    fn publish(&mut self, kind: u8, number: u32, bytes: &[u8]) -> Result<()> {
        if !self.replies.push(kind, number, bytes)? {
            self.wait_to_publish(kind, number, bytes)?;
        }
        self.wake_parent();
        Ok(())
    }

    #[cold]
    fn wait_to_publish(&mut self, kind: u8, number: u32, bytes: &[u8]) -> Result<()> {
        loop {
            self.wake_parent();
            if self.replies.doze(bytes.len()) {
                self.own.wait(None)?;
            }
            if self.replies.push(kind, number, bytes)? {
                return Ok(());
            }
        }
    }

    #[inline]
    fn wake_parent(&self) {
        match self.replies.sleeper() {
            None => {}
            Some(whom) if whom == Listener::Waiter as u32 => self.waiter.ring(),
            Some(_) => self.keeper.ring(),
        }
    }

    /// Waits for the next task: polls where `busy_poll` is set, naps in a rush, then sleeps until
    /// the parent rings.
    fn idle(&mut self) -> Result<()> {
        let rush = self.meter.pause();
        if let Some(limit) = self.busy_poll {
            let mut now = Instant::now();
            let end = now + limit;
            while now < end {
                for _ in 0..8 {
                    if !self.tasks.is_empty() {
                        // A clock reading that is a moment old will do, so the task need not wait
                        // for a new one.
                        self.meter.resume(now);
                        return Ok(());
                    }
                    std::hint::spin_loop();
                }
                now = Instant::now();
            }
        } else if rush {
            std::thread::sleep(NAP);
        }
        if self.tasks.doze(1) {
            self.meter.napped = false;
            self.own.wait(None)?;
        }
        self.tasks.rouse();
        self.meter.resume(Instant::now());
        Ok(())
    }
}

/// Serves a worker that has no rings: tasks and results go through the control channel.
fn serve_socket(mut control: Control, mut body: Box<dyn WorkerBody>) -> Result<()> {
    control.send(Kind::Ready, &[], &[], None)?;
    let (original, mut reply) = (Original::new(), Vec::new());
    loop {
        let mut frame = control.recv(None)?.ok_or(Error::Closed)?;
        match frame.kind {
            Kind::Quit => return Ok(()),
            Kind::Task => {
                let (number, task) = frame
                    .payload
                    .split_first_chunk::<4>()
                    .ok_or(Error::Damaged("a task frame is too short"))?;
                let kind = run(&original, &mut *body, task, &mut frame.fds, &mut reply);
                let mut answer = vec![kind];
                answer.extend_from_slice(number);
                answer.extend_from_slice(&reply);
                control.send(Kind::Reply, &answer, &[], None)?;
            }
            _ => return Err(Error::Damaged("a frame for a worker has no meaning")),
        }
    }
}
