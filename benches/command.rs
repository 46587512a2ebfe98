//! What running a program costs besides starting it and waiting for it. Compares knee's `command`
//! with the standard library, interleaved.
//!
//! It prints the time of a run relative to that of `Command::status()`, which is a bare posix_spawn
//! and wait. It must be at most 1.1.

#[path = "support/measuring.rs"]
mod measuring;

use std::process::Command;
use std::time::Instant;

use knee::workloads::{Context, Params, Task, Workload};

/// Does nothing, as fast as a program can.
const PROGRAM: &str = "/bin/true";

fn main() {
    let (rounds, runs) = if measuring::measuring() { (15, 60) } else { (1, 2) };
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut task = task(scratch.path());
    let mut ratios: Vec<f64> = (0..rounds)
        .map(|_| {
            let mut both: (Vec<f64>, Vec<f64>) =
                (0..runs).map(|number| (ours(&mut *task, number), bare())).unzip();
            median(&mut both.0) / median(&mut both.1)
        })
        .collect();
    let middle = median(&mut ratios);
    let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
    println!("command / posix_spawn and wait: {middle:.3} ({low:.3} to {high:.3})");
}

fn task(shared: &std::path::Path) -> Box<dyn Task> {
    let workload = knee::workloads::Command;
    let argv = format!("[\"{PROGRAM}\"]");
    let params = Params::resolve("command", workload.meta().params, [("argv", argv.as_str())])
        .expect("the parameters are valid");
    let context = Context { params: &params, seed: 1, worker: 0, workers: 1, shared, host: None };
    workload.prepare(&context).expect("the program is there")
}

/// Seconds of one run by knee.
fn ours(task: &mut dyn Task, number: u64) -> f64 {
    let start = Instant::now();
    task.run(number).expect("the program runs");
    start.elapsed().as_secs_f64()
}

/// Seconds of one run by the standard library.
fn bare() -> f64 {
    let start = Instant::now();
    assert!(Command::new(PROGRAM).status().expect("the program runs").success());
    start.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
