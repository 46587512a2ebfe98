//! `cargo bench --bench function`: compares knee's figures for a Python function with those of a
//! loop that a user would write over the same executor.
//!
//! Both measure the same function with the same count, in turns, many times, each time in a new
//! process. That matters because the places of Python's objects in memory make a process some per
//! cent faster or slower for all its life. The bench prints the median of the ratios, and the range
//! of the middle half. In an event loop the loop by hand is a task for each call, as `gather` and
//! `TaskGroup` make them. It needs python3.
//!
//! For an executor there are two loops by hand, a row for each. `map` is `executor.map` over all
//! tasks. `fed` keeps four tasks per worker submitted, as `buffersize` of Python 3.14 does. They
//! differ from each other where handing over is dear against the task: while `map` submits its
//! tasks, the main thread holds the lock that the workers need. knee keeps its pool full in the
//! same way as `fed`.
//!
//! `compute` takes about a millisecond and `short` 30 microseconds. `noop` does nothing: its rows
//! compare handing over alone.

#[path = "support/measuring.rs"]
mod measuring;

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use knee::mode::{self, Extent, Job, Site, Window};
use knee::plan::{Mode, Registry};
use knee::workloads::{Params, Workload};

const WORK: &str = "
import asyncio, time

def compute():
    total = 0
    for i in range(20000):
        total += i * i
    return total

def short():
    total = 0
    for i in range(600):
        total += i * i
    return total

def nap():
    time.sleep(0.002)

async def wait():
    await asyncio.sleep(0.002)

def noop():
    pass
";

/// Prints tasks per second of a loop by hand: `python3 -c HAND FUNCTION MODE COUNT SECONDS LOOP`.
const HAND: &str = "
import asyncio, sys, time, work
from collections import deque
from concurrent.futures import ThreadPoolExecutor, ProcessPoolExecutor
name, mode, count, seconds, loop = sys.argv[1:6]
count, seconds = int(count), float(seconds)
function = getattr(work, name)

def one(number):
    return function()

def serial(tasks):
    for _ in range(tasks):
        function()

async def lane(tasks):
    for _ in range(tasks):
        await asyncio.create_task(function())

async def gathered(tasks):
    await asyncio.gather(*[lane(tasks // count) for _ in range(count)])

def over(executor):
    list(executor.map(one, range(4 * count)))
    if loop == 'map':
        return lambda tasks: list(executor.map(one, range(tasks)))
    def fed(tasks):
        waiting = deque()
        for number in range(tasks):
            if len(waiting) == 4 * count:
                waiting.popleft().result()
            waiting.append(executor.submit(one, number))
        while waiting:
            waiting.popleft().result()
    return fed

run = {'serial': lambda: serial, 'async': lambda: lambda tasks: asyncio.run(gathered(tasks)),
       'threads': lambda: over(ThreadPoolExecutor(count)),
       'process-pool': lambda: over(ProcessPoolExecutor(count))}[mode]()
tasks = 8 * count
while True:
    begin = time.perf_counter()
    run(tasks)
    took = time.perf_counter() - begin
    if took > seconds / 4:
        break
    tasks *= 2
tasks = max(1, round(tasks * seconds / took))
begin = time.perf_counter()
run(tasks)
print(tasks / (time.perf_counter() - begin))
";

/// How often each is measured, and for how long.
const REPEATS: usize = 11;
const SECONDS: f64 = 0.5;

fn by_hand(folder: &Path, function: &str, mode: Mode, workers: usize, by: &str) -> f64 {
    let output = Command::new("python3")
        .args(["-c", HAND, function, mode.name(), &workers.to_string(), &SECONDS.to_string(), by])
        .current_dir(folder)
        .env("PYTHONHASHSEED", "0")
        .output()
        .expect("python3 was found before");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn main() {
    let here = Command::new("python3").arg("--version").output().is_ok();
    if !here || !measuring::measuring() {
        println!("skipped: it is measured by cargo bench, where python3 is");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("work.py"), WORK).expect("the directory is writable");
    let site = Site::new(Registry::new(&[]), folder.path());
    let workload = knee::workloads::Function;
    println!(
        "{:8} {:12} {:>7} {:4} {:>10} {:>10} {:>6}  half of them",
        "function", "mode", "workers", "loop", "by hand", "knee", "ratio"
    );
    for (function, mode, workers) in [
        ("compute", Mode::Serial, 1),
        ("compute", Mode::Threads, 2),
        ("compute", Mode::ProcessPool, 2),
        ("short", Mode::Threads, 2),
        ("short", Mode::ProcessPool, 2),
        ("nap", Mode::Threads, 16),
        ("nap", Mode::ProcessPool, 4),
        ("wait", Mode::Async, 64),
        ("noop", Mode::Threads, 2),
        ("noop", Mode::ProcessPool, 2),
    ] {
        let call = format!("{}:{function}", folder.path().join("work.py").display());
        let params = Params::resolve("function", workload.meta().params, [("call", call.as_str())])
            .expect("the parameters are right");
        let job = Job { workload: "function".to_owned(), params, seed: 1, checked: 0, nodes: None };
        let count = NonZeroUsize::new(workers).expect("not zero");
        let window = Window {
            extent: Extent::Time(Duration::from_secs_f64(SECONDS)),
            warm_up: Duration::from_millis(50),
        };
        let loops = if matches!(mode, Mode::Threads | Mode::ProcessPool) {
            &["map", "fed"][..]
        } else {
            &["-"]
        };
        let mut pairs: Vec<Vec<[f64; 3]>> = vec![Vec::new(); loops.len()];
        for _ in 0..REPEATS {
            let (mut crew, _) = mode::launch(mode, &site, &job, count).expect("it is launched");
            let ours = crew.round(count, window).expect("it is measured").rate();
            crew.dismiss().expect("it ends");
            for (by, pairs) in loops.iter().zip(&mut pairs) {
                let hand = by_hand(folder.path(), function, mode, workers, by);
                pairs.push([ours / hand, hand, ours]);
            }
        }
        for (by, mut pairs) in loops.iter().zip(pairs) {
            pairs.sort_by(|a, b| a[0].total_cmp(&b[0]));
            let [ratio, hand, ours] = pairs[REPEATS / 2];
            println!(
                "{function:8} {:12} {workers:>7} {by:4} {hand:>10.1} {ours:>10.1} {ratio:>6.3}  \
                 {:.3} to {:.3}",
                mode.name(),
                pairs[REPEATS / 4][0],
                pairs[REPEATS - 1 - REPEATS / 4][0]
            );
        }
    }
}
