//! Runs over nodes that are processes of this machine: a stand-in for a launcher, and checks of
//! what a run leaves behind.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

pub(crate) const KNEE: &str = env!("CARGO_BIN_EXE_knee");
/// How long to wait. Anything that ends at all has ended by then.
const PATIENCE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(20);

/// A run in a directory of its own, by which all its processes are known.
pub(crate) struct Run {
    pub(crate) place: tempfile::TempDir,
    pub(crate) command: Command,
}

impl Run {
    /// `knee run` with these words, on nodes that a simple launcher starts on this machine.
    pub(crate) fn local(words: &[&str]) -> Self {
        let launcher = format!("{KNEE} node {{args}}");
        Self::by(&launcher, words)
    }

    pub(crate) fn by(launcher: &str, words: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let mut command = Command::new(KNEE);
        command
            .arg("run")
            .args(["--launcher", launcher, "--listen", "127.0.0.1", "--out"])
            .arg(place.path().join("run"))
            .args(words)
            // Every process of this run inherits this value, and no other process has it.
            .env("TMPDIR", place.path())
            .env("KNEE_CLUSTER_TEST", place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { place, command }
    }

    /// A command that resumes the run.
    pub(crate) fn again(&self, words: &[&str]) -> Command {
        let mut command = Command::new(KNEE);
        command
            .args(["run", "--listen", "127.0.0.1", "--resume"])
            .arg(self.out())
            .args(words)
            .env("TMPDIR", self.place.path())
            .env("KNEE_CLUSTER_TEST", self.place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.place.path().join("run")
    }

    pub(crate) fn output(&mut self) -> Output {
        self.command.output().expect("it starts")
    }

    pub(crate) fn start(&mut self) -> Child {
        self.command.spawn().expect("it starts")
    }

    /// Runs until its rounds are enough, and then interrupts it: its code, and what it printed.
    /// However busy the machine is, that takes no longer than it must.
    pub(crate) fn until(&mut self, enough: impl Fn(&[serde_json::Value]) -> bool) -> (i32, String) {
        let child = self.start();
        self.goes_on_until(child, enough)
    }

    /// The same with a run that was started before.
    pub(crate) fn goes_on_until(
        &self,
        mut child: Child,
        enough: impl Fn(&[serde_json::Value]) -> bool,
    ) -> (i32, String) {
        wait(|| enough(&rounds(&self.out())) || child.try_wait().expect("it is ours").is_some());
        kill(child.id().cast_signed(), rustix::process::Signal::INT);
        let (code, said) = ended(child);
        assert!(enough(&rounds(&self.out())), "not enough was measured: {code:?} {said}");
        let code = code.expect("it ends by itself");
        assert!([0, 4, 5, 130].contains(&code), "{code}: {said}");
        (code, said)
    }

    /// Processes of this run that live, with their command lines.
    pub(crate) fn living(&self) -> Vec<(i32, String)> {
        living(self.place.path())
    }

    /// Living nodes of this run, by their process names, without their guards.
    pub(crate) fn nodes(&self) -> Vec<i32> {
        let nodes = self.living().into_iter().filter(|(_, line)| line.contains(" node --connect"));
        nodes.map(|(pid, _)| pid).collect()
    }

    /// Waits until the record has so many rounds.
    pub(crate) fn wait_for_rounds(&self, count: usize) -> bool {
        wait(|| rounds(&self.out()).len() >= count)
    }

    /// Asserts that nothing of the run is left on any host.
    pub(crate) fn assert_gone(&self) {
        assert!(wait(|| self.living().is_empty()), "{:?}", self.living());
        let left = || -> Vec<_> {
            let entries = fs::read_dir(self.place.path()).expect("it is there").flatten();
            let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.filter(|name| name.starts_with("knee-")).collect()
        };
        // Guards soon remove what killed or stopped processes could not.
        assert!(wait(|| left().is_empty()), "{:?}", left());
    }

    pub(crate) fn record(&self) -> String {
        fs::read_to_string(self.out().join("record.jsonl")).unwrap_or_default()
    }
}

/// The samples of a record.
pub(crate) fn rounds(run: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run.join("record.jsonl")).unwrap_or_default();
    lines(&text, "sample")
}

/// How many nodes a round had.
pub(crate) fn nodes_of(round: &serde_json::Value) -> usize {
    round["nodes"].as_array().map_or(0, Vec::len)
}

/// The failures of a record.
pub(crate) fn failures(run: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run.join("record.jsonl")).unwrap_or_default();
    lines(&text, "failure")
}

/// Whether a failure of a record says that this node is lost.
pub(crate) fn lost(run: &Path, node: &str) -> bool {
    let reasons = failures(run).into_iter().map(|failure| failure["reason"].to_string());
    let says = [format!("node {node}: it is lost"), format!("({node}: ")];
    reasons.into_iter().any(|reason| says.iter().any(|words| reason.contains(words)))
}

/// The codes of a record's warnings, with their texts.
pub(crate) fn warnings(run: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(run.join("record.jsonl")).unwrap_or_default();
    let word = |warning: &serde_json::Value, name: &str| {
        warning[name].as_str().unwrap_or_default().to_owned()
    };
    let all = lines(&text, "warning").into_iter();
    all.map(|warning| (word(&warning, "code"), word(&warning, "text"))).collect()
}

fn lines(text: &str, kind: &str) -> Vec<serde_json::Value> {
    let documents = text.lines().filter_map(|line| {
        let end = line.rfind('}')?;
        serde_json::from_str::<serde_json::Value>(&line[..=end]).ok()
    });
    documents.filter_map(|document| document.get(kind).cloned()).collect()
}

/// Every living process with this value in its environment.
pub(crate) fn living(mark: &Path) -> Vec<(i32, String)> {
    let needle = format!("KNEE_CLUSTER_TEST={}", mark.display()).into_bytes();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let marked = environment.split(|byte| *byte == 0).any(|entry| entry == needle);
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        (marked && !line.is_empty()).then_some((pid, line))
    })
    .collect()
}

/// Waits until `is_so` returns true, for as long as anything can take. Time in which this test
/// itself was stopped does not count.
pub(crate) fn wait(mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if is_so() {
            return true;
        }
        std::thread::sleep(STEP);
    }
    false
}

pub(crate) fn kill(pid: i32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Waits for the end of a process; returns its exit code and output. If it takes too long, it is
/// killed and the test fails.
pub(crate) fn ended(mut child: Child) -> (Option<i32>, String) {
    if !wait(|| child.try_wait().expect("it is ours").is_some()) {
        let _ = child.kill();
        panic!("it hangs");
    }
    let mut text = String::new();
    for stream in [
        child.stdout.take().map(|out| Box::new(out) as Box<dyn Read>),
        child.stderr.take().map(|err| Box::new(err) as Box<dyn Read>),
    ] {
        let mut bytes = Vec::new();
        let _ = stream.expect("it is piped").read_to_end(&mut bytes);
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    (child.wait().expect("it is ours").code(), text)
}

pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Whether a program exists; prints that the test is skipped if it does not.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|place: PathBuf| place.join(program));
    let found = places.any(|place| place.is_file());
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}
