//! The number of client connections that keeps a server busy, once it was found.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many connections keep a server busy, by its command line and count. The first launch with a
/// count searches for this number, beginning in proportion to what a smaller count needs. Later
/// launches use the number that it found.
#[derive(Debug, Default)]
pub struct Known(Mutex<BTreeMap<(String, usize), usize>>);

impl Known {
    fn slots(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, usize), usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the search begins for a count of workers; `None` where nothing is known.
    pub(super) fn beginning(&self, server: &str, workers: usize) -> Option<usize> {
        let slots = self.slots();
        let up_to = (server.to_owned(), 0)..=(server.to_owned(), workers);
        let ((_, smaller), found) = slots.range(up_to).next_back()?;
        Some((found * workers).div_ceil((*smaller).max(1)))
    }

    /// What an earlier launch with this count of workers found.
    pub(super) fn found(&self, server: &str, workers: usize) -> Option<usize> {
        self.slots().get(&(server.to_owned(), workers)).copied()
    }

    pub(super) fn learn(&self, server: &str, workers: usize, found: usize) {
        self.slots().insert((server.to_owned(), workers), found);
    }
}

#[test]
fn a_count_is_looked_at_once_and_a_larger_one_begins_in_proportion() {
    let known = Known::default();
    assert_eq!(known.beginning("gunicorn", 4), None);
    known.learn("gunicorn", 2, 8);
    assert_eq!(known.found("gunicorn", 2), Some(8));
    assert_eq!((known.found("gunicorn", 4), known.beginning("gunicorn", 4)), (None, Some(16)));
    assert_eq!(known.beginning("gunicorn", 1), None, "only smaller counts say what is needed");
    assert_eq!(known.found("nginx", 2), None);
}
