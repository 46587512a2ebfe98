//! Tests of `knee fit` and its importers: measurements made elsewhere are read as they were meant.

mod command;
mod contract;
mod faults;
mod formats;
mod people;
mod tables;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Nothing here takes a tenth of this. A call that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A file of this suite.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fit/files").join(name)
}

/// The path of such a file, as text.
fn path(name: &str) -> String {
    file(name).to_str().expect("a path of text").to_owned()
}

/// `knee fit` with these arguments and this standard input.
fn fit(arguments: &[&str], input: Option<&Path>) -> Output {
    let stdin = match input {
        Some(path) => Stdio::from(std::fs::File::open(path).expect("the input exists")),
        None => Stdio::null(),
    };
    finish(knee(&[&["fit"], arguments].concat()).stdin(stdin))
}

/// A call of knee that looks the same on every machine.
fn knee(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_knee"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("NO_COLOR", "1").env("COLUMNS", "100").env("LANG", "C.UTF-8");
    command
}

/// The output of the command, which is killed if it does not end.
fn finish(command: &mut Command) -> Output {
    let child: Child = command.spawn().expect("knee starts");
    let id = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(DEADLINE) else {
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        panic!("{command:?} did not end within {DEADLINE:?}");
    };
    output.expect("its output is read")
}

/// The answer of `knee fit --json`.
fn json(arguments: &[&str]) -> serde_json::Value {
    let output = fit(&[&["--json"], arguments].concat(), None);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}
