//! Divides the memory of this process among the crews that live in it. They share its resident
//! memory, and each is charged with its own part.
//!
//! The system tells only the peak of the whole process. But several crews sleep in it side by side,
//! and some members of each crew sleep too. So each crew keeps a book of how much its launch and
//! its rounds made the process grow. The memory of N members is the peak of the process in their
//! round, minus what other crews and this crew's sleeping members hold. Members are alike, so each
//! holds an equal part of its crew's memory.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The resident memory of all crews in this process together, in bytes.
#[derive(Debug, Default)]
pub struct Held(AtomicU64);

/// The memory of one crew, in bytes.
#[derive(Debug)]
pub(super) struct Book {
    all: Arc<Held>,
    members: usize,
    /// How much its launch made the process grow. All members share this.
    launched: u64,
    /// How much its rounds made the process grow. The members that have worked share this.
    grown: u64,
    /// The most members that have worked so far.
    worked: usize,
}

/// The memory of the process before a round, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    resident: Option<u64>,
    /// Memory that is held by others than the members of the round.
    pub(super) others: u64,
}

impl Book {
    /// Launches a crew of `members` with `launch` and opens its book.
    pub(super) fn open<T>(
        all: &Arc<Held>,
        members: usize,
        launch: impl FnOnce() -> T,
    ) -> (T, Self) {
        let before = resident();
        let crew = launch();
        let launched = growth(before);
        all.0.fetch_add(launched, Ordering::Relaxed);
        (crew, Self { all: Arc::clone(all), members, launched, grown: 0, worked: 0 })
    }

    /// The memory before a round of `active` members.
    pub(super) fn before(&self, active: usize) -> Before {
        Before { resident: resident(), others: self.held_by_others(active) }
    }

    /// Books how much a round of `active` members made the process grow.
    pub(super) fn after(&mut self, active: usize, before: Before) {
        let grown = growth(before.resident);
        self.grown += grown;
        self.all.0.fetch_add(grown, Ordering::Relaxed);
        self.worked = self.worked.max(active);
    }

    /// The memory of other crews and of this crew's sleeping members.
    fn held_by_others(&self, active: usize) -> u64 {
        let own = self.launched + self.grown;
        let others = self.all.0.load(Ordering::Relaxed).saturating_sub(own);
        let share = |bytes: u64, among: usize| {
            let asleep = among.saturating_sub(active) as u64;
            if among == 0 { 0 } else { bytes / among as u64 * asleep }
        };
        others + share(self.launched, self.members) + share(self.grown, self.worked)
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.launched + self.grown, Ordering::Relaxed);
    }
}

/// Resident memory of this process in bytes; `None` where the system does not say.
fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn growth(before: Option<u64>) -> u64 {
    resident().zip(before).map_or(0, |(now, before)| now.saturating_sub(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(all: &Arc<Held>, members: usize, launched: u64, grown: u64, worked: usize) -> Book {
        all.0.fetch_add(launched + grown, Ordering::Relaxed);
        Book { all: Arc::clone(all), members, launched, grown, worked }
    }

    #[test]
    fn sleepers_and_other_crews_are_not_charged() {
        let all = Arc::default();
        let crew = book(&all, 4, 400, 60, 2);
        assert_eq!(crew.held_by_others(4), 0);
        assert_eq!(
            crew.held_by_others(1),
            300 + 30,
            "three that were launched, one of the two that worked"
        );
        let other = book(&all, 1, 1000, 0, 0);
        assert_eq!(crew.held_by_others(4), 1000);
        drop(other);
        assert_eq!(crew.held_by_others(2), 200);
    }

    #[test]
    fn a_launch_that_takes_memory_is_seen() {
        let all = Arc::default();
        let (memory, book) = Book::open(&all, 1, || vec![1_u8; 64 << 20]);
        // Other tests of this process may free memory meanwhile, but much less than this.
        assert!(book.launched > 8 << 20, "{} bytes for {} allocated", book.launched, memory.len());
    }
}
