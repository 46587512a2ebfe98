//! A small test runner. The tests need a `main` of their own, because it must call the crate under
//! test first.
//!
//! It understands what cargo passes on: filters, `--exact`, `--list`, `--ignored`,
//! `--include-ignored`, `--nocapture`. Tests run one after the other, because they count the
//! descriptors and processes of this process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A test: its name, how long it may take before the whole run fails, and what it does.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) limit: Duration,
    pub(crate) ignored: bool,
    pub(crate) run: fn(),
}

impl Test {
    pub(crate) const fn new(name: &'static str, run: fn()) -> Self {
        Self { name, limit: Duration::from_secs(60), ignored: false, run }
    }

    /// A test that runs only with `--ignored`.
    pub(crate) const fn long(name: &'static str, run: fn()) -> Self {
        Self { name, limit: Duration::from_secs(3600), ignored: true, run }
    }
}

pub(crate) fn main(tests: &[Test]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filters: Vec<&String> =
        arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let selected = |test: &Test| {
        let named = |filter: &&&String| {
            if has("--exact") {
                test.name == filter.as_str()
            } else {
                test.name.contains(filter.as_str())
            }
        };
        filters.is_empty() || filters.iter().find(named).is_some()
    };
    let chosen: Vec<&Test> = tests.iter().filter(|test| selected(test)).collect();
    if has("--list") {
        for test in chosen {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let (begin, mut passed, mut failed, mut ignored) = (Instant::now(), 0, 0, 0);
    for test in &chosen {
        let wanted = has("--include-ignored") || test.ignored == has("--ignored");
        if !wanted {
            println!("test {} ... ignored", test.name);
            ignored += 1;
        } else if run(test) {
            println!("test {} ... ok", test.name);
            passed += 1;
        } else {
            println!("test {} ... FAILED", test.name);
            failed += 1;
        }
    }
    let filtered = tests.len() - chosen.len();
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; 0 \
         measured; {filtered} filtered out; finished in {:.2}s\n",
        begin.elapsed().as_secs_f64()
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// Runs a test on a thread of its own. A test that hangs ends the whole run, because its thread
/// cannot be stopped.
fn run(test: &Test) -> bool {
    let (done, result) = mpsc::channel();
    let body = test.run;
    let thread = std::thread::spawn(move || {
        let passed = catch_unwind(AssertUnwindSafe(body)).is_ok();
        let _ = done.send(passed);
    });
    let Ok(passed) = result.recv_timeout(test.limit) else {
        println!("test {} ... FAILED: it hangs since {:?}", test.name, test.limit);
        std::process::exit(101);
    };
    thread.join().is_ok() && passed
}
