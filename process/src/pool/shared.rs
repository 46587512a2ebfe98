//! What the threads of a pool share: its state, and how they wait for one another.
//!
//! A user thread that waits for a result *leads*: it reads the results of all workers. The workers
//! ring for it alone, so that a result costs one wake-up and not two. Other waiting threads
//! *follow*: they sleep until the leader wakes them. When no user thread waits, the pool's own
//! thread, the keeper, reads. The reading thread naps while all workers have enough tasks ahead of
//! them (see [`pace`](super::pace)). An outcome that is there already is picked up from its place
//! without any of this (see [`slots`](super::slots)).

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::link::{Attachment, Listener, Transport};
use super::settings::Settings;
use super::slots::{Route, Ticket};
use super::state::{Door, State};
use crate::error::Result;
use crate::sys::bell::Bell;
use crate::sys::poll::Deadline;

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Followers wait here.
    done: Condvar,
    /// Wakes the keeper.
    pub(crate) keeper: Bell,
    /// Wakes the leading thread.
    waiter: Bell,
    /// Whether any seat was given up.
    pub(crate) lost: AtomicBool,
    pub(crate) settings: Arc<Settings>,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let settings = Arc::new(settings);
        let state = Mutex::new(State::new(Arc::clone(&settings)));
        Ok(Self {
            state,
            done: Condvar::new(),
            keeper: Bell::new()?,
            waiter: Bell::new()?,
            lost: AtomicBool::new(false),
            settings,
        })
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn waiter(&self) -> &Bell {
        &self.waiter
    }

    /// Tells all waiting threads that tasks have ended.
    pub(crate) fn announce(&self, state: &State) {
        if state.led {
            self.waiter.ring();
        }
        if state.followers > 0 {
            self.done.notify_all();
        }
    }

    /// Waits until `ready` returns an answer, and reads results meanwhile. `None` when the deadline
    /// has passed first.
    pub(crate) fn wait<T>(
        &self,
        deadline: Deadline,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        if let Some(answer) = ready(&mut state) {
            return Some(answer);
        }
        let mut spin = Spin::new(self.settings.busy_poll);
        let mut leading = false;
        loop {
            if state.led || self.settings.transport == Transport::Socket {
                state = self.follow(state, deadline);
            } else {
                if !leading {
                    leading = true;
                    state.leaders += 1;
                    state.listen(Listener::None);
                }
                if self.lead(&mut state) == 0 && !past(deadline) {
                    if spin.goes_on() {
                        state = self.spin(state);
                    } else {
                        state = self.sleep(state, deadline);
                        spin = Spin::new(self.settings.busy_poll);
                    }
                    self.lead(&mut state);
                }
            }
            let answer = ready(&mut state);
            if answer.is_some() || past(deadline) {
                if leading {
                    self.hand_over(&mut state);
                }
                return answer;
            }
        }
    }

    /// Accepts an encoded task of a stream.
    #[inline]
    pub(crate) fn submit_to_stream(
        self: &Arc<Self>,
        stream: u32,
        bytes: &[u8],
        attachment: Option<Box<Attachment>>,
    ) -> Result<u64> {
        let mut state = self.lock();
        let tag = state.submit(Route::Stream(stream), None, bytes, attachment)?;
        self.follow_up(&mut state);
        Ok(tag)
    }

    /// Accepts an encoded task for any worker, or for one.
    #[inline]
    pub(crate) fn submit(
        self: &Arc<Self>,
        seat: Option<usize>,
        bytes: &[u8],
        attachment: Option<Box<Attachment>>,
    ) -> Result<Ticket<Arc<Self>>> {
        let mut state = self.lock();
        let tag = state.submit(Route::Handle, seat, bytes, attachment)?;
        let ticket = state.slots.ticket(tag, Arc::clone(self));
        self.follow_up(&mut state);
        Ok(ticket)
    }

    /// What a thread does for the pool after it has given a task.
    #[inline]
    fn follow_up(&self, state: &mut State) {
        if state.is_behind() {
            self.lead(state);
        }
        if state.needs_keeper() {
            self.keeper.ring();
        }
    }

    /// Reads results, and wakes the followers when there were any. Returns how many there were.
    pub(crate) fn lead(&self, state: &mut State) -> usize {
        let count = state.drain();
        if state.needs_keeper() {
            self.keeper.ring();
        }
        if count > 0 {
            if state.followers > 0 {
                self.done.notify_all();
            }
            let drained = state.door == Door::Closed && state.slots.open() == 0;
            // A keeper that looks again soon need not be woken.
            let watched = state.ticking || state.keeper_naps;
            if drained || (!watched && state.lopsided()) {
                // The keeper dismisses the workers, or looks for tasks that are stuck behind a long
                // one.
                state.ticking = true;
                self.keeper.ring();
            }
        }
        count
    }

    fn follow<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Deadline,
    ) -> MutexGuard<'a, State> {
        state.followers += 1;
        let limit = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let mut state = match limit {
            None => self.done.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.done.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.followers -= 1;
        state
    }

    /// Releases the lock for a moment; another thread may lead meanwhile.
    fn spin<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        drop(state);
        // One pause takes up to 40 ns. Many of them would take most of a round trip.
        std::hint::spin_loop();
        self.lock()
    }

    /// Sleeps as the leader until a result comes.
    fn sleep<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Deadline,
    ) -> MutexGuard<'a, State> {
        state.led = true;
        if let Some(nap) = state.nap() {
            drop(state);
            std::thread::sleep(nap.min(left(deadline)));
        } else if state.listen(Listener::Waiter) {
            drop(state);
            // After a failed wait the loop looks again, as after a successful one.
            let _ = self.waiter.wait(deadline);
        } else {
            drop(state);
        }
        let mut state = self.lock();
        state.listen(Listener::None);
        state.led = false;
        state
    }

    /// Leaves the reading to another leader, to a follower, or to the keeper. While no task is open
    /// there is nothing to read; the next task wakes the keeper.
    fn hand_over(&self, state: &mut State) {
        state.leaders -= 1;
        if state.followers > 0 {
            self.done.notify_all();
        }
        let left = state.leaders == 0 && state.slots.open() > 0 && !state.keeper_naps;
        if left && !state.listen(Listener::Keeper) {
            self.keeper.ring();
        }
    }
}

/// Marks the pool as over when the keeper ends, also by a panic, so that no thread waits for ever.
pub(crate) struct End(Arc<Shared>);

impl End {
    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if std::thread::panicking() {
            state.terminate();
        }
        state.over = true;
        self.0.announce(&state);
    }
}

/// Polls for a result up to a limit.
struct Spin {
    limit: Option<Duration>,
    end: Option<Instant>,
    turns: u32,
}

impl Spin {
    fn new(limit: Option<Duration>) -> Self {
        Self { limit, end: None, turns: 0 }
    }

    /// Whether to look once more. Reads the clock only now and then.
    fn goes_on(&mut self) -> bool {
        let Some(limit) = self.limit else { return false };
        self.turns += 1;
        if !self.turns.is_multiple_of(16) {
            return true;
        }
        let now = Instant::now();
        now < *self.end.get_or_insert(now + limit)
    }
}

/// The time until the deadline.
fn left(deadline: Deadline) -> Duration {
    deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
}

fn past(deadline: Deadline) -> bool {
    deadline.is_some_and(|at| Instant::now() >= at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keeper is not known to panic. If it does, the pool is over and its tasks are cancelled.
    #[test]
    fn nobody_waits_for_a_keeper_that_has_panicked() {
        let shared = Arc::new(Shared::new(Settings::of_nothing(1)).unwrap());
        let _ticket = shared.submit(None, &[], None).unwrap();
        let keeper = Arc::clone(&shared);
        let keeper = std::thread::spawn(move || {
            let _end = End::of(&keeper);
            let _state = keeper.lock();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        shared.wait(None, |state| (state.slots.open() == 0 && state.over).then_some(()));
        assert!(keeper.join().is_err());
    }
}
