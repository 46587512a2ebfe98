//! The settings of a pool.

use std::time::Duration;

use super::link::Transport;
use super::serve::Body;
use crate::spawn::{Output, StartMethod};

/// How many tasks a worker has at once: one runs, the others wait in the worker's own queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Depth {
    /// About 0.4 ms of work, by the measured length of the tasks: one task when they are long, some
    /// hundreds when they are very short. With many active workers up to four even of long tasks,
    /// because then results come faster than the reader can be woken for each. Tasks that are stuck
    /// behind a long one are taken back and given to idle workers.
    #[default]
    ByTaskLength,
    /// Always this many, from 1.
    Fixed(usize),
}

/// All settings of a pool.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    pub(crate) name: String,
    pub(crate) method: StartMethod,
    pub(crate) output: Output,
    pub(crate) transport: Transport,
    pub(crate) depth: Depth,
    pub(crate) busy_poll: Option<Duration>,
    pub(crate) tasks_per_worker: Option<usize>,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) restarts: usize,
    pub(crate) restart_period: Duration,
    pub(crate) body: Body,
    pub(crate) init: Vec<u8>,
    pub(crate) init_fds: Vec<std::os::fd::OwnedFd>,
}

#[cfg(test)]
impl Settings {
    /// Settings for tests of a pool that never starts a worker.
    pub(crate) fn of_nothing(workers: usize) -> Self {
        Self {
            workers,
            name: String::new(),
            method: StartMethod::ReExec,
            output: Output::Inherit,
            transport: Transport::Ring,
            depth: Depth::ByTaskLength,
            busy_poll: None,
            tasks_per_worker: None,
            time_limit: None,
            restarts: 0,
            restart_period: Duration::ZERO,
            body: Body::Functions { initialiser: None },
            init: Vec::new(),
            init_fds: Vec::new(),
        }
    }
}
