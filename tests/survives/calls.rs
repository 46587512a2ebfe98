//! Calls knee in the ways that the tests need, and looks for what it leaves behind.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use knee::record::{Record, read};

/// The program under test.
pub(crate) const KNEE: &str = env!("CARGO_BIN_EXE_knee");
/// A run with little to do and a large budget: short, but with enough time on a busy machine.
pub(crate) const BRIEF: [&str; 4] = ["--batch", "2", "--budget", "50s"];
/// The smallest run.
pub(crate) const LITTLE: [&str; 9] =
    ["noop", "--modes", "serial", "--workers", "1", BRIEF[0], BRIEF[1], BRIEF[2], BRIEF[3]];
/// A call that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits in small steps. It counts the steps and reads no clock, so that a test that was stopped
/// for a while does not report a hang.
pub(crate) struct Patience {
    steps: u128,
}

impl Patience {
    const STEP: Duration = Duration::from_millis(5);

    pub(crate) fn of(time: Duration) -> Self {
        Self { steps: time.as_millis() / Self::STEP.as_millis() }
    }

    /// Waits one step more; returns `false` when all steps are used.
    pub(crate) fn wait(&mut self) -> bool {
        thread::sleep(Self::STEP);
        self.steps = self.steps.saturating_sub(1);
        self.steps > 0
    }
}

/// A directory for one test: `tmp` for knee's temporary files, `out` for the run.
pub(crate) struct Place {
    pub(crate) home: tempfile::TempDir,
}

/// The result of a call.
#[derive(Debug)]
pub(crate) struct Called {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A call that is still running.
pub(crate) struct Running {
    child: Child,
    pub(crate) tmp: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let place = Self { home };
        fs::create_dir(place.tmp()).expect("it is ours");
        place
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.home.path().join("tmp")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.home.path().join("out")
    }

    pub(crate) fn record(&self) -> Record {
        read(&self.out()).expect("the record is readable")
    }

    /// Asserts that no temporary file is left, a moment after a kill.
    pub(crate) fn assert_clean(&self) {
        let left = || fs::read_dir(self.tmp()).expect("it is there").count();
        wait_until("its temporary files are gone", || left() == 0);
    }

    /// Starts knee through the words of `before`, a command that starts another.
    pub(crate) fn start_by<S: AsRef<OsStr>>(&self, before: &[&str], args: &[S]) -> Running {
        let line = before.iter().map(OsStr::new).chain([OsStr::new(KNEE)]);
        let line: Vec<&OsStr> = line.chain(args.iter().map(AsRef::as_ref)).collect();
        let child = as_from_a_terminal(&mut Command::new(line[0]))
            .args(&line[1..])
            .env("TMPDIR", self.tmp())
            .env("NO_COLOR", "1")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        Running { child, tmp: self.tmp() }
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        self.start_by(&[], args)
    }

    pub(crate) fn call(&self, args: &[&str]) -> Called {
        self.start(args).finish()
    }

    /// Calls `knee run --out out ARGS`.
    pub(crate) fn run(&self, args: &[&str]) -> Called {
        self.call(&[&["run", "--out", "out"], args].concat())
    }
}

impl Called {
    /// Whether everything was measured. So brief a run may be inconclusive on a busy machine.
    pub(crate) fn ran(&self) -> bool {
        matches!(self.code, Some(0 | 5)) && !self.stderr.contains("panicked")
    }
}

impl Running {
    pub(crate) fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The ids of all processes of this call with this name, including its own.
    pub(crate) fn called(&self, name: &str) -> Vec<i32> {
        let mark = format!("TMPDIR={}", self.tmp.display());
        let ours = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let is_called = |pid: &i32| {
            let found = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            found.trim() == name
        };
        processes().into_iter().filter(is_called).filter(ours).collect()
    }

    pub(crate) fn finish(mut self) -> Called {
        let [stdout, stderr] = [
            reader(self.child.stdout.take().expect("it is piped")),
            reader(self.child.stderr.take().expect("it is piped")),
        ];
        let mut patience = Patience::of(DEADLINE);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(patience.wait(), "knee hangs");
        };
        let [stdout, stderr] = [stdout, stderr].map(|text| text.join().expect("it is read"));
        Called { code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Restores the default actions of signals that this test may ignore (`nohup`, `&` in a script).
pub(crate) fn as_from_a_terminal(command: &mut Command) -> &mut Command {
    let usual = || {
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
            // SAFETY: a default action runs no code of this process.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    // SAFETY: signal may be called between fork and exec.
    unsafe { command.pre_exec(usual) }
}

fn reader(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// All processes of this machine.
pub(crate) fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("there is a /proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The ids of processes whose command line ends with `word`, which is unique to a test.
pub(crate) fn alive(word: &str) -> Vec<i32> {
    let ends = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
        first.ends_with(b"sleep") && line.ends_with(format!("{word}\0").as_bytes())
    };
    processes().into_iter().filter(ends).collect()
}

/// A number of seconds for which no other process on this machine sleeps.
pub(crate) fn odd_seconds(tag: u32) -> String {
    format!("8{tag}{}.25", std::process::id())
}

pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let mut patience = Patience::of(DEADLINE);
    while !is_so() {
        assert!(patience.wait(), "not within {DEADLINE:?}: {what}");
    }
}

pub(crate) fn send(pid: i32, signal: i32) {
    // SAFETY: kill has no effects in this process.
    unsafe { libc::kill(pid, signal) };
}

/// Whether this command works here; if not, prints that the test is skipped.
pub(crate) fn can(words: &[&str]) -> bool {
    let tried = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        println!("skipped: `{}` does not work here", words.join(" "));
    }
    can
}

/// Every file below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_below = |path: &Path| path.is_dir() && !path.is_symlink();
    let below = |path: PathBuf| if is_below(&path) { files(&path) } else { vec![path] };
    entries.flat_map(|entry| below(entry.path())).collect()
}
