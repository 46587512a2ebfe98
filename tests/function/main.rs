//! The user's own functions in other languages, from outside by the binary's command line.

#[path = "../own/calls.rs"]
#[expect(dead_code, reason = "what only other tests use of it")]
mod calls;
mod crew_test;
mod hints;
mod node;
mod python;

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether a program is here; says so where it is not, and the test then passes without having looked.
fn have(program: &str) -> bool {
    let mut command = Command::new(program);
    let quiet = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    let have = quiet.status().is_ok_and(|status| status.success());
    if !have {
        println!("skipped: {program} is not here");
    }
    have
}

/// A file of functions in a directory of its own; what names one of them.
fn functions(directory: &Path, file: &str, text: &str) -> impl Fn(&str) -> String {
    let path = directory.join(file);
    std::fs::write(&path, text).expect("the directory is writable");
    move |name| format!("{}:{name}", path.display())
}
