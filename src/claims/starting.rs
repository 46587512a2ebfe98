//! Starting a process costs far more time and memory than starting a thread. A pool pays that only
//! once.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use knee_process::{Entry, Pool, Process, function};

use super::figures::{Figure, picture, ratio};
use super::{Experiment, Measured, Place, Verdict};
use crate::clock;

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "starting",
    claim: "Starting a process costs far more than starting a thread; a pool pays that only once",
    bent_by_load: false,
    run,
};

/// Number of rounds. Each starts everything at least once.
const ROUNDS: usize = 15;
/// A process costs far more if it costs more than this many threads.
const DEAR: f64 = 3.0;
/// Threads whose memory is measured together: that of a single one is too small to be seen.
const THREADS: usize = 16;

pub(super) fn entries() -> Vec<Entry> {
    vec![function(nothing)]
}

fn nothing() {}

/// Seconds that something takes.
fn timed(action: impl FnOnce() -> Result<(), String>) -> Result<f64, String> {
    let start = clock::now();
    action()?;
    Ok(clock::since(start).as_secs_f64())
}

fn run(_: &Place) -> Result<Measured, String> {
    let told = |error: knee_process::Error| error.to_string();
    let pool = Pool::builder().workers(1).build().map_err(told)?;
    pool.wait_ready(Duration::from_secs(10)).map_err(told)?;
    let (mut threads, mut processes, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        threads.push(timed(|| {
            thread::spawn(nothing).join().map_err(|_| "a thread panicked".to_owned())
        })?);
        processes.push(timed(|| {
            let child = Process::new(nothing, ()).start().map_err(told)?;
            child.outcome().map_err(|error| error.to_string())
        })?);
        tasks.push(timed(|| {
            let task = pool.apply_async(nothing, ()).map_err(told)?;
            task.wait().map_err(|error| error.to_string())
        })?);
    }
    let memory = memory(&pool)?;
    let dear = ratio("a process over a thread", &processes, &threads);
    let saved = ratio("a process over a pool's task", &processes, &tasks);
    let times = [
        Figure::of("start and join a thread", "s", &threads),
        Figure::of("start and join a process", "s", &processes),
        Figure::of("a task in a running pool", "s", &tasks),
    ];
    let verdict = match (dear.is_above(DEAR), saved.is_above(DEAR)) {
        (Some(true), Some(true)) => Some(true),
        (Some(false), _) | (_, Some(false)) => Some(false),
        _ => None,
    };
    let evidence = format!(
        "a thread takes {}, a process {} ({}), a task handed to a pool that runs already {}; a \
         pool's process holds {} of its own (PSS), a thread {}",
        times[0].text(),
        times[1].text(),
        dear.text(),
        times[2].text(),
        memory[1].text(),
        memory[0].text()
    );
    let picture = picture("Starting, and handing over a task", &times, None);
    let figures = times.into_iter().chain([dear, saved]).chain(memory).collect();
    Ok(Measured { verdict: Verdict::of(verdict), evidence, figures, picture })
}

/// The memory that a thread adds, and that a pool's process adds. Shared pages count by their share
/// (PSS).
fn memory(pool: &Pool) -> Result<[Figure; 2], String> {
    let before = proportional("self")?;
    let (ready, done) = (Arc::new(Barrier::new(THREADS + 1)), Arc::new(Barrier::new(THREADS + 1)));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (ready, done) = (Arc::clone(&ready), Arc::clone(&done));
            thread::spawn(move || {
                ready.wait();
                done.wait();
            })
        })
        .collect();
    ready.wait();
    let with = proportional("self");
    done.wait();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    let thread = (with? - before).max(0.0) / THREADS as f64;
    let pid = pool.pids().into_iter().flatten().next().ok_or("the pool's worker is gone")?;
    let process = proportional(&pid.to_string())?;
    Ok([
        Figure { unit: "B", ..Figure::exactly("memory of a thread", thread) },
        Figure { unit: "B", ..Figure::exactly("memory of a pool's process", process) },
    ])
}

/// Bytes of proportional set size.
fn proportional(who: &str) -> Result<f64, String> {
    let path = format!("/proc/{who}/smaps_rollup");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.map(|kibibytes| kibibytes * 1024.0).ok_or_else(|| format!("{path} names no Pss"))
}
