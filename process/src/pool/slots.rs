//! The tasks that a pool has accepted, and where their outcomes go.
//!
//! Each task has an entry here until it has its outcome. A task with a handle also has a [`Place`],
//! which it shares with the handle's [`Ticket`]. The pool puts the outcome into the place once. The
//! handle takes it from there without the pool's lock, also after the pool is gone.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::inbox::Inbox;
use super::link::Attachment;
use super::raw::{Answer, Small, WorkerId};
use crate::outcome::{Failure, Outcome};

/// Where the outcome of a task goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// To the task's handle.
    Handle,
    /// Nowhere: its handle was dropped.
    Dropped,
    /// To the stream of this number.
    Stream(u32),
}

/// An outcome, and the worker that it comes from.
#[derive(Debug)]
struct Settled {
    worker: WorkerId,
    outcome: Kept,
}

/// An outcome before its type is known.
#[derive(Debug)]
enum Kept {
    Small(Small),
    Large(Box<[u8]>),
    Missing(Box<Failure>),
}

/// Where the pool puts an outcome and the handle takes it.
type Place = OnceLock<Settled>;

/// A handle's claim to the outcome of its task. `O` is the pool that it waits for.
pub(crate) struct Ticket<O> {
    place: Arc<Place>,
    tag: u64,
    owner: O,
}

impl<O> Ticket<O> {
    pub(crate) fn tag(&self) -> u64 {
        self.tag
    }

    pub(crate) fn owner(&self) -> &O {
        &self.owner
    }

    /// Whether the outcome is there.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.place.get().is_some()
    }

    /// Calls `read` with the outcome and the worker that it comes from. Returns the ticket again
    /// while there is no outcome.
    #[inline]
    pub(crate) fn claim<T>(
        self,
        read: impl FnOnce(WorkerId, Outcome<&[u8]>) -> T,
    ) -> Result<T, Self> {
        let Some(Settled { worker, outcome }) = self.place.get() else { return Err(self) };
        Ok(match outcome {
            Kept::Small(small) => read(*worker, Ok(small.bytes())),
            Kept::Large(bytes) => read(*worker, Ok(bytes)),
            Kept::Missing(failure) => read(*worker, Err(Failure::clone(failure))),
        })
    }
}

impl<O> fmt::Debug for Ticket<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// What the pool knows of a task without an outcome.
#[derive(Debug)]
struct Task {
    route: Route,
    /// Where the outcome goes if the task has a handle.
    place: Option<Arc<Place>>,
    /// The part of the task that cannot go through a ring.
    attachment: Option<Box<Attachment>>,
}

/// Room for one task at a time.
#[derive(Debug, Default)]
struct Entry {
    /// How many tasks have used the entry. It tells a task from those before it.
    generation: u32,
    /// The task that uses the entry now.
    task: Option<Task>,
}

/// All tasks of a pool.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    entries: Vec<Entry>,
    /// Entries without a task.
    free: Vec<u32>,
    /// The outcomes of streams' tasks, by the streams' numbers.
    inboxes: Vec<Inbox>,
    free_streams: Vec<u32>,
}

/// The tag of a task: the entry's generation in the upper half, the number of the entry in the
/// lower half.
#[inline]
fn tag_of(index: usize, generation: u32) -> u64 {
    index as u64 | u64::from(generation) << 32
}

/// The entry of a tag: its number and its generation.
#[inline]
fn place_of(tag: u64) -> (usize, u32) {
    (tag as u32 as usize, (tag >> 32) as u32)
}

impl Slots {
    /// Tasks that have no outcome yet.
    #[inline]
    pub(crate) fn open(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Takes in a new task; returns its tag, which no other task will have.
    #[inline]
    pub(crate) fn insert(&mut self, route: Route, attachment: Option<Box<Attachment>>) -> u64 {
        let place = (route == Route::Handle).then(Arc::default);
        let index = self.free.pop().map_or(self.entries.len(), |index| index as usize);
        if index == self.entries.len() {
            self.entries.push(Entry::default());
        }
        let entry = &mut self.entries[index];
        entry.generation = entry.generation.wrapping_add(1);
        entry.task = Some(Task { route, place, attachment });
        tag_of(index, entry.generation)
    }

    /// The ticket for the handle of a task that was just accepted.
    #[inline]
    pub(crate) fn ticket<O>(&self, tag: u64, owner: O) -> Ticket<O> {
        let place = self.task(tag).and_then(|task| task.place.clone()).unwrap_or_default();
        Ticket { place, tag, owner }
    }

    /// The task of this tag, while it has no outcome.
    #[inline]
    fn task(&self, tag: u64) -> Option<&Task> {
        let (index, generation) = place_of(tag);
        let entry = self.entries.get(index).filter(|entry| entry.generation == generation)?;
        entry.task.as_ref()
    }

    /// Whether the task is accepted and has no outcome.
    #[inline]
    pub(crate) fn is_open(&self, tag: u64) -> bool {
        self.task(tag).is_some()
    }

    #[inline]
    pub(crate) fn attachment(&self, tag: u64) -> Option<&Attachment> {
        self.task(tag)?.attachment.as_deref()
    }

    /// Gives a task its outcome, unless it has one.
    pub(crate) fn settle(&mut self, tag: u64, worker: WorkerId, answer: Answer<'_>) {
        let outcome = match answer {
            Answer::Small(small) => return self.settle_small(tag, worker, small),
            Answer::Large(_) | Answer::Failure(_) => answer,
        };
        let Some(task) = self.end(tag) else { return };
        if let Some(inbox) = self.inbox_of(&task) {
            return inbox.push(tag, worker, outcome);
        }
        lay_down(&task, worker, || match outcome {
            Answer::Small(small) => Kept::Small(small),
            Answer::Large(bytes) => Kept::Large(bytes.into()),
            Answer::Failure(failure) => Kept::Missing(failure),
        });
    }

    /// Gives a task a small result as its outcome, unless it has one. Nearly all tasks end this
    /// way.
    #[inline]
    pub(crate) fn settle_small(&mut self, tag: u64, worker: WorkerId, small: Small) {
        let Some(task) = self.end(tag) else { return };
        match self.inbox_of(&task) {
            Some(inbox) => inbox.push_small(tag, worker, small),
            None => lay_down(&task, worker, || Kept::Small(small)),
        }
    }

    /// Ends a task that is open.
    #[inline]
    fn end(&mut self, tag: u64) -> Option<Task> {
        let (index, generation) = place_of(tag);
        let entry = self.entries.get_mut(index).filter(|entry| entry.generation == generation)?;
        let task = entry.task.take()?;
        self.free.push(index as u32);
        Some(task)
    }

    /// The inbox of a stream's task.
    #[inline]
    fn inbox_of(&mut self, task: &Task) -> Option<&mut Inbox> {
        match task.route {
            Route::Stream(stream) => self.inboxes.get_mut(stream as usize),
            Route::Handle | Route::Dropped => None,
        }
    }

    /// Has the outcome of this open task thrown away, because its handle was dropped.
    pub(crate) fn disown(&mut self, tag: u64) {
        let (index, generation) = place_of(tag);
        let entry = self.entries.get_mut(index).filter(|entry| entry.generation == generation);
        if let Some(task) = entry.and_then(|entry| entry.task.as_mut()) {
            task.route = Route::Dropped;
            task.place = None;
        }
    }

    /// A new stream's number.
    pub(crate) fn open_stream(&mut self) -> u32 {
        self.free_streams.pop().unwrap_or_else(|| {
            self.inboxes.push(Inbox::default());
            (self.inboxes.len() - 1) as u32
        })
    }

    /// The outcomes that wait for their stream.
    pub(crate) fn inbox(&mut self, stream: u32) -> &mut Inbox {
        &mut self.inboxes[stream as usize]
    }

    /// Ends a stream. Outcomes that it still waited for are thrown away.
    pub(crate) fn close_stream(&mut self, stream: u32) {
        let tasks = self.entries.iter_mut().filter_map(|entry| entry.task.as_mut());
        for task in tasks.filter(|task| task.route == Route::Stream(stream)) {
            task.route = Route::Dropped;
        }
        self.inboxes[stream as usize] = Inbox::default();
        self.free_streams.push(stream);
    }

    /// The tags of all tasks without an outcome.
    pub(crate) fn all_open(&self) -> Vec<u64> {
        let entries = self.entries.iter().enumerate().filter(|(_, entry)| entry.task.is_some());
        entries.map(|(index, entry)| tag_of(index, entry.generation)).collect()
    }
}

/// Puts an outcome where the task's handle finds it, if the task has a handle.
#[inline]
fn lay_down(task: &Task, worker: WorkerId, outcome: impl FnOnce() -> Kept) {
    if let Some(place) = &task.place {
        // An open task has no outcome yet, so this is the first one.
        let _ = place.set(Settled { worker, outcome: outcome() });
    }
}

#[cfg(test)]
mod tests;
