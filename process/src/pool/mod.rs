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
/// Of registered functions ([`Pool::new`], [`Pool::builder`]), or of a [`Worker`] type that keeps
/// state ([`Pool::of`]). Never more tasks run at once than there are workers; further ones wait.
/// Every accepted task has exactly one outcome. A pool may be shared between threads by reference;
/// dropping it terminates it.
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
    /// [`Error::PoolBroken`] when a worker cannot be started or its initialiser failed, with its
    /// message;
    /// [`Error::TimedOut`] when they are not ready within `limit`; [`Error::PoolClosed`].
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
    /// So a pool can be used at every size up to its own without starting a process anew. A worker
    /// that sleeps still runs what it was given before and what is given to it [by its
    /// number](Pool::submit_to). `count` is at least 1 and at most [`workers`](Self::workers); a
    /// count beyond that means the nearer of the two.
    pub fn set_active(&self, count: usize) {
        self.shared.lock().set_active(count);
    }

    /// The first worker that may run tasks and was lost for good, and why; `None` while there is
    /// none.
    ///
    /// It costs next to nothing to ask. A loop that wants every worker to do its part must: the
    /// others go on without it.
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

    /// Ends workers that are silent for longer than `limit` from now on, with what they run; `None`
    /// is never.
    ///
    /// Other than the [limit of a task](Builder::time_limit) this costs nothing while tasks run.
    pub fn set_patience(&self, limit: Option<Duration>) {
        self.shared.lock().patience = limit.and_then(Patience::new);
        self.shared.keeper.ring();
    }

    /// How many tasks have no outcome yet.
    pub fn outstanding(&self) -> usize {
        self.shared.lock().slots.open()
    }

    /// Takes no more tasks. Those accepted are done, then the workers end.
    pub fn close(&self) {
        let mut state = self.shared.lock();
        state.door = state.door.max(Door::Closed);
        drop(state);
        self.shared.keeper.ring();
    }

    /// Closes the pool and waits until all tasks are done and all workers have ended; tells how
    /// each worker ended, those that were replaced included.
    pub fn join(&self) -> Vec<Exit> {
        self.close();
        self.shared.wait(None, |state| state.over.then(|| state.exits.clone())).unwrap_or_default()
    }

    /// Like [`join`](Self::join), but no longer than `limit`: then the pool is
    /// [terminated](Self::terminate), and the tasks that were not done are cancelled.
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

    /// Encodes a task and gives it to any worker, or to one; `call` is the function that it calls,
    /// if it does.
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

    /// Encodes a task and passes it to `submit`: its bytes, or what it takes to carry them beside a
    /// ring.
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
    /// A pool whose workers are each built from `init`; set it up further, then
    /// [build](Builder::build) it.
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

    /// Gives a task to one worker, by its number: ahead of what the pool has waiting for any.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [`Error::Setting`] when there is no such worker.
    pub fn submit_to(&self, worker: usize, task: &W::Task) -> Result<Handle<W::Reply>> {
        self.send(None, task, Some(worker))
    }

    /// Keeps all workers busy: gives them what `next` returns, as soon as they can take it, and
    /// calls `on` with each outcome, until `next` has returned `None` and all outcomes are there. A
    /// fast way through a pool: there are no handles, and results are read and tasks given in
    /// batches.
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
            // A keeper that panicked has nothing left to say.
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
