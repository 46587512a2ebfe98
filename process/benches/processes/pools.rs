//! The measurements of the rows about pools.

use std::hint::black_box;
use std::time::{Duration, Instant};

use knee_process::{Pool, Producer, Queue, StartMethod, Transport, Worker};

use crate::{limits, median_of, middle, nothing, pin};

/// A worker that does nothing, for the loop without handles.
pub(crate) struct Idler;

impl Worker for Idler {
    type Init = ();
    type Task = u64;
    type Reply = u64;
    fn start((): ()) -> Result<Self, String> {
        Ok(Self)
    }
    fn run(&mut self, task: u64) -> Result<u64, String> {
        Ok(task)
    }
}

fn ready(pool: Pool) -> Pool {
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    pool
}

/// How many times the number of Python's tasks go through the pool.
pub(crate) const PASSES: u64 = 60;

pub(crate) fn with_handles(count: u64, workers: usize, transport: Transport) -> f64 {
    let pool = ready(Pool::builder().workers(workers).transport(transport).build().unwrap());
    let run = || {
        let handles: Vec<_> = (0..count).map(|_| pool.apply_async(nothing, ()).unwrap()).collect();
        for handle in handles {
            handle.wait().unwrap();
        }
    };
    // The first pass touches the memory that the others use.
    run();
    let begin = Instant::now();
    (0..PASSES).for_each(|_| run());
    (count * PASSES) as f64 / begin.elapsed().as_secs_f64()
}

pub(crate) fn closed_loop(count: u64, workers: usize) -> f64 {
    let pool = Pool::<Idler>::of(&()).workers(workers).build().unwrap();
    pool.wait_ready(Duration::from_secs(30)).unwrap();
    let (begin, mut given) = (Instant::now(), 0);
    let next = || {
        given += 1;
        (given <= count).then_some(given)
    };
    pool.run_closed_loop(next, |report| assert!(report.outcome.is_ok())).unwrap();
    count as f64 / begin.elapsed().as_secs_f64()
}

pub(crate) fn one_task(count: usize, busy: bool, transport: Transport) -> f64 {
    let mut builder = Pool::builder().workers(1).transport(transport);
    if busy {
        builder = builder.busy_poll(Duration::from_millis(5));
    }
    let pool = ready(builder.build().unwrap());
    pool.apply_to(0, pin, (1,)).unwrap().wait().unwrap();
    limits::pin(0);
    let median = median_of(count, || pool.apply_async(nothing, ()).unwrap().wait().unwrap());
    limits::unpin();
    median
}

/// The largest proportional set size of some idle workers, in bytes.
pub(crate) fn idle_memory(method: StartMethod) -> f64 {
    let pool = ready(Pool::builder().workers(4).start_method(method).build().unwrap());
    let sizes = pool.pids().into_iter().flatten().map(|pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line =
            text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default().to_owned();
        line.split_whitespace().next().and_then(|size| size.parse::<f64>().ok()).unwrap_or(f64::NAN)
            * 1024.0
    });
    sizes.fold(0.0, f64::max)
}

/// Median seconds from the death of a busy worker to the outcome of its task.
pub(crate) fn death_noticed(count: usize) -> f64 {
    let builder = Pool::builder().workers(1).restarts(usize::MAX, Duration::from_secs(1));
    let pool = builder.build().unwrap();
    let (producer, mut begun) = Queue::unbounded().unwrap().split();
    let mut samples: Vec<f64> = (0..count)
        .map(|_| {
            pool.wait_ready(Duration::from_secs(30)).unwrap();
            let task = pool.apply_async(tell_and_sleep, (producer.clone(),)).unwrap();
            let pid: i32 = begun.get().unwrap();
            let begin = Instant::now();
            // SAFETY: a signal to a worker that is alive and ours.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            task.wait().unwrap_err();
            begin.elapsed().as_secs_f64()
        })
        .collect();
    middle(&mut samples)
}

pub(crate) fn tell_and_sleep(mut begun: Producer<i32>) {
    begun.put(&(std::process::id() as i32)).unwrap();
    std::thread::sleep(Duration::from_secs(3600));
}

/// About 10 us.
pub(crate) const STEPS: u64 = 4_000;

/// Computes for a while: a linear congruential generator, each step of which waits for the one
/// before.
pub(crate) fn spin(steps: u64) -> u64 {
    (0..steps).fold(steps, |x, _| {
        black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
}

/// Tasks a second by one thread, without any pool.
pub(crate) fn alone(count: u64, steps: u64) -> f64 {
    let begin = Instant::now();
    for _ in 0..count {
        black_box(spin(steps));
    }
    count as f64 / begin.elapsed().as_secs_f64()
}

/// Tasks a second by one thread per core, each with an equal part.
pub(crate) fn threads(count: u64, workers: usize, steps: u64) -> f64 {
    let each = count / workers as u64;
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| alone(each, steps));
        }
    });
    (each * workers as u64) as f64 / begin.elapsed().as_secs_f64()
}

/// Tasks a second by a pool, with a handle for each task.
pub(crate) fn spins(count: u64, workers: usize, steps: u64) -> f64 {
    let pool = ready(Pool::builder().workers(workers).build().unwrap());
    let begin = Instant::now();
    let handles: Vec<_> = (0..count).map(|_| pool.apply_async(spin, (steps,)).unwrap()).collect();
    for handle in handles {
        black_box(handle.wait().unwrap());
    }
    count as f64 / begin.elapsed().as_secs_f64()
}
