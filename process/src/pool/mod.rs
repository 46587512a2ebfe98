//! A pool of worker processes that are started once and run many tasks.

mod backlog;
mod balance;
mod bits;
mod builder;
mod calls;
mod deaths;
mod flights;
mod giving;
mod handle;
mod inbox;
mod keeper;
mod link;
mod meter;
mod pace;
mod patience;
mod raw;
mod seat;
pub(crate) mod serve;
mod settings;
mod shared;
mod slots;
mod state;
mod stream;
mod worker;

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

pub use self::builder::Builder;
pub use self::calls::{Ordered, Unordered};
pub use self::handle::{Handle, Report};
pub use self::link::Transport;
use self::patience::Patience;
pub use self::settings::Depth;
pub use self::worker::{Functions, worker_index};

use self::link::{Attachment, Link};
use self::seat::Phase;
use self::shared::Shared;
use self::state::Door;
use self::stream::Stream;
use crate::codec::{self, Message, Sink};
use crate::error::{Error, Result};
use crate::outcome::Exit;
use crate::registry::Id;
use crate::sys::poll::deadline_after;
use crate::work::Worker;

/// A pool of worker processes, each of which runs one task at a time.
///
/// It runs registered functions ([`Pool::new`], [`Pool::builder`]) or the tasks of a [`Worker`]
/// type that keeps state ([`Pool::of`]). At most as many tasks run at once as there are workers;
/// further ones wait. Every accepted task has exactly one outcome. Threads may share a pool by
/// reference. Dropping it terminates it.
pub struct Pool<W = Functions> {
    shared: Arc<Shared>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    worker: PhantomData<fn() -> W>,
}

impl<W> Pool<W> {
    /// The number of workers that the pool was made with.
    pub fn workers(&self) -> usize {
        self.shared.settings.workers
    }

    /// The process ids of the workers; `None` for one that is not up at the moment.
    pub fn pids(&self) -> Vec<Option<u32>> {
        self.shared.lock().seats.iter().map(|seat| seat.live.as_ref().map(|_| seat.pid)).collect()
    }

    /// Waits until every worker has built its state and takes tasks.
    ///
    /// # Errors
    /// [`Error::PoolBroken`], with the reason, when a worker cannot be started or its initialiser
    /// failed; [`Error::TimedOut`] when not all workers are ready within `limit`;
    /// [`Error::PoolClosed`].
    pub fn wait_ready(&self, limit: Duration) -> Result<()> {
        let ready = self.shared.wait(deadline_after(limit), |state| {
            if state.door != Door::Open {
                return Some(Err(Error::PoolClosed));
            }
            let given = state.seats.iter().find_map(|seat| match &seat.phase {
                Phase::Given(reason) => Some(reason.clone()),
                _ => None,
            });
            if let Some(reason) = given {
                return Some(Err(Error::PoolBroken { reason }));
            }
            state.seats.iter().all(|seat| seat.phase == Phase::Ready).then_some(Ok(()))
        });
        ready.unwrap_or(Err(Error::TimedOut(limit)))
    }

    /// Lets only the first `count` workers run tasks from now on; the others sleep until they are
    /// wanted again.
    ///
    /// In this way a pool can be used at any size up to its own without starting processes again. A
    /// sleeping worker still runs the tasks that it has, and those given to it [by its
    /// number](Pool::submit_to). A `count` below 1 means 1, and one above
    /// [`workers`](Self::workers) means all.
    pub fn set_active(&self, count: usize) {
        self.shared.lock().set_active(count);
    }

    /// The number of the first active worker that was lost for good, and the reason; `None` while
    /// no active worker is lost.
    ///
    /// The call is cheap. A loop that needs every worker must make it, because the pool goes on
    /// with the other workers.
    pub fn lost_worker(&self) -> Option<(usize, String)> {
        if !self.shared.lost.load(std::sync::atomic::Ordering::Acquire) {
            return None;
        }
        let state = self.shared.lock();
        let mut seats = state.seats[..state.active].iter().enumerate();
        seats.find_map(|(index, seat)| match &seat.phase {
            Phase::Given(reason) => Some((index, reason.clone())),
            _ => None,
        })
    }

    /// Kills workers that are still at the same task when `limit` has passed from now. Each is
    /// given two seconds more to end it; then the task has [timed out](crate::Failure::TimedOut).
    /// `None` takes the limit back.
    ///
    /// Unlike the [limit of a task](Builder::time_limit), this costs nothing while tasks run.
    pub fn set_patience(&self, limit: Option<Duration>) {
        self.shared.lock().patience = limit.and_then(Patience::new);
        self.shared.keeper.ring();
    }

    /// How many tasks have no outcome yet.
    pub fn outstanding(&self) -> usize {
        self.shared.lock().slots.open()
    }

    /// Takes no more tasks. The workers run the accepted ones, then end.
    pub fn close(&self) {
        let mut state = self.shared.lock();
        state.door = state.door.max(Door::Closed);
        drop(state);
        self.shared.keeper.ring();
    }

    /// Closes the pool and waits until all tasks are done and all workers have ended. Returns how
    /// each worker ended, including those that were replaced.
    pub fn join(&self) -> Vec<Exit> {
        self.close();
        self.shared.wait(None, |state| state.over.then(|| state.exits.clone())).unwrap_or_default()
    }

    /// Like [`join`](Self::join), but after `limit` the pool is [terminated](Self::terminate),
    /// which cancels the tasks that are not done.
    pub fn join_within(&self, limit: Duration) -> Vec<Exit> {
        self.close();
        let over = self.shared.wait(deadline_after(limit), |state| state.over.then_some(()));
        if over.is_none() {
            self.terminate();
        }
        self.join()
    }

    /// Stops everything at once: all workers are killed, all tasks without an outcome are
    /// cancelled.
    ///
    /// It may be called from any thread, at any time and more than once. It does not wait for the
    /// workers to be gone;
    /// [`join`](Self::join) and dropping the pool do.
    pub fn terminate(&self) {
        let mut state = self.shared.lock();
        state.terminate();
        self.shared.announce(&state);
        drop(state);
        self.shared.keeper.ring();
    }

    /// Encodes a task and gives it to any worker, or to the one of `seat`. `call` is the registered
    /// function that the task calls; `None` in a pool of a [`Worker`] type.
    #[inline]
    fn send<T: Serialize + ?Sized, R>(
        &self,
        call: Option<Id>,
        task: &T,
        seat: Option<usize>,
    ) -> Result<Handle<R>> {
        let submit = |bytes: &[u8], attachment| self.shared.submit(seat, bytes, attachment);
        self.encoded(call, task, submit).map(Handle::new)
    }

    /// Encodes a task and passes it to `submit`: as bytes, or as an attachment where a ring cannot
    /// carry it.
    #[inline]
    fn encoded<T: Serialize + ?Sized, A>(
        &self,
        call: Option<Id>,
        task: &T,
        submit: impl FnOnce(&[u8], Option<Box<Attachment>>) -> Result<A>,
    ) -> Result<A> {
        let mut message = Message::new();
        if let Some(id) = call {
            message.append(&id.0.to_le_bytes());
        }
        let fds = codec::encode_with_fds(task, &mut message)?;
        let bytes = message.bytes();
        let transport = self.shared.settings.transport;
        if fds.is_empty() && !Link::must_attach(transport, bytes.len()) {
            submit(bytes, None)
        } else {
            submit(&[], Some(Box::new(Attachment::pack(transport, bytes, fds)?)))
        }
    }
}

impl<W: Worker> Pool<W> {
    /// The builder of a pool whose workers are each built from `init`.
    pub fn of(init: &W::Init) -> Builder<W> {
        Builder::of_workers(init)
    }

    /// Gives a task to the pool.
    ///
    /// # Errors
    /// [`Error::PoolClosed`], [`Error::PoolBroken`], or [`Error::Encode`] when the task cannot
    /// cross.
    #[inline]
    pub fn submit(&self, task: &W::Task) -> Result<Handle<W::Reply>> {
        self.send(None, task, None)
    }

    /// Gives a task to the worker of this number. The task comes before those that wait for any
    /// worker.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [`Error::Setting`] when there is no such worker.
    pub fn submit_to(&self, worker: usize, task: &W::Task) -> Result<Handle<W::Reply>> {
        self.send(None, task, Some(worker))
    }

    /// Keeps all workers busy. Gives them the tasks that `next` returns as soon as they have room,
    /// and calls `on` with each outcome. Returns when `next` has returned `None` and all outcomes
    /// are there. This is the fastest way through a pool: there are no handles, and tasks and
    /// results go in batches.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn run_closed_loop(
        &self,
        next: impl FnMut() -> Option<W::Task>,
        on: impl FnMut(Report<W::Reply>),
    ) -> Result<()> {
        Stream::new(&self.shared).run(None, next, on)
    }
}

impl<W> Drop for Pool<W> {
    fn drop(&mut self) {
        self.terminate();
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            // A panic of the keeper has cancelled all tasks already; there is nothing more to
            // report.
            let _ = keeper.join();
        }
    }
}

impl<W> fmt::Debug for Pool<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.workers())
            .field("outstanding", &self.outstanding())
            .finish()
    }
}
