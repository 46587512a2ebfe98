//! The warden: a process of ours that ends our children when we have ended without having had the
//! time to.
//!
//! A child is tied to its parent by a [lifeline](crate::sys::lifeline) that it may lose: by
//! executing another program, or by closing all descriptors. One that the main thread has started
//! has a second tie, which is the system's. For all others a table in shared memory holds their
//! numbers; the warden sleeps until its channel to us is closed, and only then looks at the table.
//! So a start costs a word in memory, and nobody is woken.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::process::exit;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::time::{ClockId, clock_gettime};

use super::{Launch, Launched, Output, StartMethod, launch};
use crate::error::{Error, Result};
use crate::shm::{self, Mapping};
use crate::start::{self, Work};
use crate::sys::control::Control;
use crate::sys::group::leads_its_group;

/// Room for so many children at once; more have their lifelines only.
const PLACES: usize = 16 << 10;
const BYTES: usize = 4 * PLACES;

/// The warden of a process.
#[derive(Debug)]
struct Warden {
    /// Whose it is: a copy of a process that was forked has none.
    owner: u32,
    launched: Launched,
    table: Arc<Mapping>,
    /// Places that were taken once and are free, and the first one that was never taken.
    free: Vec<usize>,
    fresh: usize,
}

static WARDEN: Mutex<Option<Warden>> = Mutex::new(None);

fn warden() -> MutexGuard<'static, Option<Warden>> {
    WARDEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child's place in the table. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Ward {
    table: Arc<Mapping>,
    place: usize,
}

/// Has a child watched, as far as that is possible.
pub(super) fn watch(pid: u32) -> Option<Ward> {
    let mut warden = warden();
    let here = std::process::id();
    let fit = |one: &Warden| one.owner == here && one.launched.child.try_reap().is_none();
    if !warden.as_ref().is_some_and(fit) {
        // Those whom a former one had stay with their lifelines. That of a process whose copy we
        // are is not ours to end.
        if let Some(other) = warden.take().filter(|one| one.owner != here) {
            std::mem::forget(other);
        }
        *warden = Some(start(here).ok()?);
    }
    let one = warden.as_mut()?;
    let place = one.free.pop().or_else(|| {
        let fresh = one.fresh;
        one.fresh += 1;
        (fresh < PLACES).then_some(fresh)
    })?;
    one.table.flag(4 * place).store(pid, Release);
    Some(Ward { table: Arc::clone(&one.table), place })
}

impl Drop for Ward {
    fn drop(&mut self) {
        self.table.flag(4 * self.place).store(0, Release);
        if let Some(one) = warden().as_mut().filter(|one| Arc::ptr_eq(&one.table, &self.table)) {
            one.free.push(self.place);
        }
    }
}

fn start(owner: u32) -> Result<Warden> {
    let memory = shm::create("knee-wards", BYTES as u64)?;
    let table = Arc::new(Mapping::new(memory.as_fd(), 0, BYTES)?);
    let launched = launch(Launch {
        name: "warden",
        work: Work::Warden,
        args: Vec::new(),
        own_fds: vec![memory],
        arg_fds: Vec::new(),
        method: StartMethod::ReExec,
        output: Output::Null,
        lasting_thread: false,
    })?;
    Ok(Warden { owner, launched, table, free: Vec::new(), fresh: 0 })
}

/// Waits for the parent's end, and ends whom it has left.
pub(crate) fn serve(mut control: Control, own: &[OwnedFd]) -> ! {
    let table = own.first().ok_or(Error::Damaged("the warden has no table"));
    let table = table.and_then(|memory| Mapping::new(memory.as_fd(), 0, BYTES));
    let table = table.unwrap_or_else(|error| start::fail(&control, &error.to_string()));
    keep_signals_back();
    start::hello(&control);
    while control.recv(None).is_ok_and(|frame| frame.is_some()) {}
    let end = since_boot();
    for place in 0..PLACES {
        let pid = table.flag(4 * place).load(Acquire).cast_signed();
        if let Some(pid) = Pid::from_raw(pid).filter(|pid| began_before(*pid, end)) {
            if leads_its_group(pid) {
                let _ = kill_process_group(pid, Signal::KILL);
            }
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    exit(0)
}

/// What is sent to all processes of a program to end them is not meant for whom it leaves the
/// cleaning up.
fn keep_signals_back() {
    // SAFETY: the set is filled before it is read, and this process has one thread.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
}

fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

/// Whether a process is older than `moment`: its number was taken until then by a child of ours, so
/// it is that child. One without any sign of its age is gone, or nothing is mounted on `/proc`.
fn began_before(pid: Pid, moment: Duration) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let Ok(stat) = stat else { return true };
    // The 22nd field in all, the 20th behind the name.
    let began = stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().nth(19));
    let began = began.and_then(|ticks| ticks.parse::<u64>().ok());
    let per_second = rustix::param::clock_ticks_per_second();
    began.is_none_or(|ticks| ticks <= moment.as_millis() as u64 * per_second / 1000)
}
