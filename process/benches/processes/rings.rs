//! Bare rings in shared memory, which do only the least that a pool and a queue must do.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};
use std::time::{Duration, Instant};

use crate::limits::{bell, fork, reap, shared};

/// Entries of a bare ring: as many as one of the crate's rings holds small tasks.
const ENTRIES: u64 = 4096;

/// A ring of numbers in shared memory, one way. It wakes as the crate does: by a flag and an
/// eventfd, and where asked for, by naps while many numbers come.
#[repr(C, align(128))]
struct Ring {
    tail: Line<AtomicU64>,
    head: Line<AtomicU64>,
    sleeps: Line<AtomicU32>,
    data: [AtomicU64; (ENTRIES * 4) as usize],
}

#[repr(C, align(128))]
struct Line<T>(T);

/// One side's private position, and the other side's position as last seen.
struct Side<'a> {
    ring: &'a Ring,
    bell: OwnedFd,
    own: u64,
    other: u64,
}

impl Side<'_> {
    /// Writes one entry of 32 bytes; `false` when the ring is full.
    fn push(&mut self, value: u64) -> bool {
        if self.own - self.other == ENTRIES {
            self.other = self.ring.head.0.load(Acquire);
            if self.own - self.other == ENTRIES {
                return false;
            }
        }
        let at = (self.own % ENTRIES * 4) as usize;
        for word in 0..4 {
            self.ring.data[at + word].store(value, Relaxed);
        }
        self.own += 1;
        self.ring.tail.0.store(self.own, Release);
        true
    }

    fn pop(&mut self) -> Option<u64> {
        if self.own == self.other {
            self.other = self.ring.tail.0.load(Acquire);
            if self.own == self.other {
                return None;
            }
        }
        let at = (self.own % ENTRIES * 4) as usize;
        let sum =
            (0..4).map(|word| self.ring.data[at + word].load(Relaxed)).fold(0, |_, value| value);
        self.own += 1;
        self.ring.head.0.store(self.own, Release);
        Some(sum)
    }

    /// Wakes the reader, if it sleeps.
    fn wake(&self) {
        fence(SeqCst);
        if self.ring.sleeps.0.load(Relaxed) != 0 && self.ring.sleeps.0.swap(0, SeqCst) != 0 {
            rustix::io::write(&self.bell, &1_u64.to_ne_bytes()).unwrap();
        }
    }

    /// Sleeps until the writer wakes us.
    fn sleep(&mut self) {
        self.ring.sleeps.0.store(1, Relaxed);
        fence(SeqCst);
        if self.ring.tail.0.load(Acquire) == self.own {
            let mut bytes = [0; 8];
            rustix::io::read(&self.bell, &mut bytes[..]).unwrap();
        }
        self.ring.sleeps.0.store(0, Relaxed);
    }
}

/// Tasks in flight per worker: as many as the crate gives of the shortest ones.
const DEPTH: u64 = 3072;
/// Results are read after so many tasks, as in the crate.
const READ_EVERY: u64 = 256;
/// The crate's nap.
const NAP: Duration = Duration::from_micros(10);

/// A worker of the bare rings. It answers each task by itself, and wakes the parent if that waits
/// for an answer.
fn answer(mut tasks: Side<'_>, mut replies: Side<'_>, naps: bool) {
    let mut burst = 0;
    loop {
        let Some(task) = tasks.pop() else {
            if std::mem::take(&mut burst) >= 16 && naps {
                std::thread::sleep(NAP);
            } else {
                tasks.sleep();
            }
            continue;
        };
        if task == u64::MAX {
            return;
        }
        burst += 1;
        while !replies.push(std::hint::black_box(task)) {
            std::thread::sleep(NAP);
        }
        replies.wake();
    }
}

/// The parent's side of bare rings, a pair per worker.
struct Bare<'a> {
    pairs: Vec<(libc::pid_t, Side<'a>, Side<'a>)>,
    /// The one bell on which the parent sleeps; every worker rings it.
    home: OwnedFd,
    /// Which tasks are answered.
    done: Vec<bool>,
    naps: bool,
}

impl Bare<'_> {
    fn start(workers: usize, naps: bool) -> Self {
        let home = bell();
        let side =
            |ring, bell: &OwnedFd| Side { ring, bell: bell.try_clone().unwrap(), own: 0, other: 0 };
        let start = |_| {
            let (there, back): (&Ring, &Ring) = (shared(), shared());
            let own = bell();
            let pid = fork(|| answer(side(there, &own), side(back, &home), naps));
            (pid, side(there, &own), side(back, &home))
        };
        let pairs = (0..workers).map(start).collect();
        Self { pairs, home, done: Vec::new(), naps }
    }

    /// Gives one task to the next worker in turn that has room, publishes it, and wakes the worker
    /// if it sleeps.
    fn give(&mut self, task: u64) {
        let workers = self.pairs.len() as u64;
        for turn in task.. {
            let (_, tasks, replies) = &mut self.pairs[(turn % workers) as usize];
            if tasks.own - replies.own < DEPTH {
                assert!(tasks.push(task));
                tasks.wake();
                return;
            }
            if (turn - task) % workers == workers - 1 {
                self.read_or_wait();
            }
        }
    }

    /// Reads all answers that are there; returns whether there were any.
    fn read(&mut self) -> bool {
        let mut any = false;
        for (_, _, replies) in &mut self.pairs {
            while let Some(task) = replies.pop() {
                self.done[task as usize] = true;
                any = true;
            }
        }
        any
    }

    fn read_or_wait(&mut self) {
        if self.read() {
            return;
        }
        if self.naps {
            std::thread::sleep(NAP);
            return;
        }
        let rings = || self.pairs.iter().map(|(_, _, replies)| replies);
        rings().for_each(|side| side.ring.sleeps.0.store(1, Relaxed));
        fence(SeqCst);
        if rings().all(|side| side.ring.tail.0.load(Acquire) == side.own) {
            rustix::io::read(&self.home, &mut [0; 8][..]).unwrap();
        }
        rings().for_each(|side| side.ring.sleeps.0.store(0, Relaxed));
    }

    /// Gives `count` tasks one by one, then asks for the answer of each.
    fn pass(&mut self, count: u64) {
        self.done.clear();
        self.done.resize(count as usize, false);
        for task in 0..count {
            self.give(task);
            if task % READ_EVERY == READ_EVERY - 1 {
                self.read();
            }
        }
        for task in 0..count as usize {
            while !self.done[task] {
                self.read_or_wait();
            }
        }
    }
}

impl Drop for Bare<'_> {
    fn drop(&mut self) {
        for (pid, tasks, _) in &mut self.pairs {
            assert!(tasks.push(u64::MAX));
            tasks.wake();
            reap(*pid);
        }
    }
}

/// Tasks a second through bare rings, a pair per worker, with the crate's depth. Each task is
/// given, published and answered by itself, and each answer is asked for. Without `naps` a side
/// that finds nothing sleeps at once until the other side wakes it.
pub(crate) fn pool(workers: usize, count: u64, passes: u64, naps: bool) -> f64 {
    let mut bare = Bare::start(workers, naps);
    bare.pass(count);
    let begin = Instant::now();
    (0..passes).for_each(|_| bare.pass(count));
    (count * passes) as f64 / begin.elapsed().as_secs_f64()
}

/// Messages of 64 bytes a second one way through a bare ring.
pub(crate) fn one_way(count: u64) -> f64 {
    let ring: &Ring = shared();
    let bells = bell();
    let writer_bell = bells.try_clone().unwrap();
    let pid = fork(move || {
        let mut side = Side { ring, bell: writer_bell, own: 0, other: 0 };
        for number in 0..count {
            // Two entries of 32 bytes.
            for _ in 0..2 {
                while !side.push(number) {
                    std::thread::sleep(Duration::from_micros(10));
                }
            }
            side.wake();
        }
    });
    let mut side = Side { ring, bell: bells, own: 0, other: 0 };
    let begin = Instant::now();
    for _ in 0..count * 2 {
        while side.pop().is_none() {
            side.sleep();
        }
    }
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    reap(pid);
    rate
}
