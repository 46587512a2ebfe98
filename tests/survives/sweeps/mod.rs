//! The long hunts: random kills of everything that belongs to a run, and every system call of a
//! small run failing once.
//!
//! `KNEE_HUNT=3000 cargo test --test survives sweeps -- --ignored --nocapture --test-threads 1`;
//! the number is the number of kills, or the largest number of failing calls.

mod failing_calls;
mod kills;

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::calls::{BRIEF, KNEE, Patience, as_from_a_terminal, files, processes, send};

/// A run that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);
/// How long killed processes, and those that clean up, may take to end.
const GONE: Duration = Duration::from_secs(5);

/// How many cases are wanted.
fn wanted() -> usize {
    std::env::var("KNEE_HUNT").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// A place in which run after run is hunted.
pub(super) struct Hunt {
    pub(super) home: tempfile::TempDir,
}

impl Hunt {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let hunt = Self { home };
        let args = ["run", "noop", "--modes", "serial,threads", "--workers", "1,2"];
        hunt.fresh();
        let status = hunt.command(&[&args[..], &BRIEF, &["--out", "base"]].concat()).status();
        assert!(status.is_ok_and(|status| matches!(status.code(), Some(0 | 5))));
        hunt
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join(name)
    }

    pub(super) fn fresh(&self) {
        let _ = fs::remove_dir_all(self.path("out"));
        let _ = fs::remove_dir_all(self.path("tmp"));
        fs::create_dir(self.path("tmp")).expect("it is ours");
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(KNEE);
        command.args(args).stdin(Stdio::null());
        self.set(&mut command);
        command
    }

    pub(super) fn set(&self, command: &mut Command) {
        let file = |name| fs::File::create(self.path(name)).expect("it is ours");
        command.env("TMPDIR", self.path("tmp")).env("NO_COLOR", "1").current_dir(&self.home);
        as_from_a_terminal(command).stdout(file("stdout")).stderr(file("stderr"));
    }

    /// All processes with the test's directory for temporary files, except this one.
    pub(super) fn alive(&self) -> Vec<i32> {
        let mark = format!("TMPDIR={}", self.path("tmp").display());
        let ours = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let own = std::process::id().cast_signed();
        processes().into_iter().filter(|pid| *pid != own).filter(ours).collect()
    }

    /// Waits for the end of a run; `None` if it hung and had to be killed.
    pub(super) fn end(&self, child: &mut Child) -> Option<ExitStatus> {
        let mut patience = Patience::of(HANGS);
        loop {
            if let Some(status) = child.try_wait().expect("it is our child") {
                return Some(status);
            }
            if !patience.wait() {
                self.alive().into_iter().for_each(say_threads);
                self.kill_all();
                let _ = child.wait();
                return None;
            }
        }
    }

    pub(super) fn kill_all(&self) {
        self.alive().into_iter().for_each(|pid| send(pid, libc::SIGKILL));
    }

    pub(super) fn says(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// What is left that must not be left.
    pub(super) fn ledger(&self) -> Option<String> {
        let left = || {
            let alive: Vec<String> = self.alive().iter().map(|pid| name(*pid)).collect();
            let tmp = fs::read_dir(self.path("tmp")).map_or(0, Iterator::count);
            (!alive.is_empty() || tmp > 0).then(|| format!("left: {alive:?}, {tmp} in tmp"))
        };
        let mut patience = Patience::of(GONE);
        while left().is_some() && patience.wait() {}
        left()
    }

    /// Whether the next run removes what this one could not.
    pub(super) fn next_run_cleans_up(&self) -> bool {
        let args = ["run", "noop", "--modes", "serial", "--workers", "1", "--budget", "300ms"];
        let next = self.command(&[&args[..], &["--out", "next", "--quiet"]].concat()).status();
        let _ = fs::remove_dir_all(self.path("next"));
        next.is_ok() && self.ledger().is_none()
    }

    /// What is wrong with the files, which must be right however the run ended.
    pub(super) fn spoiled(&self) -> Option<String> {
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

/// Prints where the threads of a hanging process wait.
fn say_threads(pid: i32) {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for path in threads.map(|entry| entry.path()) {
        let read = |file| fs::read_to_string(path.join(file)).unwrap_or_default();
        let state = read("stat").rsplit(')').next().map(|rest| rest.chars().take(2).collect());
        let state: String = state.unwrap_or_default();
        println!(
            "{}, {}:{state} {} {}",
            name(pid),
            read("comm").trim(),
            read("wchan"),
            read("syscall")
        );
    }
}

/// The name of a process, and its id.
fn name(pid: i32) -> String {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} ({pid})", comm.trim())
}
