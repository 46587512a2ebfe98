//! Starting a child: which program is executed, by which method, and what the child is told first.

pub(crate) mod child;
pub(crate) mod fork_server;
#[cfg(target_os = "linux")]
pub(crate) mod warden;

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::codec;
use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::start::{MARKER, Start, Work, is_child};
use crate::sys::control::{Control, Kind};
use crate::sys::lifeline::{self, Lifeline};
use crate::sys::poll::deadline_after;
use child::ChildProcess;

/// How long a child may take to read its start frame.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(10);

/// How a child process is started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum StartMethod {
    /// The program is executed again (`posix_spawn`). This works the same on every system, and the
    /// child inherits nothing by accident.
    #[default]
    ReExec,
    /// A small, single-threaded server process is started once and forks itself on request. This is
    /// more than twice as fast.
    ///
    /// Linux only. A child is a copy of the server as it was when it came to [`init`](crate::init).
    /// It has nothing else of the parent, neither memory nor threads.
    ForkServer,
}

/// Where a child's standard output goes; its standard input is always empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Output {
    /// To the parent's standard output.
    #[default]
    Inherit,
    /// To the parent's standard error.
    Stderr,
    /// Nowhere.
    Null,
}

static PROGRAM: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Names the program that children execute, in place of this one.
///
/// For tests and benches, whose own `main` cannot call [`init`](crate::init): name a program of the
/// same build that does, such as `env!("CARGO_BIN_EXE_..")`. It applies to every process started
/// from now on.
pub fn set_program(path: impl Into<PathBuf>) {
    *PROGRAM.write().unwrap_or_else(PoisonError::into_inner) = Some(path.into());
}

/// The program to execute; an error when that program has not called `init`.
fn program() -> Result<PathBuf> {
    if Registry::get().is_none() && is_child() {
        // This is a child that has not called `init`. It must not start children, which would start
        // children without end.
        return Err(Error::NotInitialised);
    }
    if let Some(path) = PROGRAM.read().unwrap_or_else(PoisonError::into_inner).clone() {
        return Ok(path);
    }
    if Registry::get().is_none() {
        return Err(Error::NotInitialised);
    }
    own_program().map_err(Error::io("find the path of this program"))
}

/// The file of this very program, to be executed again.
///
/// # Errors
/// The system does not say which file that is.
pub fn own_program() -> std::io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        let own = PathBuf::from("/proc/self/exe");
        if own.exists() {
            // This is still the running program when its file was replaced or removed meanwhile.
            return Ok(own);
        }
        if let Some(path) = executed_path() {
            return std::path::absolute(path);
        }
    }
    std::env::current_exe()
}

/// The path by which this program was executed, for systems on which nothing is mounted on `/proc`.
#[cfg(target_os = "linux")]
fn executed_path() -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr};
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: it reads a value that the kernel passed to this process at its start.
    let address = unsafe { libc::getauxval(libc::AT_EXECFN) };
    if address == 0 {
        return None;
    }
    // SAFETY: the address is not 0, and the string there lives as long as the process.
    let path = unsafe { CStr::from_ptr(address as *const libc::c_char) };
    let path = PathBuf::from(OsStr::from_bytes(path.to_bytes()));
    path.exists().then_some(path)
}

/// All that a new child needs.
pub(crate) struct Launch<'a> {
    pub(crate) name: &'a str,
    pub(crate) work: Work,
    pub(crate) args: Vec<u8>,
    /// Descriptors of this crate's own machinery, ahead of those in the arguments.
    pub(crate) own_fds: Vec<OwnedFd>,
    pub(crate) arg_fds: Vec<OwnedFd>,
    pub(crate) method: StartMethod,
    pub(crate) output: Output,
    /// Whether the calling thread will live as long as the child is needed.
    pub(crate) lasting_thread: bool,
}

/// A child that was started and has been told what to do.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) child: ChildProcess,
    pub(crate) control: Control,
    pub(crate) lifeline: Lifeline,
}

/// Starts a child; it is not waited for.
pub(crate) fn launch(launch: Launch<'_>) -> Result<Launched> {
    // PR_SET_PDEATHSIG depends on the thread that started the child.
    let direct = launch.method == StartMethod::ReExec;
    let die_with_thread = direct && (launch.lasting_thread || on_main_thread());
    #[cfg(target_os = "linux")]
    let is_warden = matches!(launch.work, Work::Warden);
    #[cfg(target_os = "linux")]
    let die_with_thread = die_with_thread && !is_warden;
    let mut start = Vec::new();
    let own = launch.own_fds.len();
    codec::encode(
        &Start::new(launch.name, launch.work, launch.args, own, die_with_thread),
        &mut start,
    )?;
    let fds: Vec<&OwnedFd> = launch.own_fds.iter().chain(&launch.arg_fds).collect();
    let begin = || begin(launch.method, launch.name, launch.output, &start, &fds);
    let launched = match begin() {
        // The fork server died before it had forked: another takes its place, once.
        Err(Error::Closed) => begin().map_err(|error| match error {
            Error::Closed => {
                Error::NotUp { reason: "the fork server dies as soon as it is started".into() }
            }
            error => error,
        }),
        launched => launched,
    }?;
    #[cfg(target_os = "linux")]
    if !die_with_thread && !is_warden {
        launched.child.entrust(warden::watch(launched.child.pid()));
    }
    Ok(launched)
}

/// So many bytes fit an empty socket on any system.
const FITS: usize = 2048;

/// Starts a child on a control channel of its own, and sends it its start frame.
fn begin(
    method: StartMethod,
    name: &str,
    output: Output,
    start: &[u8],
    fds: &[&OwnedFd],
) -> Result<Launched> {
    let (mut control, theirs) = Control::pair()?;
    let (lifeline, line) = lifeline::new()?;
    let fds: Vec<BorrowedFd<'_>> =
        [&line].into_iter().chain(fds.iter().copied()).map(AsFd::as_fd).collect();
    let tell = |control: &Control| {
        match control.send(Kind::Start, start, &fds, deadline_after(START_LIMIT)) {
            // The child has ended already; its exit status says what happened.
            Err(Error::Closed) => Ok(()),
            told => told,
        }
    };
    // A forked child reads so soon that it would have to sleep for a start frame sent later. A
    // small frame fits an empty socket, so it is sent first.
    let early = method == StartMethod::ForkServer && start.len() <= FITS;
    if early {
        tell(&control)?;
    }
    let child = match method {
        StartMethod::ReExec => re_exec(theirs, name, output)?,
        StartMethod::ForkServer => fork_server::fork(&mut control, theirs, output)?,
    };
    if !early {
        tell(&control)?;
    }
    Ok(Launched { child, control, lifeline })
}

/// Executes the program again, with the control channel as its standard input.
///
/// Only settings are used with which the standard library calls `posix_spawn`, and not fork and
/// exec, whose cost grows with the memory of the parent.
pub(crate) fn re_exec(control: OwnedFd, name: &str, output: Output) -> Result<ChildProcess> {
    let program = program()?;
    let shown: OsString = std::env::args_os().next().unwrap_or_else(|| program.clone().into());
    let mut command = Command::new(&program);
    command.arg0(shown).arg(MARKER).arg(name).process_group(0).stdin(Stdio::from(control));
    match output {
        Output::Inherit => {}
        Output::Stderr => drop(command.stdout(std::io::stderr())),
        Output::Null => drop(command.stdout(Stdio::null())),
    }
    let child = command
        .spawn()
        .map_err(|source| Error::Spawn { program: program.display().to_string(), source })?;
    ChildProcess::adopt(child.id())
}

#[cfg(target_os = "linux")]
fn on_main_thread() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

#[cfg(not(target_os = "linux"))]
fn on_main_thread() -> bool {
    false
}
