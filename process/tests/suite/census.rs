//! A census of what this process holds: descriptors, children, threads and shared memory. The same
//! census before and after a test means no leak.

use std::fs;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Census {
    descriptors: Vec<String>,
    children: Vec<u32>,
    threads: usize,
    shared_files: usize,
    mapped: usize,
}

impl Census {
    pub(crate) fn take() -> Self {
        let mut descriptors: Vec<String> = fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .map(|target| {
                // The number behind the kind differs from object to object.
                target.to_string_lossy().split(['[', ' ']).next().unwrap_or_default().to_owned()
            })
            .filter(|target| !target.starts_with("/proc/"))
            .collect();
        descriptors.sort();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        Self {
            descriptors,
            children: children(),
            threads: fs::read_dir("/proc/self/task").unwrap().count(),
            shared_files: fs::read_dir("/dev/shm").map_or(0, Iterator::count),
            mapped: maps.lines().filter(|line| line.contains("memfd:")).count(),
        }
    }

    /// Asserts that nothing more is held than at the time of this census. Things that are just
    /// ending get a moment. Less may be held: the thread of an earlier test may have been ending
    /// when this census was taken.
    pub(crate) fn assert_nothing_more(&self) {
        let end = Instant::now() + Duration::from_secs(5);
        while !Self::take().is_within(self) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        let now = Self::take();
        assert!(now.is_within(self), "something has leaked: {now:#?}\nwas {self:#?}");
    }

    /// Whether each thing that is held was held before.
    fn is_within(&self, before: &Self) -> bool {
        contains(&before.descriptors, &self.descriptors)
            && contains(&before.children, &self.children)
            && self.threads <= before.threads
            && self.shared_files <= before.shared_files
            && self.mapped <= before.mapped
    }
}

/// Whether `all` holds each of `some`, as often as it occurs there.
fn contains<T: PartialEq>(all: &[T], some: &[T]) -> bool {
    let times = |list: &[T], item: &T| list.iter().filter(|each| *each == item).count();
    some.iter().all(|item| times(some, item) <= times(all, item))
}

/// The children of this process, zombies included.
pub(crate) fn children() -> Vec<u32> {
    let mut found: Vec<u32> = fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()
        })
        .collect();
    found.sort_unstable();
    found
}

/// Whether a process runs, or is stopped; a zombie does not.
pub(crate) fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !matches!(
            stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next()),
            Some('Z' | 'X') | None
        )
    })
}

/// Waits until all of `pids` are gone; returns how long that took.
pub(crate) fn wait_gone(pids: &[u32]) -> Duration {
    let begin = Instant::now();
    while pids.iter().any(|pid| runs(*pid)) {
        let left: Vec<_> = pids.iter().filter(|pid| runs(**pid)).collect();
        assert!(begin.elapsed() < Duration::from_secs(20), "processes {left:?} live on");
        std::thread::sleep(Duration::from_millis(1));
    }
    begin.elapsed()
}

pub(crate) fn send(pid: u32, signal: i32) {
    // SAFETY: kill has no memory effects; a process that is gone is reported as an error, which
    // does not matter here.
    unsafe { libc::kill(pid as i32, signal) };
}
