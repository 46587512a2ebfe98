//! Where crews are launched.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::node::Cluster;
use super::{Held, Opening, server};
use crate::plan::Registry;

/// Where crews are launched: what they share that is not the work itself.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where workloads are found by name.
    pub registry: Registry,
    /// A directory in which each crew gets a private one.
    pub scratch: std::path::PathBuf,
    /// Set by the user's interrupt: every worker stops after its current task.
    pub cancel: Arc<AtomicBool>,
    /// How many threads an async runtime gets: the usable CPUs, rounded up.
    pub cores: usize,
    /// Worker `i` is bound to CPU `placement[i % len]`; empty leaves workers free.
    pub placement: Vec<usize>,
    /// The resident memory that the crews in this process hold, so that each is charged with its
    /// own.
    pub held: Arc<Held>,
    /// How many connections keep servers busy, as far as that was found in this run.
    pub connections: Arc<server::Known>,
    /// When windows open, where crews on other hosts open theirs at the same moment.
    pub opening: Arc<Opening>,
    /// The nodes on which crews live that are spread over hosts.
    pub cluster: Option<Arc<Cluster>>,
}

impl Site {
    /// A place where workloads of `registry` are run, with a private directory for each crew below
    /// `scratch`: nobody interrupts, workers are free to move, and an async runtime gets a thread
    /// per CPU.
    pub fn new(registry: Registry, scratch: impl Into<std::path::PathBuf>) -> Self {
        Self {
            registry,
            scratch: scratch.into(),
            cancel: Arc::default(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            placement: Vec::new(),
            held: Arc::default(),
            connections: Arc::default(),
            opening: Arc::default(),
            cluster: None,
        }
    }
}
