//! Our own CPU time: that of this process and of the workers that it has reaped.

use std::io;

/// CPU seconds of this process since it started, all its threads together. It includes every child
/// that has ended and was waited for, with the children that those waited for.
///
/// A living worker is not included: read this before the worker is started and after it was reaped.
///
/// # Errors
///
/// The system does not say.
#[cfg(unix)]
pub fn process_cpu_time() -> io::Result<f64> {
    use rustix::time::{ClockId, clock_gettime};
    let own = clock_gettime(ClockId::ProcessCPUTime);
    Ok(own.tv_sec as f64 + own.tv_nsec as f64 / 1e9 + reaped()?)
}

/// CPU seconds of another process since it started, all its threads together. `None` if the system
/// does not say, for instance because the process is gone.
///
/// The children of that process are not included.
#[cfg(target_os = "linux")]
pub fn cpu_time_of(pid: u32) -> Option<f64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // The CPU clock of a process is made from its id: inverted, shifted, and 2 for the time on a
    // CPU. (`clock_getcpuclockid` of the C library does the same, with one more call to the
    // kernel.)
    let clock = (!i32::try_from(pid).ok()? << 3) | 2;
    // SAFETY: the pointer is to a writable `timespec`; an unknown clock is refused.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return None;
    }
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

/// CPU seconds of another process: known only on Linux.
#[cfg(not(target_os = "linux"))]
pub fn cpu_time_of(pid: u32) -> Option<f64> {
    let _ = pid;
    None
}

/// CPU seconds of the children that another process has waited for, in steps of the system's tick
/// (10 ms). `None` if the system does not say.
#[cfg(target_os = "linux")]
pub fn reaped_by(pid: u32) -> Option<f64> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in brackets, may contain anything. The third field follows it; we
    // want the sixteenth and the seventeenth (proc_pid_stat(5): cutime, cstime).
    let (_, fields) = line.rsplit_once(')')?;
    let ticks: Vec<f64> =
        fields.split_ascii_whitespace().skip(13).take(2).filter_map(|x| x.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() / rustix::param::clock_ticks_per_second() as f64)
}

/// CPU seconds of the children that another process has waited for: known only on Linux.
#[cfg(not(target_os = "linux"))]
pub fn reaped_by(pid: u32) -> Option<f64> {
    let _ = pid;
    None
}

/// All living descendants of some processes, as far as the system shows them.
pub fn descendants(pids: &[u32]) -> Vec<u32> {
    let (mut found, mut parents) = (Vec::new(), pids.to_vec());
    while let Some(parent) = parents.pop() {
        let tasks =
            std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for list in
            tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        {
            let children = list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok());
            for child in children {
                found.push(child);
                parents.push(child);
            }
        }
    }
    found
}

/// CPU seconds of the reaped children. Their split into user and system time is rough, but the sum
/// is exact.
#[cfg(unix)]
fn reaped() -> io::Result<f64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a writable `rusage`.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all bytes are initialised, by zeroes at first and by the system since.
    let usage = unsafe { usage.assume_init() };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

/// CPU seconds of this process since it started, with those of the children that it reaped.
///
/// # Errors
///
/// The system does not say.
#[cfg(not(unix))]
pub fn process_cpu_time() -> io::Result<f64> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_child_has_reaped_is_told_too() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    // This takes much more than the two ticks that rounding may cost.
    let burn = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; cat /proc/$$/schedstat'; \
                read line";
    let mut child = Command::new("sh")
        .args(["-c", burn])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
    let theirs = told.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9;
    // The grandchild may still be ending; the shell waits for it before it reads.
    let told = || reaped_by(child.id()).unwrap();
    while told() == 0.0 {
        std::thread::yield_now();
    }
    assert!(told() >= theirs - 0.025, "{} of {theirs}", told());
    child.wait().unwrap();
    assert_eq!(reaped_by(child.id()), None, "it is gone");
}

#[cfg(target_os = "linux")]
#[test]
fn a_reaped_child_counts_and_a_living_one_does_not() {
    use std::process::Command;
    let burn =
        "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; cat /proc/$$/schedstat; read line";
    let mut shell = Command::new("sh");
    let child = shell.args(["-c", burn]).stdin(std::process::Stdio::piped());
    let mut child = child.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut told).unwrap();
    let theirs = told.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9;
    let before = reaped().unwrap();
    let seen = cpu_time_of(child.id()).unwrap();
    assert!(seen >= theirs * 0.99, "{seen} of {theirs}");
    child.wait().unwrap();
    assert_eq!(cpu_time_of(child.id()), None, "it is gone");
    let gained = reaped().unwrap() - before;
    assert!(theirs > 0.001 && gained >= theirs * 0.99, "{gained} of {theirs}");
}
