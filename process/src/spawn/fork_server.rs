//! The fork server: a clean, single-threaded copy of this program that forks itself on request.
//!
//! It is started by re-execution when it is first needed, and ends with the program. Its children
//! are made children of *this* process (`CLONE_PARENT`), so they are watched, signalled and reaped
//! like all others.

#[cfg(target_os = "linux")]
pub(crate) use linux::{fork, serve};

use crate::registry::Registry;
use crate::sys::control::{Control, Frame};

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{fork, serve};

/// The function that runs in a child after its fork, with the frame that says what to do.
pub(crate) type Live = fn(Control, Frame, &'static Registry) -> !;

#[cfg(target_os = "linux")]
mod linux {
    use super::Live;
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::process::exit;
    use std::sync::{Mutex, PoisonError};

    use rustix::process::{Pid, setpgid};

    use crate::codec;
    use crate::error::{Error, Result};
    use crate::registry::Registry;
    use crate::spawn::child::ChildProcess;
    use crate::spawn::{Launch, Launched, Output, START_LIMIT, StartMethod, launch};
    use crate::start::{self, Work};
    use crate::sys::control::{Control, Frame, Kind};
    use crate::sys::poll::{self, Deadline, deadline_after};

    /// The process that has started the server, and the server. A forked copy of that process must
    /// not use it.
    static SERVER: Mutex<Option<(u32, Launched)>> = Mutex::new(None);

    /// Has the server fork a child on a control channel: `control` is our end of it, `theirs` the
    /// child's.
    ///
    /// Both the server and the child, on its own channel, send the child's process id. So it
    /// becomes known also when the server dies: then either the child sends its id, or the channel
    /// is closed. [`Error::Closed`] means that there is neither a server nor a child.
    pub(crate) fn fork(
        control: &mut Control,
        theirs: OwnedFd,
        output: Output,
    ) -> Result<ChildProcess> {
        let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        let here = std::process::id();
        let fit = server
            .as_ref()
            .is_some_and(|(owner, running)| *owner == here && running.child.try_reap().is_none());
        if !fit {
            *server = Some((here, start()?));
        }
        let Some((_, running)) = server.as_mut() else { return Err(Error::Closed) };
        let deadline = deadline_after(START_LIMIT);
        let request =
            running.control.send(Kind::Fork, &[output as u8], &[theirs.as_fd()], deadline);
        drop(theirs);
        let mut pid = request.and_then(|()| first_word(control, &mut running.control, deadline));
        if pid.is_err() {
            // Dropping the server kills and reaps it. Only then is it certain whether it has
            // forked.
            *server = None;
        }
        if let Err(Error::TimedOut(limit)) = pid {
            pid = first_word(control, None, deadline_after(limit / 10)).map_err(
                |error| match error {
                    Error::TimedOut(_) => {
                        Error::NotUp { reason: "it does not send its process id".into() }
                    }
                    error => error,
                },
            );
        }
        let child = ChildProcess::adopt(pid?)?;
        // The child does the same, so the group exists whichever of the two is first.
        let _ = setpgid(Pid::from_raw(child.pid() as i32), None);
        Ok(child)
    }

    /// Waits for the child's process id, from the server or from the child, or for the server's
    /// message that there is no child.
    fn first_word<'a>(
        child: &mut Control,
        server: impl Into<Option<&'a mut Control>>,
        deadline: Deadline,
    ) -> Result<u32> {
        let mut server = server.into();
        loop {
            if server.is_none() {
                match child.try_recv()? {
                    Some(frame) if frame.kind == Kind::Forked => {
                        return codec::decode(&frame.payload);
                    }
                    Some(_) => return Err(Error::Damaged("a child does not send its process id")),
                    None => {}
                }
            }
            match server.as_mut().map(|server| server.try_recv()) {
                // The server answers first, because it is on a CPU already and the child may have
                // to wait for one.
                Some(Ok(Some(frame))) if frame.kind == Kind::Forked => {
                    return codec::decode(&frame.payload);
                }
                Some(Ok(Some(frame))) if frame.kind == Kind::Failed => {
                    let reason = String::from_utf8_lossy(&frame.payload);
                    return Err(Error::NotUp { reason: format!("the fork server says: {reason}") });
                }
                // The server's message that it is up.
                Some(Ok(Some(_))) => continue,
                // The server is gone. Then the child's channel is closed too, unless there is a
                // child.
                Some(Err(_)) => {
                    server = None;
                    continue;
                }
                Some(Ok(None)) | None => {}
            }
            let speaker = server.as_deref().unwrap_or(child);
            if !poll::readable(speaker.as_fd(), deadline)? {
                return Err(Error::TimedOut(START_LIMIT));
            }
        }
    }

    fn start() -> Result<Launched> {
        launch(Launch {
            name: "fork-server",
            work: Work::ForkServer,
            args: Vec::new(),
            own_fds: Vec::new(),
            arg_fds: Vec::new(),
            method: StartMethod::ReExec,
            output: Output::Inherit,
            lasting_thread: false,
        })
    }

    /// Forks children on request until the parent is gone. A child leaves this loop and does its
    /// own work.
    pub(crate) fn serve(mut control: Control, registry: &'static Registry, live: Live) -> ! {
        start::hello(&control);
        loop {
            let Ok(Some(frame)) = control.recv(None) else { exit(0) };
            match fork_one(frame) {
                Ok(Forked::Server(pid)) => {
                    let mut word = Vec::new();
                    let told = codec::encode(&pid, &mut word)
                        .and_then(|()| control.send(Kind::Forked, &word, &[], None));
                    if told.is_err() {
                        exit(1);
                    }
                }
                Ok(Forked::Child(own, output)) => {
                    // The child must not answer on the server's channel.
                    drop(control);
                    begin(own, output, registry, live);
                }
                Err(error) => start::fail(&control, &error.to_string()),
            }
        }
    }

    enum Forked {
        /// In the server: the child's process id.
        Server(u32),
        /// In the child: its channel, and where its output goes.
        Child(Control, Option<u8>),
    }

    fn fork_one(frame: Frame) -> Result<Forked> {
        let output = frame.payload.first().copied();
        let channel = frame.fds.into_iter().next().filter(|_| frame.kind == Kind::Fork);
        let channel =
            channel.ok_or(Error::Damaged("a frame for the fork server has no meaning"))?;
        Ok(match clone_as_sibling()? {
            Some(pid) => Forked::Server(pid.as_raw_nonzero().get() as u32),
            None => Forked::Child(Control::new(channel), output),
        })
    }

    /// The child's first steps. Once the child has sent its process id, the parent will reap it.
    fn begin(mut own: Control, output: Option<u8>, registry: &'static Registry, live: Live) -> ! {
        let mut word = Vec::new();
        let told = codec::encode(&std::process::id(), &mut word)
            .and_then(|()| own.send(Kind::Forked, &word, &[], None));
        if told.is_err() {
            exit(1);
        }
        let _ = setpgid(None, None);
        if let Err(error) = redirect(output) {
            start::fail(&own, &error.to_string());
        }
        match own.recv(None) {
            Ok(Some(start)) => live(own, start, registry),
            _ => exit(1),
        }
    }

    /// Redirects the child's standard output to where it was asked for.
    fn redirect(output: Option<u8>) -> Result<()> {
        let null;
        let target = match output {
            Some(kind) if kind == Output::Stderr as u8 => 2,
            Some(kind) if kind == Output::Null as u8 => {
                let file = std::fs::File::options().write(true).open("/dev/null");
                null = file.map_err(Error::io("open /dev/null"))?;
                null.as_raw_fd()
            }
            _ => return Ok(()),
        };
        // SAFETY: both descriptors are open; 1 is replaced, and this process has a single thread.
        if unsafe { libc::dup2(target, 1) } < 0 {
            return Err(Error::io("redirect the standard output")(std::io::Error::last_os_error()));
        }
        Ok(())
    }

    /// Forks so that the child's parent is this process's parent. Returns the child's process id
    /// here, and `None` in the child.
    fn clone_as_sibling() -> Result<Option<Pid>> {
        /// `PR_GET_TID_ADDRESS` of prctl.h.
        const PR_GET_TID_ADDRESS: libc::c_int = 40;
        let mut thread_id: *mut libc::pid_t = std::ptr::null_mut();
        // SAFETY: the kernel writes one pointer to the given place.
        if unsafe { libc::prctl(PR_GET_TID_ADDRESS, &raw mut thread_id) } < 0 {
            return Err(Error::io("find where the C library keeps its thread id")(
                std::io::Error::last_os_error(),
            ));
        }
        // The flags of the C library's fork(2), and CLONE_PARENT. The kernel writes the child's
        // thread id to where the library keeps it. Otherwise `abort` and `raise` in the child would
        // signal a thread that does not exist.
        let flags = libc::CLONE_PARENT
            | libc::CLONE_CHILD_SETTID
            | libc::CLONE_CHILD_CLEARTID
            | libc::SIGCHLD;
        // SAFETY: no new stack and no shared memory, so this is a fork. This process has one
        // thread, so no lock is held by another that would not exist in the child.
        let pid = unsafe { raw_clone(flags, thread_id) };
        match pid {
            -1 => Err(Error::io("fork")(std::io::Error::last_os_error())),
            0 => Ok(None),
            pid => Ok(Pid::from_raw(pid as i32)),
        }
    }

    /// # Safety
    /// As for `fork(2)`; `thread_id` must be writable in the child.
    unsafe fn raw_clone(flags: libc::c_int, thread_id: *mut libc::pid_t) -> libc::c_long {
        let (none, flags) = (std::ptr::null_mut::<libc::c_void>(), libc::c_long::from(flags));
        // The order of the last two arguments differs between architectures.
        #[cfg(any(target_arch = "x86_64", target_arch = "s390x"))]
        // SAFETY: as the caller promises.
        return unsafe { libc::syscall(libc::SYS_clone, flags, none, none, thread_id, 0) };
        #[cfg(not(any(target_arch = "x86_64", target_arch = "s390x")))]
        // SAFETY: as the caller promises.
        return unsafe { libc::syscall(libc::SYS_clone, flags, none, none, 0, thread_id) };
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::os::fd::OwnedFd;

    use crate::error::{Error, Result};
    use crate::registry::Registry;
    use crate::spawn::Output;
    use crate::spawn::child::ChildProcess;
    use crate::sys::control::Control;

    pub(crate) fn fork(
        _control: &mut Control,
        _theirs: OwnedFd,
        _output: Output,
    ) -> Result<ChildProcess> {
        Err(Error::Setting("the fork server is for Linux; use StartMethod::ReExec".into()))
    }

    pub(crate) fn serve(control: Control, _registry: &'static Registry, _live: super::Live) -> ! {
        crate::start::fail(&control, "the fork server is for Linux")
    }
}
