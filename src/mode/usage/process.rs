//! What the files of `/proc` say about the usage of one process.

use std::fs;

use super::Usage;

/// Seconds on a CPU, and seconds waiting for one, from a file `schedstat`.
pub(super) fn schedstat(path: &std::path::Path) -> Option<[f64; 2]> {
    let text = fs::read_to_string(path).ok()?;
    let mut figures = text.split_ascii_whitespace().map(|figure| figure.parse::<u64>().ok());
    Some([figures.next()?? as f64 * 1e-9, figures.next()?? as f64 * 1e-9])
}

/// The text of `/proc/WHO/status`.
pub(super) fn status(who: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{who}/status")).ok()
}

/// The number in the line of a status that begins with `name`.
pub(super) fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].split_ascii_whitespace().next()?.parse().ok()
}

/// The usage of one other process. Its clock gives exact CPU time; the ticks of `stat` split it
/// into user and system.
pub(super) fn of_process(pid: u32) -> Usage {
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
}
