//! What a crew used while it was measured: CPU time, context switches, page faults, waiting for a
//! CPU, memory.
//!
//! Peak memory comes from `VmHWM`. A child inherits `ru_maxrss` from its parent, so that says
//! nothing about a worker.

use std::fs;
use std::time::Duration;

use knee_workloads::Task;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::machine::descendants;

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
}

impl Probe {
    /// Reads the counters now.
    pub fn begin(whom: Whom) -> Self {
        if matches!(whom, Whom::Ourselves) {
            // Where the system does not allow resetting the peak, it stays the peak since the
            // start.
            let _ = fs::write("/proc/self/clear_refs", "5");
        }
        let counters = read(&whom);
        Self { whom, at: crate::clock::now(), counters }
    }

    /// What was used since [`begin`](Self::begin).
    pub fn end(&self) -> Usage {
        let (then, now) = (self.counters, read(&self.whom));
        let difference = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        Usage {
            user: (now.user - then.user).max(0.0),
            system: (now.system - then.system).max(0.0),
            voluntary: difference(now.voluntary, then.voluntary),
            involuntary: difference(now.involuntary, then.involuntary),
            minor_faults: difference(now.minor_faults, then.minor_faults),
            major_faults: difference(now.major_faults, then.major_faults),
            run_queue: now.run_queue.zip(then.run_queue).map(|(now, then)| (now - then).max(0.0)),
            peak_memory: now.peak_memory,
            span: crate::clock::since(self.at).as_secs_f64(),
        }
    }
}

impl Usage {
    /// CPU seconds, user and system together.
    pub fn cpu(&self) -> f64 {
        self.user + self.system
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

fn read(whom: &Whom) -> Usage {
    match whom {
        Whom::Ourselves => {
            let mut counters = rusage(libc::RUSAGE_SELF).and(rusage(libc::RUSAGE_CHILDREN));
            counters.run_queue = own_run_queue();
            counters.peak_memory =
                status("self").and_then(|text| field(&text, "VmHWM:")).map(|kib| kib << 10);
            counters
        }
        Whom::Helped(pids) => {
            let own = Usage { run_queue: own_run_queue(), ..rusage(libc::RUSAGE_SELF) };
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

/// After this time no more threads are asked: asking competes for a CPU with all workers, and 512
/// threads took two seconds.
const PATIENCE: Duration = Duration::from_millis(2);

/// Seconds that threads of this process were ready but had no CPU: the second figure of
/// `schedstat`.
fn own_run_queue() -> Option<f64> {
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

/// Seconds on a CPU, and seconds waiting for one.
fn schedstat(path: &std::path::Path) -> Option<[f64; 2]> {
    let text = fs::read_to_string(path).ok()?;
    let mut figures = text.split_ascii_whitespace().map(|figure| figure.parse::<u64>().ok());
    Some([figures.next()?? as f64 * 1e-9, figures.next()?? as f64 * 1e-9])
}

fn status(who: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{who}/status")).ok()
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].split_ascii_whitespace().next()?.parse().ok()
}

/// The usage of one other process. Its clock gives exact CPU time; the ticks of `stat` split it
/// into user and system.
fn of_process(pid: u32) -> Usage {
    let who = pid.to_string();
    let mut counters = Usage::default();
    if let Some(text) = status(&who) {
        counters.voluntary = field(&text, "voluntary_ctxt_switches:");
        counters.involuntary = field(&text, "nonvoluntary_ctxt_switches:");
        counters.peak_memory = field(&text, "VmHWM:").map(|kib| kib << 10);
    }
    let Some(stat) =
        fs::read_to_string(format!("/proc/{who}/stat")).ok().and_then(|text| Stat::read(&text))
    else {
        return counters;
    };
    (counters.minor_faults, counters.major_faults) = (Some(stat.minor), Some(stat.major));
    (counters.user, counters.system) = (stat.user, stat.system);
    // This figure is exact and includes all threads.
    if let Some(exact) = crate::machine::cpu_time_of(pid) {
        let both = stat.user + stat.system;
        counters.system = if both > 0.0 { exact * stat.system / both } else { 0.0 };
        counters.user = exact - counters.system;
    }
    if stat.threads == 1 {
        counters.run_queue =
            schedstat(format!("/proc/{who}/schedstat").as_ref()).map(|[_, waited]| waited);
    } else {
        of_threads(&who, &mut counters);
    }
    // The usage of programs that it ran to their end.
    counters.user += stat.reaped_user;
    counters.system += stat.reaped_system;
    counters
}

/// Waiting time and context switches of all living threads of a process. The files of the process
/// itself cover only its first thread.
fn of_threads(who: &str, counters: &mut Usage) {
    let tasks = fs::read_dir(format!("/proc/{who}/task")).into_iter().flatten().flatten();
    let (mut waited, mut switches) = (0.0, [0; 2]);
    for task in tasks {
        if let Some([_, one]) = schedstat(&task.path().join("schedstat")) {
            waited += one;
        }
        let Ok(text) = fs::read_to_string(task.path().join("status")) else { continue };
        let of = |name: &str| field(&text, name).unwrap_or(0);
        switches[0] += of("voluntary_ctxt_switches:");
        switches[1] += of("nonvoluntary_ctxt_switches:");
    }
    counters.run_queue = Some(waited);
    [counters.voluntary, counters.involuntary] = switches.map(Some);
}

/// What `/proc/PID/stat` says about a process with all its threads. Times are in seconds, as fine
/// as the system's tick.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stat {
    minor: u64,
    major: u64,
    user: f64,
    system: f64,
    reaped_user: f64,
    reaped_system: f64,
    threads: u64,
}

impl Stat {
    fn read(text: &str) -> Option<Self> {
        // The command's name stands in parentheses and may hold any character, so fields are
        // counted from the last parenthesis.
        let rest: Vec<&str> = text[text.rfind(')')? + 1..].split_ascii_whitespace().collect();
        let number = |field: usize| rest.get(field - 3)?.parse::<u64>().ok();
        let tick = rustix::param::clock_ticks_per_second() as f64;
        let seconds = |field: usize| Some(number(field)? as f64 / tick);
        Some(Self {
            minor: number(10)?,
            major: number(12)?,
            user: seconds(14)?,
            system: seconds(15)?,
            reaped_user: seconds(16)?,
            reaped_system: seconds(17)?,
            threads: number(20)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_parentheses_does_not_shift_the_fields() {
        let text = "7 (a) b (c)) S 1 2 3 4 5 6 70 8 90 10 1100 1200 1300 1400 20 0 3 0";
        let stat = Stat::read(text).expect("it is whole");
        let tick = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!((stat.minor, stat.major, stat.threads), (70, 90, 3));
        assert!((stat.user * tick - 1100.0).abs() < 1e-6, "{stat:?}");
        assert!((stat.reaped_system * tick - 1400.0).abs() < 1e-6, "{stat:?}");
        assert_eq!(Stat::read("7 (a"), None);
    }

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
