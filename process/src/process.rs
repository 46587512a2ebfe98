//! One process: a target, its arguments, and a handle to what was started.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::Signal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::error::{Error, Result};
use crate::outcome::{Death, Exit, Failure, Outcome};
use crate::registry::{Function, Id, Run, id_of};
use crate::spawn::child::ChildProcess;
use crate::spawn::{Launch, Launched, Output, StartMethod, launch};
use crate::start::Work;
use crate::sys::control::{Control, Frame, Kind};
use crate::sys::lifeline::Lifeline;
use crate::sys::oom;
use crate::sys::poll::{self, Deadline, deadline_after};

/// A process before it is started: what it runs, with which arguments, under which name.
///
/// `R` is what its target returns; see [`Child::outcome`].
#[must_use = "a process does nothing until it is started"]
pub struct Process<R> {
    target: Result<Id>,
    target_name: &'static str,
    args: Result<(Vec<u8>, Vec<OwnedFd>)>,
    name: Option<String>,
    method: StartMethod,
    output: Output,
    result: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Process<R> {
    /// A process that calls `target`, a registered function, with the tuple `args`.
    pub fn new<F, Args>(target: F, args: Args) -> Self
    where
        F: Function<Args, Output = R>,
        Args: Serialize,
    {
        let _ = target;
        Self::with(id_of::<F>(), type_name::<F>(), &args)
    }

    /// A process that runs [`Run::run`] of a registered type, on a copy of `target`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the value moves to the process, and with it the ends of queues and pipes inside"
    )]
    pub fn of<T: Run<Output = R>>(target: T) -> Self {
        Self::with(id_of::<T>(), type_name::<T>(), &target)
    }

    fn with<T: Serialize>(target: Result<Id>, target_name: &'static str, args: &T) -> Self {
        let args = codec::encoded(args);
        let (name, method, output) = (None, StartMethod::default(), Output::default());
        Self { target, target_name, args, name, method, output, result: PhantomData }
    }

    /// Names the process, for `ps` and for [`process_name`](crate::process_name) inside it. The
    /// default is the name of its target.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Chooses how the process is started.
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.method = method;
        self
    }

    /// Chooses where its standard output goes.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Starts the process and returns at once.
    ///
    /// # Errors
    /// [`Error::NotInitialised`] or [`Error::NotRegistered`] when `main` did not prepare for it,
    /// [`Error::Encode`] when the arguments cannot cross, [`Error::Spawn`] or [`Error::Io`] when
    /// the system refuses.
    pub fn start(self) -> Result<Child<R>> {
        let id = self.target?;
        let (args, arg_fds) = self.args?;
        let short = self.target_name.rsplit("::").next().unwrap_or(self.target_name);
        let name = self.name.unwrap_or_else(|| short.to_owned());
        let oom_before = oom::kills();
        let Launched { child, control, lifeline } = launch(Launch {
            name: &name,
            work: Work::Call { id, target: self.target_name.to_owned() },
            args,
            own_fds: Vec::new(),
            arg_fds,
            method: self.method,
            output: self.output,
            lasting_thread: false,
        })?;
        let inbox = Mutex::new(Inbox { control, hello: false, reply: None, closed: false });
        Ok(Child {
            process: child,
            inbox,
            name,
            oom_before,
            _lifeline: lifeline,
            result: PhantomData,
        })
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("target", &self.target_name)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A process that was started. Dropping it kills the process, if it still runs, and reaps it.
pub struct Child<R> {
    process: ChildProcess,
    inbox: Mutex<Inbox>,
    name: String,
    oom_before: Option<u64>,
    _lifeline: Lifeline,
    result: PhantomData<fn() -> R>,
}

/// What the child has sent so far.
struct Inbox {
    control: Control,
    hello: bool,
    reply: Option<Frame>,
    closed: bool,
}

impl Inbox {
    /// Reads what is there, so that a child that writes a large result does not block while it is
    /// joined.
    fn read(&mut self) {
        while !self.closed {
            match self.control.try_recv() {
                Ok(Some(frame)) if frame.kind == Kind::Hello => self.hello = true,
                Ok(Some(frame)) if frame.kind == Kind::Forked => {}
                Ok(Some(frame)) => self.reply = Some(frame),
                Ok(None) => return,
                Err(_) => self.closed = true,
            }
        }
    }
}

impl<R> Child<R> {
    /// The process id; it may have been given to another process once this one was joined.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The name it was started with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        self.process.try_reap().is_none()
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        self.process.try_reap()
    }

    /// Asks it to end, with SIGTERM to it and its process group. Does nothing when it has ended.
    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Ends it at once, with SIGKILL to it and its process group. Does nothing when it has ended.
    pub fn kill(&self) {
        self.process.signal(Signal::KILL);
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the system cannot wait.
    pub fn join(&self) -> Result<Exit> {
        let exit = self.join_until(None)?;
        exit.ok_or(Error::TimedOut(Duration::MAX))
    }

    /// Waits until it has ended, for up to `limit`. `None` means that it still runs.
    ///
    /// # Errors
    /// [`Error::Io`] when the system cannot wait.
    pub fn join_within(&self, limit: Duration) -> Result<Option<Exit>> {
        self.join_until(deadline_after(limit))
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join_until(&self, deadline: Deadline) -> Result<Option<Exit>> {
        loop {
            let mut inbox = self.lock();
            inbox.read();
            if let Some(exit) = self.process.try_reap() {
                // Reads what it wrote just before its end.
                inbox.read();
                return Ok(Some(exit));
            }
            if inbox.closed {
                drop(inbox);
                return self.process.wait(deadline);
            }
            let socket = inbox.control.socket();
            drop(inbox);
            let socket = PollFd::new(&*socket, PollFlags::IN);
            #[cfg(target_os = "linux")]
            let mut fds = [PollFd::new(&self.process, PollFlags::IN), socket];
            #[cfg(not(target_os = "linux"))]
            let mut fds = [socket];
            if !poll::poll(&mut fds, deadline)? {
                return Ok(self.process.try_reap());
            }
        }
    }

    /// Its death as a failure.
    fn death(&self, exit: Exit) -> Failure {
        let oom_kills =
            self.oom_before.zip(oom::kills()).map(|(before, after)| after.saturating_sub(before));
        Failure::Died(Death { pid: exit.pid, status: exit.status, oom_kills })
    }
}

impl<R: DeserializeOwned> Child<R> {
    /// Waits until it has ended and returns what its target returned.
    ///
    /// # Errors
    /// The [`Failure`] tells why there is no result: a panic, a death, a program that did not come
    /// up.
    pub fn outcome(self) -> Outcome<R> {
        let exit = self.join().map_err(|error| Failure::NeverStarted(error.to_string()))?;
        let mut inbox = self.lock();
        let text = |frame: &Frame| String::from_utf8_lossy(&frame.payload).into_owned();
        match inbox.reply.take() {
            Some(frame) if frame.kind == Kind::Done => codec::decode(&frame.payload)
                .map_err(|error| Failure::Unreadable(error.to_string())),
            Some(frame) if frame.kind == Kind::Panicked => Err(Failure::Panicked(text(&frame))),
            Some(frame) if inbox.hello => Err(Failure::Failed(text(&frame))),
            Some(frame) => Err(Failure::NeverStarted(text(&frame))),
            None if inbox.hello => Err(self.death(exit)),
            None => Err(Failure::NeverStarted(silent_start(exit))),
        }
    }
}

/// The message for a child that ended without having sent anything.
pub(crate) fn silent_start(exit: Exit) -> String {
    format!(
        "process {} {} before it came to knee_process::init; is that the first line of its main?",
        exit.pid, exit.status
    )
}

impl<R> fmt::Debug for Child<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("name", &self.name)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}
