//! The starting line: workers wait here until all are ready, and then start together.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the workers of a crew wait for each other.
///
/// A barrier of the standard library releases its threads one after another: each must take the
/// barrier's lock on its way out. On a busy machine each must be scheduled for that first; 128
/// workers on two cores took two seconds. Here a single wake-up releases all.
#[derive(Debug)]
pub(super) struct StartingLine {
    missing: AtomicUsize,
    released: OnceLock<()>,
}

impl StartingLine {
    /// A starting line for this many workers.
    pub(super) fn new(count: usize) -> Self {
        Self { missing: AtomicUsize::new(count), released: OnceLock::new() }
    }

    /// Counts a worker that need not wait. The last worker calls `before` before all are released.
    pub(super) fn pass(&self, before: impl FnOnce()) {
        if self.is_last() {
            self.release(before);
        }
    }

    /// Waits until all are here. The last worker calls `before` before all are released.
    pub(super) fn wait(&self, before: impl FnOnce()) {
        if self.is_last() {
            self.release(before);
        } else {
            self.released.wait();
        }
    }

    fn is_last(&self) -> bool {
        self.missing.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Releases all after `before`, even if that panics: nobody else would release them.
    fn release(&self, before: impl FnOnce()) {
        let _release = Release(&self.released);
        before();
    }
}

/// Releases all when dropped.
struct Release<'a>(&'a OnceLock<()>);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.get_or_init(|| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn nobody_starts_before_all_are_here_and_the_last_one_has_prepared() {
        const COUNT: usize = 32;
        let (line, here, prepared) =
            (StartingLine::new(COUNT), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..COUNT {
                scope.spawn(|| {
                    here.fetch_add(1, Ordering::Relaxed);
                    line.wait(|| {
                        prepared.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(here.load(Ordering::Relaxed), COUNT);
                    assert_eq!(prepared.load(Ordering::Relaxed), 1);
                });
            }
        });
    }

    #[test]
    fn whoever_panics_before_the_release_lets_all_go() {
        fn panic() {
            std::panic::resume_unwind(Box::new("on purpose"));
        }
        let line = StartingLine::new(2);
        thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| line.wait(panic)));
            let panicked = both.map(|one| one.join().is_err());
            assert_eq!(panicked.iter().filter(|one| **one).count(), 1);
        });
    }
}
