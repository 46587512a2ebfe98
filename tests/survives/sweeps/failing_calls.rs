//! Each system call of a small run fails once: no panic, no hang, no silence, nothing left.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use knee::rng::Rng;

use super::{Hunt, wanted};
use crate::calls::{KNEE, can, files};

/// The system calls that a small run makes, and how often one of its threads makes each at most.
fn system_calls(hunt: &Hunt, args: &[&str]) -> BTreeMap<String, u32> {
    hunt.fresh();
    let log = hunt.path("log");
    let mut command = Command::new("strace");
    command.args(["-ff", "-qq", "-o"]).arg(&log).arg(KNEE).args(args);
    hunt.set(&mut command);
    assert!(command.status().is_ok());
    let mut most: BTreeMap<String, u32> = BTreeMap::new();
    for path in files(hunt.home.path()).iter().filter(|path| is_log(path)) {
        let mut here: BTreeMap<String, u32> = BTreeMap::new();
        for line in String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).lines() {
            if let Some((call, _)) = line.split_once('(')
                && call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                *here.entry(call.to_owned()).or_default() += 1;
            }
        }
        for (call, count) in here {
            let known = most.entry(call).or_default();
            *known = count.max(*known);
        }
        let _ = fs::remove_file(path);
    }
    most
}

fn is_log(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log."))
}

/// What each kind of call may well answer.
fn errors(call: &str) -> &'static [&'static str] {
    match call {
        "mmap" | "brk" | "mprotect" | "mremap" | "madvise" => &["ENOMEM"],
        "clone" | "clone3" | "fork" | "vfork" => &["EAGAIN", "ENOMEM"],
        "openat" | "open" | "socket" | "socketpair" | "pipe2" | "eventfd2" | "dup"
        | "pidfd_open" | "memfd_create" | "accept4" => &["EMFILE", "EACCES"],
        "write" | "writev" | "pwrite64" | "fsync" | "fdatasync" | "ftruncate" | "fallocate"
        | "rename" | "linkat" | "mkdir" => &["ENOSPC", "EIO", "EDQUOT"],
        "exit" | "exit_group" | "rt_sigreturn" | "execve" | "restart_syscall" => &[],
        _ => &["EIO", "EPERM"],
    }
}

/// One run in which one call fails, in every process and thread that makes so many of it; what was
/// wrong.
fn fails(hunt: &Hunt, args: &[&str], call: &str, error: &str, when: u32) -> Result<(), String> {
    hunt.fresh();
    let mut command = Command::new("strace");
    let inject = format!("inject={call}:error={error}:when={when}");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=none", "-e", "signal=none"]);
    command.args(["-e", &inject]).arg(KNEE).args(args).stdin(Stdio::null());
    hunt.set(&mut command);
    let mut child = command.spawn().expect("strace starts");
    let case = |what: &str| {
        let (out, err) = (hunt.says("stdout"), hunt.says("stderr"));
        let err: String = err.chars().take(600).collect();
        Err(format!("{call} {error} {when}: {what}; {} bytes on stdout; {err}", out.len()))
    };
    let Some(status) = hunt.end(&mut child) else { return case("it hangs") };
    let said = hunt.says("stderr");
    if said.contains("panicked") {
        return case("a panic");
    }
    let Some(code) = status.code() else { return case("it was killed") };
    if !matches!(code, 0 | 5) && said.is_empty() && hunt.says("stdout").is_empty() {
        return case(&format!("silence, exit {code}"));
    }
    if let Some(left) = hunt.ledger() {
        hunt.kill_all();
        // Where removing is what fails, the next run does it.
        if !["unlink", "unlinkat", "rmdir", "getdents64", "kill", "pidfd_send_signal"]
            .contains(&call)
        {
            return case(&left);
        }
    }
    match hunt.spoiled() {
        Some(wrong) => case(&wrong),
        None => Ok(()),
    }
}

#[test]
#[ignore = "a hunt of many minutes"]
fn no_failing_system_call_is_a_panic_a_hang_or_silence() {
    if !can(&["strace", "-f", "-o", "/dev/null", "true"]) {
        return;
    }
    let hunt = Hunt::new();
    let runs = [
        "run lock --modes threads,process-pool --workers 2 --budget 200ms --out out --quiet",
        "run --budget 100ms --workers 1 --out out --quiet -- true",
    ];
    let runs = runs.map(|line| line.split(' ').collect::<Vec<_>>());
    let mut cases = Vec::new();
    for args in &runs {
        for (call, count) in system_calls(&hunt, args) {
            for error in errors(&call) {
                cases.extend((1..=count.min(200)).map(|when| (args, call.clone(), *error, when)));
            }
        }
    }
    let (mut rng, all) = (Rng::labelled(u64::from(std::process::id()), "calls"), cases.len());
    // In random order, so that a part of them is a fair part.
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
