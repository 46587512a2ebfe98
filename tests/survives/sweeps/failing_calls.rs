//! Tests in which each system call of a small run fails once: no panic, no hang, no silent failure,
//! nothing left.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use knee::rng::Rng;

use super::{Hunt, wanted};
use crate::calls::{KNEE, can, files};

/// The system calls that a small run makes: for each kind, the first one after `main` was called,
/// and the most that one thread makes.
fn system_calls(hunt: &Hunt, args: &[&str]) -> BTreeMap<String, (u32, u32)> {
    hunt.fresh();
    let log = hunt.path("log");
    let mut command = Command::new("strace");
    command.args(["-ff", "-qq", "-o"]).arg(&log).arg(KNEE).args(args);
    hunt.set(&mut command);
    assert!(command.status().is_ok());
    let mut all: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for path in files(hunt.home.path()).iter().filter(|path| is_log(path)) {
        let text = fs::read_to_string(path).unwrap_or_default();
        let of_a_program = text.starts_with("execve(");
        let (mut here, mut stacks) = (BTreeMap::<_, u32>::new(), 0);
        for line in text.lines() {
            let Some((call, _)) = line.split_once('(') else { continue };
            *here.entry(call.to_owned()).or_default() += 1;
            // The last call that the Rust runtime makes before `main`.
            stacks += u32::from(call == "sigaltstack");
            if of_a_program && call == "sigaltstack" && stacks == 2 {
                for (call, count) in &here {
                    let known = all.entry(call.clone()).or_default();
                    known.0 = known.0.max(*count);
                }
            }
        }
        for (call, count) in here {
            let known = all.entry(call).or_default();
            known.1 = known.1.max(count);
        }
        let _ = fs::remove_file(path);
    }
    all
}

fn is_log(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log."))
}

/// The errors that each kind of call can have. Calls that cannot fail with right arguments have
/// none here, because no program handles such an error: the C library ends the program on an
/// unexpected error of `futex`.
fn errors(call: &str) -> &'static [&'static str] {
    match call {
        "mmap" | "mprotect" | "mremap" | "madvise" => &["error=ENOMEM"],
        // On failure `brk` returns the present end, which is less than was asked for.
        "brk" => &["retval=0"],
        "clone" | "clone3" | "fork" | "vfork" => &["error=EAGAIN", "error=ENOMEM"],
        "openat" | "open" | "socket" | "socketpair" | "pipe2" | "eventfd2" | "dup" | "dup2"
        | "fcntl" | "pidfd_open" | "memfd_create" | "accept4" => &["error=EMFILE", "error=EACCES"],
        "write" | "writev" | "pwrite64" | "fsync" | "fdatasync" | "ftruncate" | "fallocate"
        | "rename" | "linkat" | "mkdir" => &["error=ENOSPC", "error=EIO", "error=EDQUOT"],
        "unlink" | "unlinkat" | "rmdir" | "read" | "pread64" | "readlink" | "getdents64"
        | "statx" | "newfstatat" | "fstat" | "access" | "lseek" | "ioctl" => {
            &["error=EIO", "error=EACCES"]
        }
        "close" => &["error=EIO"],
        "flock" => &["error=ENOLCK", "error=EAGAIN"],
        "bind" => &["error=EADDRINUSE", "error=EACCES"],
        "sendto" | "sendmsg" | "recvmsg" | "recvfrom" | "getsockopt" => {
            &["error=ENOBUFS", "error=ENOMEM"]
        }
        "poll" | "ppoll" => &["error=EINTR", "error=ENOMEM"],
        "clock_nanosleep" | "nanosleep" | "wait4" | "waitid" => &["error=EINTR"],
        "kill" | "pidfd_send_signal" | "setpgid" | "prctl" | "getpriority"
        | "sched_getaffinity" | "sched_setaffinity" => &["error=EPERM", "error=ESRCH"],
        "getrandom" => &["error=EINTR", "error=ENOSYS"],
        _ => &[],
    }
}

/// The standard library panics with this text when closing a directory fails. The kernel has no
/// such error. The run ends with this message.
const CLOSES_A_DIRECTORY: &str = "unexpected error during closedir";
/// One run in which one call fails, in every process and thread that makes so many calls of the
/// kind. Returns what went wrong.
fn fails(hunt: &Hunt, args: &[&str], call: &str, error: &str, when: u32) -> Result<(), String> {
    hunt.fresh();
    let mut command = Command::new("strace");
    let inject = format!("inject={call}:{error}:when={when}");
    let trace = format!("trace={call}");
    // Only the calls that matter are traced (`--seccomp-bpf`), which is several times as fast.
    command.args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "signal=none"]);
    command.args(["-e", &trace, "-e", &inject]).arg(KNEE).args(args).stdin(Stdio::null());
    hunt.set(&mut command);
    let mut child = command.spawn().expect("strace starts");
    let case = |what: &str| {
        let (out, err) = (hunt.says("stdout"), hunt.says("stderr"));
        let err: String = err.chars().take(600).collect();
        Err(format!("{call} {error} {when}: {what}; {} bytes on stdout; {err}", out.len()))
    };
    let Some(status) = hunt.end(&mut child) else { return case("it hangs") };
    let said = hunt.says("stderr");
    let is_known = call == "close" && said.contains(CLOSES_A_DIRECTORY) && status.code() == Some(1);
    if said.contains("panicked") && !is_known {
        return case("a panic");
    }
    let Some(code) = status.code() else { return case("it was killed") };
    if !matches!(code, 0 | 5) && said.is_empty() && hunt.says("stdout").is_empty() {
        return case(&format!("silence, exit {code}"));
    }
    // If removing a file failed, the next run removes it.
    if let Some(left) = hunt.ledger()
        && (!hunt.alive().is_empty() || !hunt.next_run_cleans_up())
    {
        hunt.kill_all();
        return case(&left);
    }
    match hunt.spoiled() {
        Some(wrong) => case(&wrong),
        None => Ok(()),
    }
}

/// Checks that calls do fail, because otherwise a hunt finds nothing.
fn proves_to_inject(hunt: &Hunt) {
    hunt.fresh();
    let mut command = Command::new("strace");
    command.args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=mkdir"]);
    command.args(["-e", "inject=mkdir:error=ENOSPC", KNEE, "run", "noop", "--out", "out"]);
    hunt.set(&mut command);
    let status = command.status().expect("strace starts");
    assert!(!status.success() && hunt.says("stderr").contains("No space left"), "nothing fails");
}

/// Which part of the cases this process does: `KNEE_LANE=0/2` and `KNEE_LANE=1/2` together do all
/// of them.
fn lane() -> (u32, u32) {
    let text = std::env::var("KNEE_LANE").unwrap_or_default();
    let parts = text
        .split_once('/')
        .and_then(|(lane, lanes)| Some((lane.parse().ok()?, lanes.parse().ok()?)));
    parts.unwrap_or((0, 1))
}

#[test]
#[ignore = "a hunt of many minutes"]
fn no_failing_system_call_is_a_panic_a_hang_or_silence() {
    if !can(&["strace", "-f", "-o", "/dev/null", "true"]) {
        return;
    }
    let hunt = Hunt::new();
    proves_to_inject(&hunt);
    let runs = [
        "run lock --modes threads,process-pool --workers 2 --budget 400ms --out out --quiet",
        "run --budget 100ms --workers 1 --out out --quiet -- true",
    ];
    let runs = runs.map(|line| line.split(' ').collect::<Vec<_>>());
    let (lane, lanes) = lane();
    let mut cases = Vec::new();
    for args in &runs {
        for (call, (before, count)) in system_calls(&hunt, args) {
            for error in errors(&call) {
                let whens = (before + 1..=count.min(200)).filter(|when| when % lanes == lane);
                cases.extend(whens.map(|when| (args, call.clone(), *error, when)));
            }
        }
    }
    let (mut rng, all) = (Rng::labelled(u64::from(std::process::id()), "calls"), cases.len());
    // In random order, so that a part of the cases represents all of them.
    for last in (1..cases.len()).rev() {
        cases.swap(last, rng.below(last as u64 + 1) as usize);
    }
    let mut wrong = Vec::new();
    let tried = cases.into_iter().take(wanted());
    let count = tried.len();
    for (number, (args, call, error, when)) in tried.enumerate() {
        if number % 100 == 0 {
            println!("{number} of {count}: {} wrong", wrong.len());
        }
        if let Err(text) = fails(&hunt, args, &call, error, when) {
            println!("{text}\n");
            wrong.push(text);
        }
    }
    println!("{count} of {all} cases, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} wrong", wrong.len());
}
