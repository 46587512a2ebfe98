//! Tests of the command line: bad input, dry runs, interruption, a kill.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn knee(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_knee"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("knee starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts a usage error: exit code 2, nothing on standard output, and a message that contains
/// `hint`.
fn refused(arguments: &[&str], hint: &str) {
    ends(arguments, 2, hint);
}

/// Asserts an exit code, nothing on standard output, and a message that contains `hint`.
fn ends(arguments: &[&str], code: i32, hint: &str) {
    let output = knee(arguments);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote a result");
    assert!(text.contains(hint), "{arguments:?} does not say {hint:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn what_does_not_exist_is_refused_with_the_nearest_name() {
    refused(&["run", "flaot"], "did you mean float?");
    refused(&["run", "pi:digit=5"], "did you mean digits?");
    refused(&["run", "--modes", "thread"], "did you mean threads?");
    refused(&["run", "sleep:ms"], "key=value");
    refused(&["rn"], "unrecognized subcommand");
}

#[test]
fn counts_and_budgets_are_checked() {
    refused(&["run", "--workers", "0"], "smallest count is 1");
    refused(&["run", "--workers", "-3"], "not a worker count");
    refused(&["run", "--workers", "1000000000000000000000"], "too many");
    refused(&["run", "--workers", "4-2"], "backwards");
    refused(&["run", "--workers", "two"], "not a worker count");
    refused(&["run", "--budget", "0s"], "not a usable duration");
    refused(&["run", "--budget", "-1s"], "not a usable duration");
    refused(&["run", "--budget", "nan"], "not a usable duration");
    refused(&["run", "--budget", "1e30s"], "not a usable duration");
    refused(&["run", "--batch", "0"], "0 is not in");
}

#[test]
fn an_unwritable_directory_is_found_before_the_run() {
    ends(&["run", "noop", "--out", "/proc/knee"], 6, "/proc/knee cannot be written");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a path of text");
    ends(&["run", "noop", "--out", path], 6, "cannot be written");
}

#[test]
fn a_budget_in_which_nothing_fits_is_named_with_what_would_do() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let out = home.path().join("out");
    let out = out.to_str().expect("a path of text");
    let output =
        knee(&["run", "sleep:ms=1500", "--budget", "2s", "--modes", "serial", "--out", out]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("sleep:ms=1500: a task takes 1.5"), "{said}");
    assert!(
        said.contains("too long for any round") && said.contains("measuring it takes about"),
        "{said}"
    );
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("no figure: 1 cell failed"), "{shown}");
}

#[test]
fn a_dry_run_measures_nothing() {
    let output = knee(&["run", "--dry-run", "noop", "sleep"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(text.contains("noop") && text.contains("process-pool"), "{text}");
    let output = knee(&["run", "--dry-run", "--json", "--budget", "5s", "noop", "sleep"]);
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!((plan["schema_version"].as_u64(), plan["seconds"].as_f64()), (Some(1), Some(5.0)));
    assert_eq!(plan["plan"]["entries"][1]["workload"], "sleep", "{plan}");
    assert_eq!(stderr(&output), "", "nothing is announced");
}

#[test]
fn help_version_completions_and_manual_are_there() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["run", "--help"],
        &["completions", "bash"],
        &["man"],
        &["man", "run"],
        &["schema"],
        &["schema", "--json"],
        &["list", "--json"],
    ] {
        let output = knee(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.len() > 8, "{arguments:?} printed nothing");
    }
}

#[test]
fn a_manual_is_of_the_sub_command_that_is_named_and_schemas_are_listed() {
    let page = stdout(&knee(&["man", "run"]));
    assert!(page.contains("knee run") && page.contains("budget"), "{page}");
    let unknown = knee(&["man", "fly"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("no sub-command is called `fly`"), "{}", stderr(&unknown));
    let names = stdout(&knee(&["schema"]));
    let names: Vec<&str> = names.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"record") && names.contains(&"findings"), "{names:?}");
    for name in names {
        assert_eq!(knee(&["schema", name]).status.code(), Some(0), "{name}");
    }
}

#[test]
fn a_full_standard_output_is_a_failure_and_a_closed_one_is_not() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let status = Command::new(env!("CARGO_BIN_EXE_knee"))
        .arg("man")
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .expect("knee starts");
    assert_eq!(status.code(), Some(6));
    let mut child = Command::new(env!("CARGO_BIN_EXE_knee"))
        .arg("man")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("knee starts");
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{said}");
    assert!(said.is_empty(), "{said}");
}

/// Waits until `there` returns true, for at most half a minute.
fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !there() {
        assert!(Instant::now() < deadline, "no {what} within 30 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A long run of a workload, in a temporary directory of its own.
struct Running {
    child: Child,
    out: PathBuf,
    temporary: tempfile::TempDir,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let out = temporary.path().join("out");
        let child = Command::new(env!("CARGO_BIN_EXE_knee"))
            .args(["run", "--budget", "40s", "--out"])
            .arg(&out)
            .args(arguments)
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("knee starts");
        let running = Self { child, out, temporary };
        wait_for("a sample", || {
            fs::read_to_string(running.out.join("record.jsonl")).is_ok_and(|text| {
                text.lines().filter(|line| line.starts_with("{\"sample\"")).count() > 3
            })
        });
        running
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().expect("kill starts");
        assert!(status.success());
    }

    /// Files that the run has left besides its results.
    fn litter(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.temporary.path()).expect("readable").flatten();
        entries.map(|entry| entry.path()).filter(|path| *path != self.out).collect()
    }
}

fn record_is_readable(out: &Path) {
    let record = knee::record::read(out).expect("the record can be read");
    assert!(record.samples.len() > 3);
}

#[test]
fn an_interrupt_keeps_what_was_measured_and_resume_goes_on() {
    let mut running =
        Running::start(&["sleep", "--workers", "1,2", "--modes", "serial,threads,process-pool"]);
    // Not INT, which is ignored where the tests run in the background of a script.
    running.signal("-TERM");
    let status = running.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    record_is_readable(&running.out);
    assert_eq!(running.litter(), Vec::<PathBuf>::new());
    let before = knee::record::read(&running.out).expect("readable").samples.len();
    // The resumed run is interrupted again as soon as it has measured something.
    let mut again = Command::new(env!("CARGO_BIN_EXE_knee"))
        .args(["run", "--resume"])
        .arg(&running.out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("knee starts");
    wait_for("a resumed sample", || {
        knee::record::read(&running.out).is_ok_and(|record| record.samples.len() > before)
    });
    let pid = again.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    assert_eq!(again.wait().expect("it ends").code(), Some(130));
    record_is_readable(&running.out);
}

/// A resumed run keeps its first settings. A flag that would be ignored is refused, and so is
/// another machine.
#[test]
fn a_resumed_run_keeps_its_own_setting() {
    let mut running = Running::start(&["sleep", "--workers", "1", "--modes", "serial"]);
    running.signal("-TERM");
    running.child.wait().expect("it ends");
    let resume = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_knee"));
        let output = command.args(["run", "--resume"]).arg(&running.out).args(args).output();
        let output = output.expect("knee starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for flag in [&["--cpus", "0"][..], &["--pin"], &["--budget", "9s"], &["--seed", "2"]] {
        let (code, errors) = resume(flag);
        assert!(code == Some(2) && errors.contains("cannot be used with"), "{flag:?}: {errors}");
    }
    // The same run, as if it had been begun on a CPU that this machine lacks.
    let record = knee::record::read(&running.out).expect("readable");
    let mut header = record.header;
    header.machine.budget.affinity = Some("9999".parse().expect("a list"));
    fs::remove_file(running.out.join(knee::record::FILE_NAME)).expect("it is there");
    let mut writer = knee::record::Writer::create(&running.out, knee::record::Readers::All)
        .expect("there is room");
    writer.append(&knee::record::Line::Header(header)).expect("there is room");
    drop(writer);
    let (code, errors) = resume(&[]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("was begun within other CPUs (CPU 9999 is not among"), "{errors}");
}

#[test]
fn a_kill_leaves_neither_processes_nor_files() {
    let mut running =
        Running::start(&["sleep", "--workers", "2,4", "--modes", "threads,process-pool"]);
    running.signal("-KILL");
    running.child.wait().expect("it ends");
    let marked = || -> usize {
        let needle = format!("TMPDIR={}", running.temporary.path().display());
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        let environments =
            processes.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
        environments
            .filter(|text| text.split(|b| *b == 0).any(|one| one == needle.as_bytes()))
            .count()
    };
    wait_for("end of all its processes", || marked() == 0);
    assert_eq!(running.litter(), Vec::<PathBuf>::new());
    record_is_readable(&running.out);
}

/// The run is killed as soon as its directory exists, before it can have started anything else.
#[test]
fn an_early_kill_leaves_no_directory() {
    for _ in 0..8 {
        let home = tempfile::tempdir().expect("a temporary directory");
        let temporary = home.path().join("tmp");
        fs::create_dir(&temporary).expect("a directory");
        let mut child = Command::new(env!("CARGO_BIN_EXE_knee"))
            .args(["run", "sleep", "--budget", "20s", "--out"])
            .arg(home.path().join("out"))
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("knee starts");
        let count = || fs::read_dir(&temporary).map_or(0, Iterator::count);
        let deadline = Instant::now() + Duration::from_secs(30);
        while count() == 0 && Instant::now() < deadline {
            std::hint::spin_loop();
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        wait_for("empty directory", || count() == 0);
    }
}
