//! Setting up a pool.

use std::any::type_name;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde::Serialize;

use super::Pool;
use super::keeper::Keeper;
use super::link::Transport;
use super::serve::Body;
use super::settings::{Depth, Settings};
use super::shared::Shared;
use super::worker::Functions;
use crate::codec;
use crate::error::{Error, Result};
use crate::registry::{Function, id_of};
use crate::spawn::{Output, StartMethod};
use crate::work::Worker;

/// The largest number of workers of a pool: more than one machine can use.
const MOST_WORKERS: usize = 4096;

/// The settings of a pool before it is built.
#[derive(Debug)]
#[must_use = "a pool is made by build"]
pub struct Builder<W> {
    workers: Option<usize>,
    name: Option<String>,
    method: StartMethod,
    output: Output,
    transport: Transport,
    depth: Depth,
    busy_poll: Option<Duration>,
    tasks_per_worker: Option<usize>,
    time_limit: Option<Duration>,
    restarts: Option<(usize, Duration)>,
    body: Result<Body>,
    init: Result<(Vec<u8>, Vec<OwnedFd>)>,
    worker: PhantomData<fn() -> W>,
}

impl Builder<Functions> {
    pub(crate) fn of_functions() -> Self {
        Self::with(Ok(Body::Functions { initialiser: None }), Ok((Vec::new(), Vec::new())))
    }

    /// Has every worker call `function`, a registered one, once before its first task. What it
    /// returns is ignored; a panic in it stops the worker for good.
    pub fn initialiser<F, Args>(mut self, function: F, args: Args) -> Self
    where
        F: Function<Args>,
        Args: Serialize,
    {
        let _ = function;
        self.body = id_of::<F>().map(|id| Body::Functions { initialiser: Some(id) });
        self.init = codec::encoded(&args);
        self
    }
}

impl<W: Worker> Builder<W> {
    pub(crate) fn of_workers(init: &W::Init) -> Self {
        let target = type_name::<W>().to_owned();
        Self::with(id_of::<W>().map(|id| Body::Typed { id, target }), codec::encoded(init))
    }
}

impl<W> Builder<W> {
    fn with(body: Result<Body>, init: Result<(Vec<u8>, Vec<OwnedFd>)>) -> Self {
        Self {
            workers: None,
            name: None,
            method: StartMethod::default(),
            output: Output::default(),
            transport: Transport::default(),
            depth: Depth::default(),
            busy_poll: None,
            tasks_per_worker: None,
            time_limit: None,
            restarts: None,
            body,
            init,
            worker: PhantomData,
        }
    }

    /// The number of workers. The default is the number of usable cores.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The name of the workers in `ps`, followed by their number. The default is `worker`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How the workers are started.
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.method = method;
        self
    }

    /// Where the workers' standard output goes.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// How tasks and results travel.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// How many tasks a worker has at once: one runs, the others wait in its own queue.
    pub fn queue_depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// Lets idle workers, and threads that wait for a result, poll for up to `limit` before they
    /// sleep. The round trip of a task then takes about a microsecond, but every polling worker
    /// keeps a core busy. The pool's own thread polls once a millisecond.
    pub fn busy_poll(mut self, limit: Duration) -> Self {
        self.busy_poll = Some(limit);
        self
    }

    /// Replaces a worker by a fresh one after it has run `tasks` tasks, at least 1.
    pub fn tasks_per_worker(mut self, tasks: usize) -> Self {
        self.tasks_per_worker = Some(tasks);
        self
    }

    /// Kills the worker of a task that takes longer than `limit`. The outcome of the task is
    /// [`TimedOut`](crate::Failure::TimedOut).
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Replaces dead workers up to `deaths` times within any `period`. A worker that dies before it
    /// is ready counts twice. Beyond that the seat of a dead worker stays empty, and a pool without
    /// any worker is broken. The default is as many deaths as there are workers, but at least 3,
    /// within a minute.
    pub fn restarts(mut self, deaths: usize, period: Duration) -> Self {
        self.restarts = Some((deaths, period));
        self
    }

    /// Makes the pool and starts its workers; it does not wait until they are ready.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings that cannot be met, [`Error::NotInitialised`] or
    /// [`Error::NotRegistered`] when `main` did not prepare for it, [`Error::Spawn`], [`Error::Io`]
    /// or [`Error::NotUp`] when the system refuses to start a worker.
    pub fn build(self) -> Result<Pool<W>> {
        let shared = Arc::new(Shared::new(self.settings()?)?);
        let keeper = Keeper::new(Arc::clone(&shared));
        let (started, result) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("pool-keeper".into())
            .spawn(move || keeper.run(&started));
        let thread = thread.map_err(Error::io("start a thread"))?;
        let pool = Pool { shared, keeper: Mutex::new(Some(thread)), worker: PhantomData };
        match result.recv() {
            Ok(Ok(())) => Ok(pool),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::PoolBroken { reason: "its own thread ended".into() }),
        }
    }

    fn settings(self) -> Result<Settings> {
        let refuse = |text: String| Err(Error::Setting(text));
        let workers = match self.workers {
            Some(workers) => workers,
            None => std::thread::available_parallelism()
                .map_err(Error::io("count the usable cores"))?
                .get(),
        };
        if workers == 0 || workers > MOST_WORKERS {
            return refuse(format!("a pool of {workers} workers: it must be 1 to {MOST_WORKERS}"));
        }
        if self.depth == Depth::Fixed(0) {
            return refuse("a queue depth of 0: a worker could never be given a task".into());
        }
        if self.tasks_per_worker == Some(0) {
            return refuse("workers that are replaced after 0 tasks would never run one".into());
        }
        if self.transport == Transport::Ring && !cfg!(target_os = "linux") {
            return refuse("rings in shared memory are for Linux; use Transport::Socket".into());
        }
        let (restarts, restart_period) =
            self.restarts.unwrap_or((workers.max(3), Duration::from_secs(60)));
        let (init, init_fds) = self.init?;
        Ok(Settings {
            workers,
            name: self.name.unwrap_or_else(|| "worker".into()),
            method: self.method,
            output: self.output,
            transport: self.transport,
            depth: if self.transport == Transport::Socket && self.depth == Depth::ByTaskLength {
                // Without shared memory there is no meter, so the length of tasks is unknown. Two
                // tasks are enough to hide the wake-up.
                Depth::Fixed(2)
            } else {
                self.depth
            },
            busy_poll: self.busy_poll,
            tasks_per_worker: self.tasks_per_worker,
            time_limit: self.time_limit,
            restarts,
            restart_period,
            body: self.body?,
            init,
            init_fds,
        })
    }
}
