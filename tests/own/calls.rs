//! Calls the knee binary as a user does, with a deadline, and looks for processes and files that it
//! has left behind.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use knee::record::{self, Record};

/// No call of knee in a test may take longer.
const DEADLINE: Duration = Duration::from_secs(90);

/// A wait with an end. Time in which this process itself was stopped does not count, because the
/// process that it waits for was most likely stopped too.
pub(crate) struct Patience {
    left: Duration,
}

impl Patience {
    pub(crate) fn of(left: Duration) -> Self {
        Self { left }
    }

    /// Waits a moment; returns `false` once the whole time is over.
    pub(crate) fn wait(&mut self) -> bool {
        const MOMENT: Duration = Duration::from_millis(5);
        let begun = Instant::now();
        thread::sleep(MOMENT);
        self.left = self.left.saturating_sub(begun.elapsed().min(MOMENT * 10));
        !self.left.is_zero()
    }
}

/// The result of a call of knee.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The largest resident memory seen, in bytes.
    pub(crate) memory: u64,
    directory: tempfile::TempDir,
}

impl Called {
    /// Whether everything was measured. So brief a run may be inconclusive on a busy machine.
    pub(crate) fn ran(&self) -> bool {
        matches!(self.code, 0 | 5)
    }

    /// The run's record.
    pub(crate) fn record(&self) -> Record {
        record::read(&self.out()).unwrap_or_else(|error| panic!("{error}; {}", self.stderr))
    }

    /// The run's directory.
    pub(crate) fn out(&self) -> PathBuf {
        self.directory.path().join("out")
    }
}

/// The best round of a count.
pub(crate) fn best(called: &Called, workers: usize) -> f64 {
    let record = called.record();
    let of = record.samples.iter().filter(|sample| sample.cell.workers == workers);
    of.map(|sample| sample.throughput).fold(0.0, f64::max)
}

/// A call of knee that is still running. Its process is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    directory: tempfile::TempDir,
    memory: u64,
}

/// Calls `knee run --out .. ARGS` and waits for its end.
pub(crate) fn run(args: &[&str]) -> Called {
    start(args).finish()
}

/// Calls knee with these arguments and waits for its end.
pub(crate) fn knee(args: &[&str]) -> Called {
    begin(|_, command| {
        command.args(args);
    })
    .finish()
}

/// Starts `knee run --out .. ARGS`.
pub(crate) fn start(args: &[&str]) -> Running {
    begin(|directory, command| {
        command.arg("run").arg("--out").arg(directory.join("out")).args(args);
    })
}

fn begin(arguments: impl FnOnce(&Path, &mut Command)) -> Running {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_knee"));
    arguments(directory.path(), &mut command);
    let child = command
        .env("TMPDIR", directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("knee starts");
    Running { child, directory, memory: 0 }
}

impl Running {
    /// Its process id.
    pub(crate) fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Called {
        let stdout = reader(self.child.stdout.take().expect("it is piped"));
        let stderr = reader(self.child.stderr.take().expect("it is piped"));
        let status = self.wait();
        let (stdout, stderr) = (stdout.join().expect("read"), stderr.join().expect("read"));
        let code = status.code().unwrap_or(-1);
        let directory = std::mem::replace(
            &mut self.directory,
            tempfile::tempdir().expect("a temporary directory"),
        );
        Called { code, stdout, stderr, memory: self.memory, directory }
    }

    fn wait(&mut self) -> std::process::ExitStatus {
        let mut patience = Patience::of(DEADLINE);
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            self.memory = self.memory.max(resident(self.child.id()));
            assert!(patience.wait(), "knee hangs");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("the pipe is readable");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10
}

/// The ids of processes whose command line contains `word`, which is unique to a test.
pub(crate) fn alive(word: &str) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").expect("there is a /proc").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let own = std::process::id();
    pids.filter(|pid| *pid != own)
        .filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains(word) && !line.contains("knee")
        })
        .collect()
}

/// Waits until no process has `word` in its command line.
pub(crate) fn assert_gone(word: &str) {
    let mut patience = Patience::of(Duration::from_secs(5));
    while !alive(word).is_empty() {
        assert!(patience.wait(), "left behind: {:?}", alive(word));
    }
}

/// Waits until some process has `word` in its command line.
pub(crate) fn await_alive(word: &str) {
    let mut patience = Patience::of(DEADLINE);
    while alive(word).is_empty() {
        assert!(patience.wait(), "{word} was never started");
    }
}

/// A number of seconds for which no other process on this machine sleeps. `tag` tells apart the
/// tests of one program.
pub(crate) fn odd_seconds(tag: u32) -> String {
    format!("9{tag}{}.25", std::process::id())
}

/// Writes an executable script.
pub(crate) fn script(directory: &Path, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = directory.join(name);
    std::fs::write(&path, text).expect("the directory is writable");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    path.to_str().expect("temporary paths are text").to_owned()
}

/// The beginning of every server in Python: `listener`, bound to a port, and `request`, which reads
/// a request from a peer and returns an empty one where there is none.
const SERVER: &str = r#"#!/usr/bin/env python3
import socket, sys
def listener_at(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(2048)
    return listener
def request(peer):
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            return b""
        data += more
    return data
def answer(peer, status=b"200 OK"):
    peer.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    peer.close()
"#;

/// Writes a server in Python. Its name is unique to the test, so that processes left of it can be
/// found.
pub(crate) fn server_in_python(directory: &Path, name: &str, text: &str) -> String {
    script(directory, &format!("{name}-{}.py", std::process::id()), &format!("{SERVER}{text}"))
}

/// Whether the program exists; prints it if not.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: there is no {program}");
    }
    found
}

/// Sends a signal by its option for `kill`: `-INT`.
pub(crate) fn signal(pid: i32, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(status.expect("kill is there").success());
}
