//! The child's side of a start: what happens inside [`init`] when this process is somebody's child.

use std::any::Any;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::codec::{self, Bytes};
use crate::error::{Error, Result};
use crate::pool::serve::{self, WorkerStart};
use crate::registry::{Action, Entry, Id, Registry};
use crate::spawn::fork_server;
use crate::sys::control::{Control, Frame, Kind};
use crate::sys::lifeline;
use crate::sys::original::Original;

/// The first argument of a child, by which `init` knows that it is one.
pub(crate) const MARKER: &str = "__knee-process";

/// Both sides must speak the same frames.
const PROTOCOL: u32 = 1;

/// What a parent tells its child first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    protocol: u32,
    parent: u32,
    /// Whether the thread that started the child lives as long as the parent needs the child.
    die_with_thread: bool,
    name: String,
    work: Work,
    args: Bytes,
    /// How many descriptors, after the lifeline, are not part of the arguments.
    own_fds: u32,
}

/// What the child is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Run a registered function or type once.
    Call { id: Id, target: String },
    /// Serve the tasks of a pool.
    Worker(WorkerStart),
    /// Fork children on request.
    ForkServer,
    /// Outlive the parent, and end whom it has left.
    Warden,
}

impl Start {
    pub(crate) fn new(
        name: &str,
        work: Work,
        args: Vec<u8>,
        own_fds: usize,
        die_with_thread: bool,
    ) -> Self {
        let (parent, own_fds) = (std::process::id(), own_fds as u32);
        Self {
            protocol: PROTOCOL,
            parent,
            die_with_thread,
            name: name.into(),
            work,
            args: Bytes(args),
            own_fds,
        }
    }
}

static NAME: RwLock<Option<String>> = RwLock::new(None);

/// The name that this process was started with, when it is a child of this crate.
pub fn process_name() -> Option<String> {
    NAME.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Makes functions and types known to other processes; the one line that belongs at the head of
/// `main`.
///
/// In a process that was started by this crate it does that process's work and never returns.
/// Anywhere else it returns at once. What stands before it in `main` runs in every child too.
///
/// # Panics
/// When two entries have the same name, as two closures of one function have.
pub fn init(entries: impl IntoIterator<Item = Entry>) {
    let registry = Registry::install(entries);
    if is_child() {
        let (control, start) = match receive_start() {
            Ok(start) => start,
            // The parent died before it could say what to do.
            Err(Error::Closed) => exit(1),
            Err(error) => {
                eprintln!("{MARKER} is for processes that this program starts by itself ({error})");
                exit(2)
            }
        };
        live(control, start, registry)
    }
}

/// Whether this process was started by this crate.
pub fn is_child() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == MARKER)
}

/// Moves the control channel out of the way of the work: nothing that reads stdin can reach it.
fn receive_start() -> Result<(Control, Frame)> {
    // SAFETY: 0 is standard input, if it is anything; it is not closed here.
    let stdin = unsafe { BorrowedFd::borrow_raw(0) };
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 10)
        .map_err(Error::os("move the control channel"))?;
    let null = std::fs::File::open("/dev/null").map_err(Error::io("open /dev/null"))?;
    // SAFETY: both descriptors are open; 0 is replaced, and nobody else uses it this early.
    if unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), 0) } < 0 {
        return Err(Error::io("replace stdin")(std::io::Error::last_os_error()));
    }
    let mut control = Control::new(socket);
    let frame = control.recv(None)?.ok_or(Error::Closed)?;
    Ok((control, frame))
}

/// Does what the start frame says, then ends the process.
pub(crate) fn live(control: Control, frame: Frame, registry: &'static Registry) -> ! {
    let mut fds = frame.fds.into_iter();
    let start = match prepare(frame.kind, &frame.payload, fds.next()) {
        Ok(start) => start,
        Err(error) => fail(&control, &error.to_string()),
    };
    let own: Vec<OwnedFd> = fds.by_ref().take(start.own_fds as usize).collect();
    let args_fds: Vec<OwnedFd> = fds.collect();
    match start.work {
        Work::Call { id, target } => call(&control, registry, id, &target, &start.args.0, args_fds),
        Work::Worker(work) => serve::serve(control, registry, work, &start.args.0, own, args_fds),
        Work::ForkServer => fork_server::serve(control, registry),
        #[cfg(target_os = "linux")]
        Work::Warden => crate::spawn::warden::serve(control, &own),
        #[cfg(not(target_os = "linux"))]
        Work::Warden => fail(&control, "the warden is for Linux"),
    }
}

/// Reads the start and ties this process to its parent.
fn prepare(kind: Kind, payload: &[u8], line: Option<OwnedFd>) -> Result<Start> {
    if kind != Kind::Start {
        return Err(Error::Damaged("the first frame is not a start"));
    }
    let start: Start = codec::decode(payload)?;
    if start.protocol != PROTOCOL {
        let reason = format!(
            "its program speaks protocol {PROTOCOL}, the parent {}; use one build for both",
            start.protocol
        );
        return Err(Error::NotUp { reason });
    }
    let line = line.ok_or(Error::Damaged("the start comes without a lifeline"))?;
    if matches!(start.work, Work::Warden) {
        // Its work begins with the parent's end.
        name_this_process(&start.name);
        return Ok(start);
    }
    lifeline::attach(line)?;
    #[cfg(target_os = "linux")]
    if start.die_with_thread {
        use rustix::process::{Signal, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(Error::os("tie a child to its parent"))?;
    }
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get() as u32);
    if start.parent != parent {
        // The parent died before the ties were made.
        exit(1);
    }
    name_this_process(&start.name);
    Ok(start)
}

fn name_this_process(name: &str) {
    #[cfg(target_os = "linux")]
    {
        let shown = name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(15);
        if let Ok(text) = std::ffi::CString::new(shown.collect::<String>()) {
            // Only what `ps` shows; the work does not depend on it.
            let _ = rustix::thread::set_name(&text);
        }
    }
    *NAME.write().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
}

fn call(
    control: &Control,
    registry: &Registry,
    id: Id,
    target: &str,
    args: &[u8],
    mut fds: Vec<OwnedFd>,
) -> ! {
    let Some(Action::Call(call)) = registry.action(id) else {
        fail(control, &Error::NotRegistered { name: target.to_owned() }.to_string())
    };
    hello(control);
    let original = Original::new();
    let mut reply = Vec::new();
    let (kind, payload, code) =
        match catch_unwind(AssertUnwindSafe(|| call(args, &mut fds, &mut reply))) {
            Ok(Ok(())) => (Kind::Done, reply, 0),
            Ok(Err(error)) => (Kind::Failed, error.to_string().into_bytes(), 1),
            Err(panic) => (Kind::Panicked, panic_text(&*panic).into_bytes(), 101),
        };
    original.end_copy();
    // A parent that is gone needs no answer.
    let _ = control.send(kind, &payload, &[], None);
    exit(code)
}

/// Says that this process is up.
pub(crate) fn hello(control: &Control) {
    if control.send(Kind::Hello, &[], &[], None).is_err() {
        exit(1);
    }
}

/// Tells the parent why this process cannot do its work, and ends.
pub(crate) fn fail(control: &Control, reason: &str) -> ! {
    let _ = control.send(Kind::Failed, reason.as_bytes(), &[], None);
    exit(1)
}

/// What a panic said, when it said it in text.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".into())
}
