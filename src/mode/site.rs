//! Where crews are launched.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::node::Cluster;
use super::{Held, Opening, server};
use crate::plan::Registry;

/// Where crews are launched: everything that they share, except the work itself.
#[derive(Debug, Clone)]
pub struct Site {
    /// The known workloads.
    pub registry: Registry,
    /// The directory in which each crew gets a private directory.
    pub scratch: std::path::PathBuf,
    /// Set when the user interrupts: every worker then stops after its current task.
    pub cancel: Arc<AtomicBool>,
    /// Threads of an async runtime: the usable CPUs, rounded up.
    pub cores: usize,
    /// Worker `i` is bound to CPU `placement[i % len]`. If empty, workers are not bound.
    pub placement: Vec<usize>,
    /// The resident memory of the crews in this process, so that each is charged with its own part.
    pub held: Arc<Held>,
    /// How many connections keep servers busy, as found so far in this run.
    pub connections: Arc<server::Known>,
    /// The moment at which windows open, where crews on other hosts open theirs at the same moment.
    pub opening: Arc<Opening>,
    /// The nodes, where crews are spread over hosts.
    pub cluster: Option<Arc<Cluster>>,
}

impl Site {
    /// A place for workloads of `registry`. Each crew gets a private directory below `scratch`.
    /// Nothing interrupts crews, workers are not bound to CPUs, and an async runtime gets a thread
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
