//! `knee fit` and the importers behind it: what others measured, read as they meant it.

mod command;
mod contract;
mod faults;
mod formats;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A file of this suite.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fit/files").join(name)
}

/// The same as text.
fn path(name: &str) -> String {
    file(name).to_str().expect("a path of text").to_owned()
}

/// `knee fit` with these arguments and this standard input.
fn fit(arguments: &[&str], input: Option<&Path>) -> Output {
    let stdin = match input {
        Some(path) => Stdio::from(std::fs::File::open(path).expect("the input exists")),
        None => Stdio::null(),
    };
    Command::new(env!("CARGO_BIN_EXE_knee"))
        .arg("fit")
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env("LANG", "C.UTF-8")
        .stdin(stdin)
        .output()
        .expect("knee starts")
}

/// What `knee fit --json` answers.
fn json(arguments: &[&str]) -> serde_json::Value {
    let output = fit(&[&["--json"], arguments].concat(), None);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}
