//! The pool against a model, under random kills: every accepted task has exactly one outcome, none
//! is run twice, only what a dead worker was doing is lost, and nothing leaks.

use std::collections::HashMap;
use std::time::Duration;

use knee_process::{
    Depth, Entry, Failure, Pool, Producer, Queue, StartMethod, Worker, function, worker,
};
use serde::{Deserialize, Serialize};

use crate::census::{Census, send};
use crate::misdeeds::kill_self;
use crate::runner::Test;

pub(crate) const TESTS: &[Test] = &[
    Test::new("model::random_kills_60_rounds", || random_kills(60)),
    Test::long("model::random_kills_1000_rounds", || random_kills(1000)),
];

pub(crate) fn entries() -> Vec<Entry> {
    vec![worker::<Victim>(), function(nothing)]
}

fn nothing() {}

/// What a task does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Deed {
    Nothing,
    Sleep(u64),
    Panic,
    Reply(usize),
    Exit(i32),
    Signal(i32),
}

/// Reports every task that it begins, then does it.
struct Victim {
    begun: Producer<u64>,
}

impl Worker for Victim {
    type Init = Producer<u64>;
    type Task = (u64, Deed);
    type Reply = (u64, Vec<u8>);

    fn start(begun: Producer<u64>) -> Result<Self, String> {
        Ok(Self { begun })
    }

    fn run(&mut self, (number, deed): (u64, Deed)) -> Result<(u64, Vec<u8>), String> {
        self.begun.put(&number).map_err(|error| error.to_string())?;
        match deed {
            Deed::Nothing => {}
            Deed::Sleep(microseconds) => std::thread::sleep(Duration::from_micros(microseconds)),
            Deed::Panic => panic!("task {number}"),
            Deed::Reply(size) => return Ok((number, vec![number as u8; size])),
            Deed::Exit(code) => std::process::exit(code),
            Deed::Signal(signal) => kill_self(signal),
        }
        Ok((number, Vec::new()))
    }
}

/// SplitMix64: the same rounds at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn deed(random: &mut Random) -> Deed {
    match random.below(100) {
        0..20 => Deed::Sleep(random.below(2000)),
        20..25 => Deed::Panic,
        25..35 => Deed::Reply(random.below(40_000) as usize),
        35 => Deed::Exit(random.below(3) as i32),
        36 => Deed::Signal([libc::SIGSEGV, libc::SIGKILL, libc::SIGABRT][random.below(3) as usize]),
        _ => Deed::Nothing,
    }
}

fn random_kills(rounds: u64) {
    // Starts what stays for good, before the census.
    let warm = knee_process::Process::new(nothing, ())
        .start_method(StartMethod::ForkServer)
        .start()
        .unwrap();
    warm.outcome().unwrap();
    let census = Census::take();
    let mut random = Random(20_261_123);
    let (mut tasks, mut deaths) = (0, 0);
    let per_pool = 20;
    for series in 0..rounds.div_ceil(per_pool) {
        let (lost, done) = one_pool(&mut random, per_pool.min(rounds - series * per_pool), series);
        tasks += done;
        deaths += lost;
        census.assert_nothing_more();
    }
    println!("{rounds} rounds: {tasks} tasks, {deaths} lost with their workers");
    assert!(deaths > 0, "nobody was killed in the middle of a task");
}

/// Runs some rounds with one pool; returns how many tasks were lost, and how many there were.
fn one_pool(random: &mut Random, rounds: u64, series: u64) -> (u64, u64) {
    let (producer, mut begun) = Queue::unbounded().unwrap().split();
    let method = [StartMethod::ReExec, StartMethod::ForkServer][(series % 2) as usize];
    let depth = [Depth::ByTaskLength, Depth::Fixed(8), Depth::Fixed(1)][(series % 3) as usize];
    let builder = Pool::<Victim>::of(&producer).workers(3).start_method(method).queue_depth(depth);
    let pool = builder.restarts(usize::MAX, Duration::from_secs(60)).build().unwrap();
    drop(producer);
    let (mut number, mut lost, mut outcomes) = (0, 0, HashMap::new());
    for _ in 0..rounds {
        let mut handles = Vec::new();
        for _ in 0..40 {
            let deed = deed(random);
            handles.push((number, deed, pool.submit(&(number, deed)).unwrap()));
            number += 1;
            if random.below(25) == 0 {
                strike(&pool, random);
            }
        }
        strike(&pool, random);
        for (number, deed, handle) in handles {
            let outcome = handle.wait();
            lost += u64::from(matches!(outcome, Err(Failure::Died(_))));
            judge(number, deed, &outcome);
            outcomes.insert(number, outcome.is_ok());
        }
    }
    if random.below(2) == 0 {
        pool.join();
    }
    drop(pool);
    // Which tasks were begun. The queue ends now that the workers are gone.
    let mut starts = HashMap::new();
    for number in begun.iter() {
        *starts.entry(number).or_insert(0) += 1;
    }
    for (number, good) in &outcomes {
        let count = starts.get(number).copied().unwrap_or(0);
        assert!(count <= 1, "task {number} was begun {count} times");
        assert!(!good || count == 1, "task {number} has a result and was never begun");
    }
    assert_eq!(outcomes.len() as u64, number);
    (lost, number)
}

/// Kills or stops and kills a random worker, at a random moment.
fn strike(pool: &Pool<Victim>, random: &mut Random) {
    if random.below(3) == 0 {
        std::thread::sleep(Duration::from_micros(random.below(300)));
    }
    let workers = pool.pids();
    if let Some(pid) = workers[random.below(3) as usize] {
        if random.below(4) == 0 {
            send(pid, libc::SIGSTOP);
        }
        send(pid, libc::SIGKILL);
    }
}

fn judge(number: u64, deed: Deed, outcome: &Result<(u64, Vec<u8>), Failure>) {
    let fits = match (deed, outcome) {
        // A worker can be killed during any task.
        (_, Err(Failure::Died(_))) => true,
        (Deed::Panic, Err(Failure::Panicked(text))) => {
            text.starts_with(&format!("task {number}, at "))
        }
        (Deed::Reply(size), Ok((found, bytes))) => {
            *found == number
                && bytes.len() == size
                && bytes.iter().all(|byte| *byte == number as u8)
        }
        (Deed::Nothing | Deed::Sleep(_), Ok((found, bytes))) => {
            *found == number && bytes.is_empty()
        }
        _ => false,
    };
    assert!(fits, "task {number}, {deed:?}: {outcome:?}");
}
