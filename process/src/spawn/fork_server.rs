//! The fork server: a clean, single-threaded copy of this program that forks itself on request.
//!
//! It is started by re-execution when it is first needed, and ends with the program. Its children are made children of
//! *this* process (`CLONE_PARENT`), so they are watched, signalled and reaped like all others.

#[cfg(target_os = "linux")]
pub(crate) use linux::{fork, serve};

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{fork, serve};

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsFd, OwnedFd};
    use std::process::exit;
    use std::sync::{Mutex, PoisonError};

    use rustix::process::{Pid, setpgid};

    use crate::boot::{self, Work};
    use crate::codec;
    use crate::error::{Error, Result};
    use crate::registry::Registry;
    use crate::spawn::{Launch, Launched, Output, START_LIMIT, StartMethod, launch};
    use crate::sys::child::ChildProcess;
    use crate::sys::control::{Control, Frame, Kind};
    use crate::sys::poll::deadline_after;

    /// The server of this process, once there is one, and the process that it belongs to.
    static SERVER: Mutex<Option<(u32, Launched)>> = Mutex::new(None);

    /// Has the server fork a child on the given control channel.
    pub(crate) fn fork(control: &OwnedFd, output: Output) -> Result<ChildProcess> {
        let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        let here = std::process::id();
        // A server that has died is replaced once; one that cannot live is an error.
        for _ in 0..2 {
            if server
                .as_ref()
                .is_none_or(|(owner, running)| *owner != here || running.child.try_reap().is_some())
            {
                *server = Some((here, start()?));
            }
            let Some((_, running)) = server.as_mut() else { break };
            match ask(running, control, output) {
                Err(Error::Closed) => *server = None,
                answer => {
                    let child = ChildProcess::adopt(answer?)?;
                    // The child does it too: the group is there whoever comes first.
                    let _ = setpgid(Pid::from_raw(child.pid() as i32), None);
                    return Ok(child);
                }
            }
        }
        Err(Error::NotUp { reason: "the fork server dies as soon as it is started".into() })
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

    fn ask(server: &mut Launched, control: &OwnedFd, output: Output) -> Result<u32> {
        let deadline = deadline_after(START_LIMIT);
        server.control.send(Kind::Fork, &[output as u8], &[control.as_fd()], deadline)?;
        loop {
            let frame = server.control.recv(deadline)?;
            let frame =
                frame.ok_or(Error::NotUp { reason: "the fork server does not answer".into() })?;
            match frame.kind {
                Kind::Hello => {}
                Kind::Forked => return codec::decode::<u32>(&frame.payload),
                _ => {
                    let reason = String::from_utf8_lossy(&frame.payload);
                    return Err(Error::NotUp { reason: format!("the fork server says: {reason}") });
                }
            }
        }
    }

    /// Forks children on request until the parent is gone; a child goes on to live its own life.
    pub(crate) fn serve(mut control: Control, registry: &'static Registry) -> ! {
        boot::hello(&control);
        loop {
            let Ok(Some(frame)) = control.recv(None) else { exit(0) };
            match fork_one(frame) {
                Ok(Forked::Parent(pid)) => {
                    let mut payload = Vec::new();
                    let encoded = codec::encode(&pid, &mut payload);
                    if encoded
                        .and_then(|()| control.send(Kind::Forked, &payload, &[], None))
                        .is_err()
                    {
                        exit(1);
                    }
                }
                Ok(Forked::Child(mut own)) => {
                    // Nobody but the server answers on the server's channel.
                    drop(control);
                    match own.recv(None) {
                        Ok(Some(start)) => boot::live(own, start, registry),
                        _ => exit(1),
                    }
                }
                Err(error) => boot::fail(&control, &error.to_string()),
            }
        }
    }

    enum Forked {
        Parent(u32),
        Child(Control),
    }

    fn fork_one(frame: Frame) -> Result<Forked> {
        let output = frame.payload.first().copied();
        let channel = frame.fds.into_iter().next().filter(|_| frame.kind == Kind::Fork);
        let channel =
            channel.ok_or(Error::Damaged("a frame for the fork server has no meaning"))?;
        if let Some(pid) = clone_as_sibling()? {
            return Ok(Forked::Parent(pid.as_raw_nonzero().get() as u32));
        }
        let _ = setpgid(None, None);
        redirect(output)?;
        Ok(Forked::Child(Control::new(channel)))
    }

    /// Points the child's standard output where it belongs.
    fn redirect(output: Option<u8>) -> Result<()> {
        use std::os::fd::AsRawFd;
        let null = std::fs::File::options()
            .write(true)
            .open("/dev/null")
            .map_err(Error::io("open /dev/null"))?;
        let target = match output {
            Some(kind) if kind == Output::Stderr as u8 => 2,
            Some(kind) if kind == Output::Null as u8 => null.as_raw_fd(),
            _ => return Ok(()),
        };
        // SAFETY: both descriptors are open; 1 is replaced, and this process has a single thread.
        if unsafe { libc::dup2(target, 1) } < 0 {
            return Err(Error::io("redirect the standard output")(std::io::Error::last_os_error()));
        }
        Ok(())
    }

    /// Forks so that the child's parent is this process's parent: the child's pid here, nothing in the child.
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
        // What fork(2) of the C library does, and CLONE_PARENT: the child's own thread id is written where the library
        // keeps it, else `abort` and `raise` in the child would signal a thread that does not exist.
        let flags = libc::CLONE_PARENT
            | libc::CLONE_CHILD_SETTID
            | libc::CLONE_CHILD_CLEARTID
            | libc::SIGCHLD;
        // SAFETY: no new stack and no shared memory, so this is a fork. This process has one thread, so no lock is held
        // by another that would not exist in the child.
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
    use crate::sys::child::ChildProcess;
    use crate::sys::control::Control;

    pub(crate) fn fork(_control: &OwnedFd, _output: Output) -> Result<ChildProcess> {
        Err(Error::Setting("the fork server is for Linux; use StartMethod::ReExec".into()))
    }

    pub(crate) fn serve(control: Control, _registry: &'static Registry) -> ! {
        crate::boot::fail(&control, "the fork server is for Linux")
    }
}
