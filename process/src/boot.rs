//! The child's side of a start: what [`init`] does in a process that this crate has started.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;

use crate::codec;
use crate::error::{Error, Result};
use crate::pool::serve;
use crate::registry::{Action, Entry, Id, Registry};
use crate::spawn::fork_server;
use crate::start::{
    MARKER, PROTOCOL, Start, Work, fail, hello, is_child, name_this_process, panic_text,
};
use crate::sys::control::{Control, Frame, Kind};
use crate::sys::lifeline;
use crate::sys::original::Original;

/// Makes functions and types known to other processes; call it in the first line of `main`.
///
/// In a process that this crate has started, it does that process's work and never returns. In any
/// other process it returns at once. Code before it in `main` runs in every child too.
///
/// # Panics
/// When two entries have the same name. Two closures defined in the same function do.
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

/// Moves the control channel away from descriptor 0, so that code that reads stdin cannot reach it.
/// Returns the channel and the first frame, which is the start.
fn receive_start() -> Result<(Control, Frame)> {
    // SAFETY: descriptor 0 is standard input, and the borrow does not close it. If it is not open,
    // the next call reports an error.
    let stdin = unsafe { BorrowedFd::borrow_raw(0) };
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 10)
        .map_err(Error::os("move the control channel"))?;
    let null = std::fs::File::open("/dev/null").map_err(Error::io("open /dev/null"))?;
    // SAFETY: both descriptors are open; 0 is replaced, and no other code uses it this early.
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
        Work::Worker(work) => {
            serve::serve(control, registry, &work.0, &start.args.0, own, args_fds)
        }
        Work::ForkServer => fork_server::serve(control, registry, live),
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
        // The warden starts its work when the parent ends, so it is not tied to the parent.
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
