//! Takes snapshots of the machine before and after a round. Its files stay open and are read in
//! tens of microseconds.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::cgroup::{self, parse_cpu_max};
use super::gpu::{Gpus, Seen};
#[cfg(unix)]
use super::pauses;
use super::{Budget, CpuSet, Root, system_calls};

/// Frequencies and thermal counters of at most this many cores are read, because each reading may
/// cost a microsecond or more.
const SAMPLED_CORES: usize = 8;

/// The files that show disturbances of a round, kept open.
///
/// A snapshot costs some 20 us on two CPUs, and more with more CPUs. So it can be taken directly
/// before and after every measured window. What a machine does not offer is left out of the
/// [`Snapshot`], not replaced.
#[derive(Debug)]
pub struct Watch {
    live: bool,
    cpus: Option<CpuSet>,
    /// Whether these are all CPUs online, so that figures of the whole machine apply to them.
    all: bool,
    stat: Option<File>,
    accounting: Option<Accounting>,
    groups: Vec<Group>,
    pressure: [Option<File>; 3],
    load: Option<File>,
    frequencies: Vec<File>,
    thermal: Vec<File>,
    gpus: Option<Gpus>,
    buffer: String,
}

/// A source of the CPU time of all processes that is finer than `/proc/stat`.
#[derive(Debug)]
enum Accounting {
    /// cgroup v1 `cpuacct.usage_percpu`: nanoseconds per CPU.
    PerCpu(File),
    /// cgroup v2 `cpu.stat` of the root: microseconds of the whole machine.
    Total(File),
}

/// A control group of this process, with its limit and the effects of the limit.
#[derive(Debug)]
struct Group {
    version: u8,
    stat: Option<File>,
    /// `cpu.max`, or `cpu.cfs_quota_us` and `cpu.cfs_period_us`.
    quota: Vec<File>,
}

/// One snapshot. Times are seconds since an arbitrary start; only their differences mean something.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) monotonic: Instant,
    pub(super) realtime: SystemTime,
    /// Time since the start of the machine, including suspension.
    pub(super) boottime: Option<Duration>,
    /// The monotonic clock of the system, which stops while suspended.
    pub(super) uptime: Option<Duration>,
    pub(super) times: Option<CpuTimes>,
    /// CPU seconds of everything on the watched CPUs, from the finer source.
    pub(super) accounted: Option<Accounted>,
    /// Throttled periods and seconds, of the control group that was throttled most.
    pub(super) throttled: Option<(u64, f64)>,
    /// Seconds in which some task waited for CPU, memory, IO.
    pub(super) pressure: [Option<f64>; 3],
    pub(super) frequency: Option<f64>,
    pub(super) thermal: Option<u64>,
    pub(super) running: Option<u32>,
    pub(super) load: Option<f64>,
    pub(super) quota: Option<f64>,
    pub(super) affinity: Option<CpuSet>,
    /// How often this process stood still and continued.
    pub(super) continued: usize,
    /// The number of CPUs that the figures refer to.
    pub(super) cpus: Option<u32>,
    /// What GPUs did since the last snapshot.
    pub(super) gpus: Option<Seen>,
}

/// `/proc/stat` of the watched CPUs, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct CpuTimes {
    pub(super) busy: f64,
    pub(super) iowait: f64,
    pub(super) steal: f64,
    /// The possible error of a difference of two values.
    pub(super) resolution: f64,
}

/// CPU time of all processes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Accounted {
    pub(super) seconds: f64,
    /// The possible error of a difference of two values.
    pub(super) resolution: f64,
}

/// The most bytes that are read from a file.
const MAX_FILE: u64 = 4 << 20;

/// The scheduler updates the time of a running task at its tick. A figure is at most this old (HZ =
/// 250).
const TICK: f64 = 0.004;

impl Watch {
    /// Opens all sources that the machine offers.
    pub fn open(root: &Root, budget: &Budget) -> Self {
        // Counting begins here, so that a stop in the first round is noticed.
        pauses::pauses();
        let cpus = budget.affinity.clone();
        let all = match (&cpus, budget.online) {
            (Some(cpus), Some(online)) => cpus.len() == online as usize,
            _ => true,
        };
        let open = |path: &Path| File::open(root.resolve(path)).ok();
        let per_core = |name: &str| -> Vec<File> {
            let step = cpus.as_ref().map_or(1, |cpus| cpus.len().div_ceil(SAMPLED_CORES).max(1));
            let sampled = cpus.iter().flat_map(CpuSet::iter).step_by(step);
            let path = |cpu| PathBuf::from(format!("/sys/devices/system/cpu/cpu{cpu}/{name}"));
            sampled.filter_map(|cpu| open(&path(cpu))).collect()
        };
        Self {
            live: root.is_live(),
            all,
            stat: open(Path::new("/proc/stat")),
            accounting: accounting(root, all),
            groups: groups(root),
            pressure: ["cpu", "memory", "io"]
                .map(|resource| open(&Path::new("/proc/pressure").join(resource))),
            load: open(Path::new("/proc/loadavg")),
            frequencies: per_core("cpufreq/scaling_cur_freq"),
            thermal: per_core("thermal_throttle/core_throttle_count"),
            gpus: Gpus::of(root),
            buffer: String::with_capacity(64 << 10),
            cpus,
        }
    }

    /// Takes a snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let (boottime, uptime) = if self.live { clocks() } else { (None, None) };
        let mut snapshot = Snapshot {
            monotonic: Instant::now(),
            realtime: SystemTime::now(),
            boottime,
            uptime,
            times: None,
            accounted: None,
            throttled: None,
            pressure: [None; 3],
            frequency: None,
            thermal: None,
            running: None,
            load: None,
            quota: None,
            affinity: self.live.then(|| system_calls::affinity(0).ok()).flatten(),
            continued: if self.live { pauses::pauses() } else { 0 },
            cpus: self.cpus.as_ref().map(|cpus| cpus.len() as u32),
            gpus: self.gpus.as_ref().map(Gpus::take),
        };
        self.look_at_cpus(&mut snapshot);
        self.look_at_groups(&mut snapshot);
        for (file, seconds) in self.pressure.iter_mut().zip(&mut snapshot.pressure) {
            *seconds = reread(file.as_mut(), &mut self.buffer).and_then(parse_pressure);
        }
        snapshot.load = reread(self.load.as_mut(), &mut self.buffer)
            .and_then(|text| text.split(' ').next()?.parse().ok());
        self.look_at_cores(&mut snapshot);
        snapshot
    }

    fn look_at_cpus(&mut self, snapshot: &mut Snapshot) {
        let watched = self.cpus.as_ref().filter(|_| !self.all);
        if let Some(text) = reread(self.stat.as_mut(), &mut self.buffer) {
            snapshot.times = parse_stat(text, watched);
            snapshot.running = text
                .lines()
                .find_map(|line| line.strip_prefix("procs_running "))
                .and_then(|count| count.trim().parse().ok());
            let lines = text.lines().filter(|line| line.starts_with("cpu"));
            snapshot.cpus = snapshot.cpus.or(lines.count().checked_sub(1).map(|n| n as u32));
        }
        let count = f64::from(snapshot.cpus.unwrap_or(1));
        let seconds = match &mut self.accounting {
            Some(Accounting::PerCpu(file)) => {
                reread(Some(file), &mut self.buffer).and_then(|text| parse_per_cpu(text, watched))
            }
            Some(Accounting::Total(file)) => {
                reread(Some(file), &mut self.buffer).and_then(parse_root_stat)
            }
            None => None,
        };
        // The errors of the CPUs are independent, so their sum grows with the root of the number of
        // CPUs.
        let resolution = TICK * count.sqrt();
        snapshot.accounted = seconds.map(|seconds| Accounted { seconds, resolution });
    }

    fn look_at_groups(&mut self, snapshot: &mut Snapshot) {
        for group in &mut self.groups {
            let throttled = reread(group.stat.as_mut(), &mut self.buffer)
                .and_then(|text| parse_throttling(text, group.version));
            // A group is throttled together with those above it, so the largest count is used, not
            // the sum.
            if throttled.map(|(_, s)| s) > snapshot.throttled.map(|(_, s)| s) {
                snapshot.throttled = throttled;
            }
            let mut words = String::new();
            for file in &mut group.quota {
                words += reread(Some(file), &mut self.buffer).unwrap_or_default();
                words.push(' ');
            }
            let quota = parse_cpu_max(&words).map(|(cpus, _)| cpus);
            snapshot.quota = [snapshot.quota, quota].into_iter().flatten().reduce(f64::min);
        }
    }

    fn look_at_cores(&mut self, snapshot: &mut Snapshot) {
        let buffer = &mut self.buffer;
        let mut number =
            |file: &mut File| -> Option<f64> { reread(Some(file), buffer)?.trim().parse().ok() };
        let khz: Vec<f64> = self.frequencies.iter_mut().filter_map(&mut number).collect();
        if !khz.is_empty() {
            snapshot.frequency = Some(khz.iter().sum::<f64>() / khz.len() as f64 * 1e3);
        }
        let events: Vec<f64> = self.thermal.iter_mut().filter_map(&mut number).collect();
        snapshot.thermal = (!events.is_empty()).then(|| events.iter().sum::<f64>() as u64);
    }
}

/// The finer source of CPU time, if this process may see that of the whole machine.
fn accounting(root: &Root, all: bool) -> Option<Accounting> {
    let file = |version, controller, name: &str| {
        let group = cgroup::whole_machine(root, version, controller)?;
        File::open(root.resolve(group.join(name))).ok()
    };
    file(1, "cpuacct", "cpuacct.usage_percpu").map(Accounting::PerCpu).or_else(|| {
        // It has no figures per CPU, so it is of use only if all CPUs are watched.
        all.then(|| file(2, "cpu", "cpu.stat")).flatten().map(Accounting::Total)
    })
}

fn groups(root: &Root) -> Vec<Group> {
    let Some(found) = cgroup::groups(root, "cpu") else { return Vec::new() };
    let version = found.version;
    let files: &[&str] =
        if version == 2 { &["cpu.max"] } else { &["cpu.cfs_quota_us", "cpu.cfs_period_us"] };
    let group = |directory: PathBuf| {
        let open = |name: &str| File::open(root.resolve(directory.join(name))).ok();
        let quota: Option<Vec<File>> = files.iter().map(|name| open(name)).collect();
        Group { version, stat: open("cpu.stat"), quota: quota.unwrap_or_default() }
    };
    found.directories.into_iter().map(group).collect()
}

/// The current text of a file; `None` if it cannot be read (any more).
fn reread<'a>(file: Option<&mut File>, buffer: &'a mut String) -> Option<&'a str> {
    let file = file?;
    buffer.clear();
    file.rewind().ok()?;
    // A `File` first asks for its length and position, which costs more than the reading. A `Take`
    // does not.
    file.take(MAX_FILE).read_to_string(buffer).ok()?;
    Some(buffer)
}

/// Sums the lines of the watched CPUs, or takes the machine's own sum if all are watched.
fn parse_stat(text: &str, watched: Option<&CpuSet>) -> Option<CpuTimes> {
    let tick = 1.0 / clock_ticks();
    let mut times = CpuTimes::default();
    let mut lines = 0_u32;
    for line in text.lines().take_while(|line| line.starts_with("cpu")) {
        let mut words = line.split_whitespace();
        let cpu = words.next()?.strip_prefix("cpu")?;
        let wanted = match watched {
            None => cpu.is_empty(),
            Some(set) => cpu.parse().is_ok_and(|cpu| set.contains(cpu)),
        };
        if wanted {
            let mut field = || words.next().and_then(|word| word.parse::<f64>().ok());
            let (user, nice, system, _idle) = (field()?, field()?, field()?, field()?);
            // Lines of kernels before 2.6.11 end here; the other values are then zero by
            // definition.
            let mut later = || field().unwrap_or(0.0);
            let (iowait, irq, softirq, steal) = (later(), later(), later(), later());
            times.busy += (user + nice + system + irq + softirq) * tick;
            times.iowait += iowait * tick;
            times.steal += steal * tick;
            lines += 1;
        }
    }
    // Every field is cut to whole ticks; mainly user and system time change.
    times.resolution = 1.5 * tick * f64::from(lines).sqrt();
    (lines > 0).then_some(times)
}

/// Reads nanoseconds per CPU from one line, as seconds.
fn parse_per_cpu(text: &str, watched: Option<&CpuSet>) -> Option<f64> {
    let numbers: Vec<f64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let wanted = |cpu: u32| watched.is_none_or(|set| set.contains(cpu));
    let sum: f64 = (0..).zip(&numbers).filter(|(cpu, _)| wanted(*cpu)).map(|(_, ns)| ns).sum();
    (!numbers.is_empty()).then_some(sum / 1e9)
}

/// User and system time of the root of cgroup v2. Its `usage_usec` would include steal.
fn parse_root_stat(text: &str) -> Option<f64> {
    Some((field(text, "user_usec")? + field(text, "system_usec")?) / 1e6)
}

/// Throttled periods and seconds. Version 1 counts nanoseconds, version 2 microseconds.
fn parse_throttling(text: &str, version: u8) -> Option<(u64, f64)> {
    let seconds = match version {
        2 => field(text, "throttled_usec")? / 1e6,
        _ => field(text, "throttled_time")? / 1e9,
    };
    Some((field(text, "nr_throttled")? as u64, seconds))
}

/// A number in lines of the form `name number`.
fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// Microseconds in which some task waited, as seconds.
fn parse_pressure(text: &str) -> Option<f64> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    Some(some.split_whitespace().find_map(|w| w.strip_prefix("total="))?.parse::<f64>().ok()? / 1e6)
}

/// On other systems a pause looks like a slow machine.
#[cfg(not(unix))]
mod pauses {
    pub(super) fn pauses() -> usize {
        0
    }
}

/// Ticks per second in `/proc/stat`.
#[cfg(unix)]
pub(super) fn clock_ticks() -> f64 {
    rustix::param::clock_ticks_per_second().max(1) as f64
}

/// Ticks per second in `/proc/stat`.
#[cfg(not(unix))]
pub(super) fn clock_ticks() -> f64 {
    100.0
}

/// The clock that runs during suspension, and the clock that does not.
#[cfg(target_os = "linux")]
fn clocks() -> (Option<Duration>, Option<Duration>) {
    use rustix::time::{ClockId, clock_gettime};
    let now = |id| Duration::try_from(clock_gettime(id)).ok();
    (now(ClockId::Boottime), now(ClockId::Monotonic))
}

/// The clock that runs during suspension, and the clock that does not.
#[cfg(not(target_os = "linux"))]
fn clocks() -> (Option<Duration>, Option<Duration>) {
    (None, None)
}

#[cfg(test)]
mod tests;
