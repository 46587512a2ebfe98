//! What a crew used while it was measured: CPU time, context switches, page faults, waiting for a
//! CPU, memory.
//!
//! Peak memory comes from `VmHWM`. A child inherits `ru_maxrss` from its parent, so that says
//! nothing about a worker.

mod process;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use knee_workloads::Task;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::machine::descendants;
use process::{field, of_process, schedstat, status};

/// What all workers of a crew used together. Figures that the system does not give are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// CPU seconds in user code. The split between this and `system` is only as fine as the
    /// system's ticks; their sum is exact.
    pub user: f64,
    /// CPU seconds in the kernel.
    pub system: f64,
    /// Context switches because a worker had to wait.
    pub voluntary: Option<u64>,
    /// Context switches because another thread got the CPU.
    pub involuntary: Option<u64>,
    /// Page faults served from memory.
    pub minor_faults: Option<u64>,
    /// Page faults served from a disk.
    pub major_faults: Option<u64>,
    /// Seconds that workers were ready to run but had no CPU.
    pub run_queue: Option<f64>,
    /// The peak resident memory of each worker, summed, in bytes.
    pub peak_memory: Option<u64>,
    /// The time that these figures cover, in seconds.
    pub span: f64,
}

/// The processes whose usage is meant.
#[derive(Debug, Clone)]
pub enum Whom {
    /// This process with all its threads, and the programs that it ran to their end.
    Ourselves,
    /// This process, and other processes that work for its tasks. The memory is that of the others
    /// alone.
    Helped(Vec<u32>),
    /// These processes, which stay alive meanwhile, with all processes that they start.
    Workers(Vec<u32>),
    /// Children that come and go: the usage of those already reaped.
    Reaped,
}

/// Usage counters at one moment.
#[derive(Debug, Clone)]
pub struct Probe {
    whom: Whom,
    at: std::time::Instant,
    /// The counters. Their span is not set.
    counters: Usage,
}

impl Whom {
    /// This process, together with the processes that work for these tasks.
    pub fn with_helpers<'t>(tasks: impl IntoIterator<Item = &'t dyn Task>) -> Self {
        let helpers: Vec<u32> = tasks.into_iter().flat_map(Task::processes).collect();
        if helpers.is_empty() { Self::Ourselves } else { Self::Helped(helpers) }
    }

    /// Lets the peak of this process's memory begin anew, if it is the crew. This needs a lock that
    /// the threads of a crew want too, so it is done before they work.
    pub(super) fn forget_peak_memory(&self) {
        if matches!(self, Self::Ourselves) {
            // Where the system does not allow it, the peak stays that since the start.
            let _ = fs::write("/proc/self/clear_refs", "5");
        }
    }

    /// Seconds that threads of this process have waited for a CPU, if they belong to the crew.
    fn waited_here(&self) -> Option<f64> {
        match self {
            Self::Ourselves | Self::Helped(_) => own_run_queue(),
            Self::Workers(_) | Self::Reaped => Some(0.0),
        }
    }
}

impl Probe {
    /// Reads the counters now.
    pub fn begin(whom: Whom) -> Self {
        // On a busy machine it takes long to ask all threads. The other counters are read together
        // with the clock.
        let waited = whom.waited_here();
        let counters = read(&whom).waiting(waited);
        Self { whom, at: crate::clock::now(), counters }
    }

    /// What was used since [`begin`](Self::begin).
    pub fn end(&self) -> Usage {
        let (then, now) = (self.counters, read(&self.whom));
        let span = crate::clock::since(self.at).as_secs_f64();
        let now = now.waiting(self.whom.waited_here());
        let difference = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        Usage {
            user: (now.user - then.user).max(0.0),
            system: (now.system - then.system).max(0.0),
            voluntary: difference(now.voluntary, then.voluntary),
            involuntary: difference(now.involuntary, then.involuntary),
            minor_faults: difference(now.minor_faults, then.minor_faults),
            major_faults: difference(now.major_faults, then.major_faults),
            run_queue: now.run_queue.zip(then.run_queue).map(|(now, then)| (now - then).max(0.0)),
            peak_memory: match self.whom {
                Whom::Ourselves => own_peak_memory(),
                Whom::Helped(_) | Whom::Workers(_) | Whom::Reaped => now.peak_memory,
            },
            span,
        }
    }
}

impl Usage {
    /// CPU seconds, user and system together.
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// Adds seconds that threads of this process waited for a CPU.
    fn waiting(self, here: Option<f64>) -> Self {
        let run_queue = self.run_queue.zip(here).map(|(others, here)| others + here);
        Self { run_queue, ..self }
    }

    /// Adds two usages. The span is the longer one. A figure that is unknown in one of them is
    /// unknown in the sum.
    pub(super) fn and(self, other: Self) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
            voluntary: both(self.voluntary, other.voluntary),
            involuntary: both(self.involuntary, other.involuntary),
            minor_faults: both(self.minor_faults, other.minor_faults),
            major_faults: both(self.major_faults, other.major_faults),
            run_queue: self.run_queue.zip(other.run_queue).map(|(a, b)| a + b),
            peak_memory: both(self.peak_memory, other.peak_memory),
            span: self.span.max(other.span),
        }
    }

    /// Adds what others used at the same time. If their span has another length, their use is
    /// scaled to this one.
    pub(crate) fn with(self, others: &Self) -> Self {
        let part = if others.span > 0.0 { self.span / others.span } else { 0.0 };
        let seconds = |own: f64, other: f64| own + part * other;
        let count = |own: Option<u64>, other: Option<u64>| {
            Some(own? + (part * other? as f64).round() as u64)
        };
        Self {
            user: seconds(self.user, others.user),
            system: seconds(self.system, others.system),
            voluntary: count(self.voluntary, others.voluntary),
            involuntary: count(self.involuntary, others.involuntary),
            minor_faults: count(self.minor_faults, others.minor_faults),
            major_faults: count(self.major_faults, others.major_faults),
            run_queue: self.run_queue.zip(others.run_queue).map(|(a, b)| seconds(a, b)),
            peak_memory: match (self.peak_memory, others.peak_memory) {
                (None, None) => None,
                (own, other) => Some(own.unwrap_or(0) + other.unwrap_or(0)),
            },
            span: self.span,
        }
    }
}

/// The counters, without those of this process that take long to read: the waiting of its threads
/// and its memory.
fn read(whom: &Whom) -> Usage {
    match whom {
        Whom::Ourselves => {
            let both = rusage(libc::RUSAGE_SELF).and(rusage(libc::RUSAGE_CHILDREN));
            Usage { run_queue: Some(0.0), ..both }
        }
        Whom::Helped(pids) => {
            let own = Usage { run_queue: Some(0.0), ..rusage(libc::RUSAGE_SELF) };
            let helpers = of_processes(pids);
            Usage { peak_memory: helpers.peak_memory, ..own.and(helpers) }
        }
        Whom::Reaped => rusage(libc::RUSAGE_CHILDREN),
        // When a process is reaped, its usage goes to its parent's figures, so helpers may come and
        // go.
        Whom::Workers(pids) => {
            descendants(pids).into_iter().filter_map(of_helper).fold(of_processes(pids), Usage::and)
        }
    }
}

fn of_processes(pids: &[u32]) -> Usage {
    pids.iter().map(|pid| of_process(*pid)).reduce(Usage::and).unwrap_or_default()
}

/// The usage of a descendant of a worker; `None` if it has ended. A process that has just ended has
/// no memory any more.
fn of_helper(pid: u32) -> Option<Usage> {
    let counters = of_process(pid);
    counters.minor_faults?;
    Some(Usage { peak_memory: counters.peak_memory.or(Some(0)), ..counters })
}

fn rusage(who: libc::c_int) -> Usage {
    // SAFETY: an all-zero rusage is a valid value of that plain C struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for the call, and `who` is one of the system's constants.
    if unsafe { libc::getrusage(who, &raw mut usage) } != 0 {
        return Usage::default();
    }
    let seconds = |time: libc::timeval| {
        Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000).as_secs_f64()
    };
    Usage {
        user: seconds(usage.ru_utime),
        system: seconds(usage.ru_stime),
        voluntary: Some(usage.ru_nvcsw as u64),
        involuntary: Some(usage.ru_nivcsw as u64),
        minor_faults: Some(usage.ru_minflt as u64),
        major_faults: Some(usage.ru_majflt as u64),
        run_queue: None,
        peak_memory: None,
        span: 0.0,
    }
}

/// More threads are not asked: asking competes for a CPU with all workers, and 512 threads took two
/// seconds.
const MOST_THREADS: u64 = 128;
/// After this time no more threads are asked.
const PATIENCE: Duration = Duration::from_millis(2);

/// Seconds that threads of this process were ready but had no CPU: the second figure of
/// `schedstat`. `None` if they are too many to ask.
fn own_run_queue() -> Option<f64> {
    // The directory has two links of its own, and one for each thread.
    let threads = fs::metadata("/proc/self/task").ok()?.nlink().saturating_sub(2);
    if threads > MOST_THREADS {
        return None;
    }
    let begin = crate::clock::now();
    let mut total = 0.0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        // A thread that has just ended has no figures any more.
        if let Some([_, waited]) =
            task.ok().and_then(|task| schedstat(&task.path().join("schedstat")))
        {
            total += waited;
        }
        if crate::clock::since(begin) > PATIENCE {
            return None;
        }
    }
    Some(total)
}

/// The peak resident memory of this process, in bytes.
fn own_peak_memory() -> Option<u64> {
    status("self").and_then(|text| field(&text, "VmHWM:")).map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_workers_own_processes_use_is_seen() {
        use std::os::unix::process::CommandExt;
        let script = "while :; do :; done & wait";
        let mut worker = std::process::Command::new("sh")
            .args(["-c", script])
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let probe = Probe::begin(Whom::Workers(vec![worker.id()]));
        let start = crate::clock::now();
        let mut usage = probe.end();
        // The shell itself only waits.
        while usage.cpu() < 0.1 && crate::clock::since(start) < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
            usage = probe.end();
        }
        let group = rustix::process::Pid::from_child(&worker);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
            .expect("the group is there");
        worker.wait().expect("it is ours");
        assert!(usage.cpu() >= 0.1, "{usage:?}");
        assert!(usage.peak_memory > Some(0), "{usage:?}");
    }

    #[test]
    fn a_crowd_of_threads_is_not_asked_one_by_one() {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        std::thread::scope(|scope| {
            for _ in 0..=MOST_THREADS {
                scope.spawn(|| drop(wait.lock().map(|wait| wait.recv())));
            }
            let probe = Probe::begin(Whom::Ourselves);
            assert_eq!(probe.end().run_queue, None);
            drop(release);
        });
    }

    #[test]
    fn our_own_work_is_seen() {
        let probe = Probe::begin(Whom::Ourselves);
        let start = crate::clock::now();
        while crate::clock::since(start) < Duration::from_millis(60) {
            std::hint::black_box(start);
        }
        let usage = probe.end();
        assert!(usage.cpu() > 0.0, "{usage:?}");
        assert!(usage.span >= 0.06, "{usage:?}");
    }
}
