//! The `knee` binary: the library's command line with the built-in workloads.

use std::process::ExitCode;

fn main() -> ExitCode {
    knee::main_with(&[])
}
