//! A handle to one task: wait for its outcome, look at it, or let it go.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::shared::Shared;
use super::slots::RawReport;
use crate::codec;
use crate::error::Result;
use crate::outcome::{Failure, Outcome};
use crate::sys::poll::deadline_after;

/// A task's outcome and where it was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<R> {
    /// The result, or why there is none.
    pub outcome: Outcome<R>,
    /// The worker that ran it, from 0; 0 also for a task that no worker ever had.
    pub worker: usize,
    /// The process id of that worker; 0 for a task that no worker ever had.
    pub pid: u32,
}

impl<R: DeserializeOwned> Report<R> {
    #[inline]
    pub(crate) fn read(raw: RawReport) -> Self {
        let outcome = match raw.outcome {
            Ok(payload) => codec::decode(payload.bytes())
                .map_err(|error| Failure::Unreadable(error.to_string())),
            Err(failure) => Err(*failure),
        };
        Self { outcome, worker: raw.worker as usize, pid: raw.pid }
    }
}

/// The tag of a handle whose outcome was taken; no task has it.
const TAKEN: u64 = u64::MAX;

/// A task that a pool has accepted. Dropping the handle lets the task go on; nobody will know its outcome.
#[must_use = "dropping a handle at once gives away the outcome"]
pub struct Handle<R> {
    shared: Arc<Shared>,
    tag: u64,
    result: PhantomData<fn() -> R>,
}

impl<R> Handle<R> {
    pub(crate) fn new(shared: Arc<Shared>, tag: u64) -> Self {
        Self { shared, tag, result: PhantomData }
    }

    /// Whether the outcome is there.
    pub fn is_done(&self) -> bool {
        let mut state = self.shared.lock();
        state.slots.is_done(self.tag) || {
            self.shared.lead(&mut state);
            state.slots.is_done(self.tag)
        }
    }

    /// Cancels the task if no worker has been given it yet; says whether it did.
    pub fn cancel(&self) -> bool {
        let mut state = self.shared.lock();
        let cancelled = state.cancel(self.tag);
        if cancelled {
            self.shared.announce(&state);
        }
        cancelled
    }
}

impl<R: DeserializeOwned> Handle<R> {
    /// Waits for the outcome.
    ///
    /// # Errors
    /// The [`Failure`] tells why there is no result.
    #[inline]
    pub fn wait(self) -> Outcome<R> {
        self.report().outcome
    }

    /// Waits for the outcome, and tells which worker it comes from.
    #[inline]
    pub fn report(mut self) -> Report<R> {
        let raw = self.shared.wait(None, |state| state.slots.take(self.tag));
        self.tag = TAKEN;
        // Without a deadline there is no way out without an outcome.
        raw.map_or(Report { outcome: Err(Failure::Cancelled), worker: 0, pid: 0 }, Report::read)
    }

    /// Waits for the outcome, but no longer than `limit`: then the handle comes back and the task goes on.
    ///
    /// # Errors
    /// The handle itself, when the outcome is not there in time.
    pub fn wait_within(mut self, limit: Duration) -> Result<Report<R>, Self> {
        match self.shared.wait(deadline_after(limit), |state| state.slots.take(self.tag)) {
            Some(raw) => {
                self.tag = TAKEN;
                Ok(Report::read(raw))
            }
            None => Err(self),
        }
    }
}

impl<R> Drop for Handle<R> {
    #[inline]
    fn drop(&mut self) {
        if self.tag != TAKEN {
            self.shared.lock().slots.forget(self.tag);
        }
    }
}

impl<R> fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("task", &self.tag).finish_non_exhaustive()
    }
}
