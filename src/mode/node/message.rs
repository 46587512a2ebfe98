//! The messages between a node and its coordinator: the orders of the crew protocol for ordinary
//! crews, sent over the wire of this folder.

use serde::{Deserialize, Serialize};

use super::NodeRound;
use crate::machine::{BurnReport, Machine};
use crate::mode::{Job, Reference, Usage};
use crate::plan::Mode;

/// The version of these messages. Both ends must have the same.
pub(super) const VERSION: u32 = 1;

/// The first message of a node: it introduces itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub(super) crew: u32,
    /// The version of knee.
    pub(super) knee: String,
    /// The hash of its program file.
    pub(super) build: String,
    /// The name that its launcher gives it.
    pub(super) name: String,
    /// Its number among the nodes of its launcher, if the launcher gives one.
    pub(super) rank: Option<u32>,
    /// Identifies the machine and its last start. Nodes with the same value share a machine.
    pub(super) boot: String,
    /// The machine.
    pub(super) machine: Machine,
}

/// An order with its number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Numbered<T> {
    pub(super) id: u64,
    pub(super) said: T,
}

/// An order to a node. Each order has one answer, except two that have none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// Asks for the node's time.
    Ping {},
    /// Enter this directory, from which knee was started, and return the hashes of these files.
    Files { directory: String, paths: Vec<String> },
    /// Run the first tasks of a job serially.
    Survey { job: Job, workers: usize },
    /// Launch a crew with this number.
    Launch { crew: u64, mode: Mode, members: usize, job: Job, pin: bool },
    /// Measure a round of a crew.
    Round(Trial),
    /// The window of the round that has the number of this order opens then, by the node's clock.
    /// This has no answer.
    Open { at_ns: u64 },
    /// End a crew.
    Dismiss { crew: u64 },
    /// Check whether each core still computes as fast as before.
    Burn {},
    /// End. This has no answer.
    Quit {},
}

/// One measurement.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) crew: u64,
    pub(super) active: usize,
    pub(super) warm_ns: u64,
    pub(super) window_ns: u64,
    /// A number of tasks, instead of a window.
    pub(super) tasks: Option<u64>,
    /// When the window opens, on the node's clock; `None` if that is agreed on once all members are
    /// warm.
    pub(super) at_ns: Option<u64>,
    /// How long the round may take.
    pub(super) limit_ns: u64,
}

/// The answer of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// When the question arrived and when the answer left, on the node's clock.
    Pong {
        heard_ns: u64,
        answered_ns: u64,
    },
    /// The hash of each file; `None` for a file that cannot be read.
    Files {
        hashes: Vec<Option<String>>,
    },
    Surveyed(Box<Reference>),
    Ready {},
    /// All members are warm, and load the machine until they are told the moment. The answer to the
    /// order itself follows.
    Warm {},
    Laps(Box<Laps>),
    Bye {},
    Burned(BurnReport),
    Failure {
        text: String,
    },
}

/// The result of a round on one node: all of its workers together, except for their rates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Laps {
    pub(super) tasks: u64,
    pub(super) units: u64,
    /// The rate of each worker.
    pub(super) rates: Vec<f64>,
    /// Task latencies as pairs `[nanoseconds, how many]`.
    pub(super) latency: Vec<(u64, u64)>,
    /// The checksums of the first tasks.
    pub(super) checks: Vec<(u64, u64)>,
    pub(super) warm_ns: u64,
    /// From the agreed moment to the last join.
    pub(super) span_ns: u64,
    pub(super) usage: Usage,
    pub(super) handover: Option<crate::mode::helper::Handover>,
    /// The longest 99th percentile of latency that its programs printed, in seconds.
    pub(super) printed_p99: Option<f64>,
    /// What else the record keeps about this node in this round.
    pub(super) node: NodeRound,
}
