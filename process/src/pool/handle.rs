//! A handle to one task: wait for its outcome, look at it, or let it go.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::raw::{WorkerId, decoded};
use super::shared::Shared;
use super::slots::Ticket;
use crate::error::Result;
use crate::outcome::Outcome;
use crate::sys::poll::{Deadline, deadline_after};

/// A task's outcome and where it was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<R> {
    /// The result, or why there is none.
    pub outcome: Outcome<R>,
    /// The number of the worker that ran it, from 0; also 0 for a task that never reached a worker.
    pub worker: usize,
    /// The process id of that worker; 0 for a task that never reached a worker.
    pub pid: u32,
}

impl<R> Report<R> {
    #[inline]
    pub(crate) fn new(outcome: Outcome<R>, worker: WorkerId) -> Self {
        Self { outcome, worker: worker.index(), pid: worker.pid() }
    }
}

impl<R: DeserializeOwned> Report<R> {
    #[inline]
    fn read(worker: WorkerId, outcome: Outcome<&[u8]>) -> Self {
        Self::new(outcome.and_then(decoded), worker)
    }
}

/// A task that a pool has accepted. When the handle is dropped the task goes on, and its outcome is
/// thrown away.
#[must_use = "a handle that is dropped throws the outcome away"]
pub struct Handle<R> {
    /// `None` only while the handle is being consumed.
    ticket: Option<Ticket<Arc<Shared>>>,
    result: PhantomData<fn() -> R>,
}

impl<R> Handle<R> {
    #[inline]
    pub(crate) fn new(ticket: Ticket<Arc<Shared>>) -> Self {
        Self { ticket: Some(ticket), result: PhantomData }
    }

    /// Whether the outcome is there.
    pub fn is_done(&self) -> bool {
        self.ticket.as_ref().is_none_or(|ticket| {
            ticket.is_settled() || {
                let shared = ticket.owner();
                shared.lead(&mut shared.lock());
                ticket.is_settled()
            }
        })
    }

    /// Cancels the task if no worker has been given it yet; returns whether it was cancelled.
    pub fn cancel(&self) -> bool {
        let Some(ticket) = &self.ticket else { return false };
        let shared = ticket.owner();
        let mut state = shared.lock();
        let cancelled = state.cancel(ticket.tag());
        if cancelled {
            shared.announce(&state);
        }
        cancelled
    }

    /// Turns the handle into its ticket.
    #[inline]
    fn into_ticket(mut self) -> Ticket<Arc<Shared>> {
        let ticket = self.ticket.take();
        // The rest of the handle needs no drop, and skipping it saves time on the hot path.
        std::mem::forget(self);
        ticket.expect("a handle has its ticket until its end")
    }

    /// Waits for the outcome; returns what `read` makes of it.
    #[inline]
    fn claim<T>(self, read: impl FnOnce(WorkerId, Outcome<&[u8]>) -> T) -> T {
        let ticket = self.into_ticket();
        if !ticket.is_settled() {
            wait_for(&ticket, None);
        }
        match ticket.claim(read) {
            Ok(found) => found,
            Err(_) => unreachable!("without a deadline there is no way out without an outcome"),
        }
    }
}

/// Waits until the outcome is there, or the deadline has passed.
#[cold]
fn wait_for(ticket: &Ticket<Arc<Shared>>, deadline: Deadline) {
    let settled = |_: &mut _| ticket.is_settled().then_some(());
    ticket.owner().wait(deadline, settled);
}

impl<R: DeserializeOwned> Handle<R> {
    /// Waits for the outcome.
    ///
    /// # Errors
    /// The [`Failure`](crate::Failure) tells why there is no result.
    #[inline]
    pub fn wait(self) -> Outcome<R> {
        self.claim(|_, outcome| outcome.and_then(decoded))
    }

    /// Waits for the outcome, and tells which worker it comes from.
    #[inline]
    pub fn report(self) -> Report<R> {
        self.claim(Report::read)
    }

    /// Waits for the outcome for up to `limit`. After that the task goes on and the handle is
    /// returned.
    ///
    /// # Errors
    /// The handle itself, when the outcome is not there in time.
    pub fn wait_within(self, limit: Duration) -> Result<Report<R>, Self> {
        let ticket = self.into_ticket();
        if !ticket.is_settled() {
            wait_for(&ticket, deadline_after(limit));
        }
        ticket.claim(Report::read).map_err(Self::new)
    }
}

impl<R> Drop for Handle<R> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take()
            && let Err(ticket) = ticket.claim(|_, _| ())
        {
            give_up(ticket);
        }
    }
}

/// Lets the task go on, and has its outcome thrown away.
#[cold]
fn give_up(ticket: Ticket<Arc<Shared>>) {
    let shared = Arc::clone(ticket.owner());
    let mut state = shared.lock();
    // It may have ended before the pool was locked.
    if let Err(ticket) = ticket.claim(|_, _| ()) {
        state.slots.disown(ticket.tag());
    }
}

impl<R> fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("task", &self.ticket.as_ref().map(Ticket::tag))
            .finish_non_exhaustive()
    }
}
