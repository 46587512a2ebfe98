//! The warden: a process that kills this program's children after the program has ended without
//! having done so.
//!
//! A child is tied to its parent by a [lifeline](crate::sys::lifeline). It may lose that, by
//! executing another program or by closing all descriptors. A child that a lasting thread has
//! started has a second tie, the system's `PR_SET_PDEATHSIG`. The process ids of all others are in
//! a table in shared memory. The warden sleeps until its channel to the program is closed, and only
//! then reads the table. So starting a child costs one word in memory and no wake-up.

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

/// How many children the table holds. Further children have their lifelines only.
const PLACES: usize = 16 << 10;
const BYTES: usize = 4 * PLACES;

/// The warden of a process.
#[derive(Debug)]
struct Warden {
    /// The process that has started it. A forked copy of that process has no warden.
    owner: u32,
    launched: Launched,
    table: Arc<Mapping>,
    /// The places that are free again, and the first one that was never used.
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

/// Puts a child into the warden's table. `None` when there is no warden or no place.
pub(super) fn watch(pid: u32) -> Option<Ward> {
    let mut warden = warden();
    let here = std::process::id();
    let fit = |one: &Warden| one.owner == here && one.launched.child.try_reap().is_none();
    if !warden.as_ref().is_some_and(fit) {
        // Children of a warden that has died keep their lifelines. If this process is a forked
        // copy, the warden belongs to the original and must not be killed.
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

/// Waits until the parent has ended, then kills the children that it has left behind.
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

/// Blocks all signals. A signal that is sent to all processes of a program must not end the one
/// that cleans up.
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

/// Whether a process is older than `moment`. Until then a child had its process id, so an older
/// process is that child. A process of unknown age counts as older: it is gone, or `/proc` is not
/// mounted.
fn began_before(pid: Pid, moment: Duration) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let Ok(stat) = stat else { return true };
    // Field 22 of the line is the 20th after the name.
    let began = stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().nth(19));
    let began = began.and_then(|ticks| ticks.parse::<u64>().ok());
    let per_second = rustix::param::clock_ticks_per_second();
    began.is_none_or(|ticks| ticks <= moment.as_millis() as u64 * per_second / 1000)
}
