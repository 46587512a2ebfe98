//! What a node and whoever launched it say to each other: the orders of the crew protocol for
//! ordinary crews, over the wire of this folder.

use serde::{Deserialize, Serialize};

use super::NodeRound;
use crate::machine::{BurnReport, Machine};
use crate::mode::{Job, Reference, Usage};
use crate::plan::Mode;

/// The version of what is said here. Both ends must speak the same.
pub(super) const VERSION: u32 = 1;

/// The first message of a node: who is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub(super) crew: u32,
    /// The version of knee.
    pub(super) knee: String,
    /// What its program file holds, in short.
    pub(super) build: String,
    /// What its launcher calls it.
    pub(super) name: String,
    /// Its number among the nodes of its launcher, where that gives one.
    pub(super) rank: Option<u32>,
    /// Which start of which machine it runs on: nodes with the same one share that machine.
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

/// What a node is told to do. Each order has one answer, but for two that have none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// What time is it there?
    Ping {},
    /// Enter this directory, from which knee was started. What do these files hold?
    Files { directory: String, paths: Vec<String> },
    /// Run the first tasks of a job serially.
    Survey { job: Job, workers: usize },
    /// Launch a crew and call it by this number.
    Launch { crew: u64, mode: Mode, members: usize, job: Job, pin: bool },
    /// Measure a round of a crew.
    Round(Trial),
    /// The window of the round that has the number of this order opens then, by the node's clock.
    /// This has no answer.
    Open { at_ns: u64 },
    /// End a crew.
    Dismiss { crew: u64 },
    /// Does each core still give what it gave?
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
    /// So many tasks in place of a window.
    pub(super) tasks: Option<u64>,
    /// When the window opens, by the node's clock; `None` where that is agreed on once all are
    /// warm.
    pub(super) at_ns: Option<u64>,
    /// How long the round may take.
    pub(super) limit_ns: u64,
}

/// What a node answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// When the question arrived and the answer left, by the node's clock.
    Pong {
        heard_ns: u64,
        answered_ns: u64,
    },
    /// What each file holds, in short; `None` where it cannot be read.
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

/// What a round gave on one node: all of its workers together, but for their rates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Laps {
    pub(super) tasks: u64,
    pub(super) units: u64,
    /// Each worker's own.
    pub(super) rates: Vec<f64>,
    /// `[nanoseconds, how many]`.
    pub(super) latency: Vec<(u64, u64)>,
    /// The checksums of the first tasks.
    pub(super) checks: Vec<(u64, u64)>,
    pub(super) warm_ns: u64,
    /// From the moment that was agreed on to the last join.
    pub(super) span_ns: u64,
    pub(super) usage: Usage,
    pub(super) handover: Option<crate::mode::helper::Handover>,
    /// The longest 99th percentile of a latency that programs printed, in seconds.
    pub(super) printed_p99: Option<f64>,
    /// What else the record keeps of this node in this round.
    pub(super) node: NodeRound,
}
