//! The long hunts: random kills of everything that belongs to a run, and every system call of a small run failing once.
//!
//! `KNEE_HUNT=3000 cargo test --test survives sweeps -- --ignored --nocapture --test-threads 1`; the number is that of the kills, or
//! of the failing calls at most.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use knee::rng::Rng;

use crate::calls::{KNEE, can, files, processes, send};

/// What takes longer hangs.
const HANGS: Duration = Duration::from_mins(1);
/// What was killed or cleans up gets this long to be gone.
const GONE: Duration = Duration::from_secs(5);

fn wanted() -> usize {
    std::env::var("KNEE_HUNT").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// What is run; each lives a second or two, or for as long as it is let.
const RUNS: &[&[&str]] = &[
    &["run", "noop", "--modes", "all", "--workers", "1,2", "--budget", "3s", "--out", "out"],
    &[
        "run",
        "lock",
        "queue",
        "--modes",
        "threads,process-pool",
        "--workers",
        "2",
        "--budget",
        "3s",
        "--out",
        "out",
    ],
    &[
        "run",
        "--budget",
        "3s",
        "--workers",
        "1,2",
        "--out",
        "out",
        "--",
        "sh",
        "-c",
        "sleep 0.05 & wait",
    ],
    &[
        "run",
        "--budget",
        "3s",
        "--workers",
        "2",
        "--out",
        "out",
        "--",
        "sh",
        "-c",
        "setsid sleep 30 & sleep 0.02",
    ],
    &[
        "run",
        "--budget",
        "3s",
        "--workers",
        "2",
        "--out",
        "out",
        "--worker",
        "sh -c 'while read l; do echo \\{\\}; done'",
    ],
    &[
        "run",
        "network",
        "pipe",
        "--modes",
        "serial,process-pool",
        "--workers",
        "2",
        "--budget",
        "3s",
        "--out",
        "out",
    ],
    &["report", "base", "--out", "out"],
];

struct Hunt {
    home: tempfile::TempDir,
}

impl Hunt {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let hunt = Self { home };
        let args =
            ["run", "noop", "--modes", "serial,threads", "--workers", "1,2", "--budget", "2s"];
        hunt.fresh();
        let status = hunt.command(&[&args[..], &["--out", "base"]].concat()).status();
        assert!(status.is_ok_and(|status| matches!(status.code(), Some(0 | 5))));
        hunt
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join(name)
    }

    fn fresh(&self) {
        let _ = fs::remove_dir_all(self.path("out"));
        let _ = fs::remove_dir_all(self.path("tmp"));
        fs::create_dir(self.path("tmp")).expect("it is ours");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(KNEE);
        command.args(args).stdin(Stdio::null());
        self.set(&mut command);
        command
    }

    fn set(&self, command: &mut Command) {
        let file = |name| fs::File::create(self.path(name)).expect("it is ours");
        command.env("TMPDIR", self.path("tmp")).env("NO_COLOR", "1").current_dir(&self.home);
        command.stdout(file("stdout")).stderr(file("stderr"));
    }

    /// Everything that runs with our directory for temporary files, but this process.
    fn alive(&self) -> Vec<i32> {
        let mark = format!("TMPDIR={}", self.path("tmp").display());
        let ours = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let own = std::process::id().cast_signed();
        processes().into_iter().filter(|pid| *pid != own).filter(ours).collect()
    }

    fn says(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// What must not be left.
    fn ledger(&self) -> Option<String> {
        let start = Instant::now();
        let left = || {
            let alive: Vec<String> = self.alive().iter().map(|pid| name(*pid)).collect();
            let tmp = fs::read_dir(self.path("tmp")).map_or(0, Iterator::count);
            (!alive.is_empty() || tmp > 0).then(|| format!("left: {alive:?}, {tmp} in tmp"))
        };
        while left().is_some() && start.elapsed() < GONE {
            std::thread::sleep(Duration::from_millis(5));
        }
        left()
    }

    /// What must be true of the files, however the run ended.
    fn spoiled(&self) -> Option<String> {
        let out = self.path("out");
        let record = out.join("record.jsonl");
        let unreadable = fs::metadata(&record).is_ok_and(|meta| meta.len() > 0)
            && knee::record::read(&record)
                .is_err_and(|error| !error.to_string().contains("not a record"));
        let broken = files(&out).into_iter().find(|path| {
            let text = fs::read(path).unwrap_or_default();
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("html") => !text.ends_with(b"</html>\n") && !text.ends_with(b"</html>"),
                Some("json") => serde_json::from_slice::<serde_json::Value>(&text).is_err(),
                Some("png") => !text.ends_with(b"IEND\xaeB`\x82"),
                _ => false,
            }
        });
        broken
            .map(|path| format!("half a file: {}", path.display()))
            .or_else(|| unreadable.then(|| "the record is unreadable".to_owned()))
    }
}

fn name(pid: i32) -> String {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} ({pid})", comm.trim())
}

fn is_knee(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "knee")
}

/// One run with one blow; what was wrong afterwards.
fn blow(hunt: &Hunt, rng: &mut Rng) -> Result<&'static str, String> {
    hunt.fresh();
    let args = RUNS[rng.below(RUNS.len() as u64) as usize];
    let signals =
        [libc::SIGKILL, libc::SIGKILL, libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGSEGV];
    let signal = signals[rng.below(6) as usize];
    let mut child = hunt.command(args).spawn().expect("knee starts");
    std::thread::sleep(Duration::from_micros(rng.below(1_500_000)));
    let own = child.id().cast_signed();
    let alive = hunt.alive();
    let (victims, what): (Vec<i32>, _) = match rng.below(4) {
        0 => (vec![own], "knee"),
        1 => {
            (alive.iter().copied().filter(|pid| is_knee(*pid)).collect(), "all that is called knee")
        }
        2 => (alive.clone(), "everything"),
        _ => {
            let others: Vec<i32> = alive.iter().copied().filter(|pid| *pid != own).collect();
            match others.len() as u64 {
                0 => (vec![own], "knee"),
                count => (vec![others[rng.below(count) as usize]], "one of its others"),
            }
        }
    };
    let hit: Vec<String> = victims.iter().map(|pid| name(*pid)).collect();
    for pid in &victims {
        send(*pid, signal);
    }
    let case = |what: String| Err(format!("{what}; signal {signal} to {hit:?} of {args:?}"));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        if start.elapsed() > HANGS {
            hunt.alive().into_iter().for_each(|pid| send(pid, libc::SIGKILL));
            let _ = child.wait();
            return case("it hangs".to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    // Where nobody was left to clean up, the next run does it.
    if what == "everything" && hunt.ledger().is_some() {
        let args = ["run", "noop", "--modes", "serial", "--workers", "1", "--budget", "300ms"];
        let next = hunt.command(&[&args[..], &["--out", "next"]].concat()).status();
        let _ = fs::remove_dir_all(hunt.path("next"));
        assert!(next.is_ok());
    }
    if hunt.says("stderr").contains("panicked") {
        return case(format!("a panic: {}", hunt.says("stderr")));
    }
    if status.code().is_none() && !victims.contains(&own) {
        return case(format!("it died by itself: {status}"));
    }
    match hunt.ledger().or_else(|| hunt.spoiled()) {
        None => Ok(what),
        Some(wrong) => {
            hunt.alive().into_iter().for_each(|pid| send(pid, libc::SIGKILL));
            case(wrong)
        }
    }
}

#[test]
#[ignore = "a hunt of many minutes"]
fn random_kills_leave_nothing() {
    let (hunt, seed) = (Hunt::new(), u64::from(std::process::id()));
    let mut rng = Rng::labelled(seed, "kills");
    let (mut done, mut wrong) = (BTreeMap::<_, u32>::new(), Vec::new());
    for number in 0..wanted() {
        match blow(&hunt, &mut rng) {
            Ok(what) => *done.entry(what).or_default() += 1,
            Err(text) => {
                println!("{number}: {text}");
                wrong.push(text);
            }
        }
    }
    println!("seed {seed}: {done:?}, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

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

/// One run in which one call fails, in every process and thread that makes so many of it; what was wrong.
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
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        if start.elapsed() > HANGS {
            hunt.alive().into_iter().for_each(|pid| send(pid, libc::SIGKILL));
            let _ = child.wait();
            return case("it hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let said = hunt.says("stderr");
    if said.contains("panicked") {
        return case("a panic");
    }
    let Some(code) = status.code() else { return case("it was killed") };
    if !matches!(code, 0 | 5) && said.is_empty() && hunt.says("stdout").is_empty() {
        return case(&format!("silence, exit {code}"));
    }
    if let Some(left) = hunt.ledger() {
        hunt.alive().into_iter().for_each(|pid| send(pid, libc::SIGKILL));
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
    let runs: [&[&str]; 2] = [
        &[
            "run",
            "lock",
            "--modes",
            "threads,process-pool",
            "--workers",
            "2",
            "--budget",
            "200ms",
            "--out",
            "out",
            "--quiet",
        ],
        &["run", "--budget", "200ms", "--workers", "1", "--out", "out", "--quiet", "--", "true"],
    ];
    let mut cases = Vec::new();
    for args in runs {
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
    for (args, call, error, when) in tried {
        if let Err(text) = fails(&hunt, args, &call, error, when) {
            println!("{text}\n");
            wrong.push(text);
        }
    }
    println!("{count} of {all} cases, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} wrong", wrong.len());
}
