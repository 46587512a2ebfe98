//! The cost of measuring itself: compares knee's rounds with hand-written loops over the same
//! kernels, interleaved in one run.
//!
//! It prints the throughput of `threads` relative to a plain rayon loop, and the time that a lane
//! adds to a task.

mod support;

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use knee::mode::{Extent, Job, Site, Window, launch};
use knee::plan::Mode;
use knee::workloads::{Context, Task};

const WINDOW: Duration = Duration::from_millis(300);

fn main() {
    let rounds = if support::measuring() { 15 } else { 1 };
    let window = if support::measuring() { WINDOW } else { Duration::from_millis(5) };
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let site = support::site(&scratch);
    for name in ["float", "pi"] {
        let job = support::job(name);
        let ratios: Vec<f64> = (0..rounds)
            .map(|_| knee_rate(&site, &job, window) / rayon_rate(&site, &job, window))
            .collect();
        println!("threads / hand-written rayon loop, {name}: {}", spread(&ratios));
    }
    let job = support::job("noop");
    let extra: Vec<f64> = (0..rounds)
        .map(|_| {
            let lane = 1e9 / serial_rate(&site, &job, window);
            lane - 1e9 / bare_rate(&site, &job, window)
        })
        .collect();
    println!("a lane adds to a task, in ns: {}", spread(&extra));
}

/// Units per second by knee's `threads` mode on all cores.
fn knee_rate(site: &Site, job: &Job, window: Duration) -> f64 {
    rate(Mode::Threads, site, job, site.cores, window)
}

/// Tasks per second by knee's `serial` mode.
fn serial_rate(site: &Site, job: &Job, window: Duration) -> f64 {
    rate(Mode::Serial, site, job, 1, window)
}

fn rate(mode: Mode, site: &Site, job: &Job, workers: usize, window: Duration) -> f64 {
    let workers = NonZeroUsize::new(workers).expect("at least one");
    let (mut crew, _) = launch(mode, site, job, workers).expect("the crew gets ready");
    let shape = Window { extent: Extent::Time(window), warm_up: Duration::from_millis(30) };
    let round = crew.round(workers, shape).expect("the round is measured");
    crew.dismiss().expect("the crew ends");
    round.rate()
}

/// The task of a worker, prepared as a program without knee would do it.
fn task(site: &Site, job: &Job, worker: usize) -> Box<dyn Task> {
    let workload = site.registry.find(&job.workload).expect("it is built in");
    let context = Context {
        params: &job.params,
        seed: job.seed,
        worker,
        workers: site.cores,
        shared: &site.scratch,
        host: None,
    };
    workload.prepare(&context).expect("the task is prepared")
}

/// Runs tasks until the time is over; units per second.
fn loop_for(task: &mut dyn Task, window: Duration, first: u64, stride: u64) -> f64 {
    let (mut units, mut number, start) = (0, first, Instant::now());
    loop {
        // The clock is read once per 64 tasks where tasks are short: a bare loop measures nothing.
        for _ in 0..if stride == 0 { 64 } else { 1 } {
            units += task.run(std::hint::black_box(number)).expect("the task runs").units;
            number += stride.max(1);
        }
        let elapsed = start.elapsed();
        if elapsed >= window {
            return units as f64 / elapsed.as_secs_f64();
        }
    }
}

/// Units per second of a rayon pool whose threads run their tasks in a plain loop.
fn rayon_rate(site: &Site, job: &Job, window: Duration) -> f64 {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(site.cores).build().expect("a pool");
    let tasks: Vec<_> = (0..site.cores).map(|worker| Mutex::new(task(site, job, worker))).collect();
    let lap = |length| {
        let rates = pool.broadcast(|context| {
            let mut task = tasks[context.index()].lock().expect("only this thread takes it");
            loop_for(&mut **task, length, context.index() as u64, site.cores as u64)
        });
        rates.into_iter().sum()
    };
    let _warm: f64 = lap(Duration::from_millis(30));
    lap(window)
}

/// Tasks per second of a bare loop on this thread.
fn bare_rate(site: &Site, job: &Job, window: Duration) -> f64 {
    loop_for(&mut *task(site, job, 0), window, 0, 0)
}

/// Median with smallest and largest.
fn spread(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    format!(
        "{median:.3} [{:.3} .. {:.3}] over {}",
        sorted[0],
        sorted[sorted.len() - 1],
        sorted.len()
    )
}
