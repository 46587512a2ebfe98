//! The messages between knee and a helper: the crew protocol, as `docs/crew-protocol.md` describes
//! it.

use serde::{Deserialize, Serialize};

/// The version of the protocol that knee speaks.
pub(super) const PROTOCOL: u32 = 1;

/// An order with its number, as sent.
#[derive(Debug, Serialize)]
pub(super) struct Numbered<'o> {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) order: &'o Order<'o>,
}

/// What a helper is told to do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order<'o> {
    Launch(Launch<'o>),
    Check { count: u64, limit_ns: u64 },
    Round(Trial),
    Dismiss {},
}

impl Order<'_> {
    /// Its name in the protocol.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Launch(_) => "launch",
            Self::Check { .. } => "check",
            Self::Round(_) => "round",
            Self::Dismiss {} => "dismiss",
        }
    }
}

/// The crew to be launched.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Launch<'o> {
    pub(super) crew: u32,
    pub(super) mode: &'o str,
    pub(super) members: usize,
    pub(super) function: &'o str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) setup: &'o str,
    pub(super) chunk: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) start: &'o str,
}

/// One measurement: a window, or a number of tasks.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Trial {
    pub(super) active: usize,
    pub(super) warm_ns: u64,
    pub(super) window_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tasks: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) probe: bool,
}

/// A message of a helper. It holds one of these fields; unknown fields are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) id: Option<u64>,
    pub(super) hello: Option<Hello>,
    pub(super) ready: Option<Ready>,
    pub(super) checked: Option<Checked>,
    pub(super) open: Option<Nothing>,
    pub(super) close: Option<Nothing>,
    pub(super) laps: Option<Laps>,
    pub(super) failure: Option<Failure>,
    pub(super) bye: Option<Nothing>,
}

/// A message without content: its name says all.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// The first message: the helper introduces itself.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Hello {
    /// The lowest and the highest version of the protocol that the helper speaks.
    pub(super) crew: [u32; 2],
    pub(super) version: String,
    pub(super) modes: Vec<String>,
}

/// The crew is ready.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ready {
    /// Whether the function is a coroutine.
    pub(super) coroutine: bool,
    /// Whether a lock, such as Python's, lets only one thread at a time run code of the language.
    pub(super) lock: bool,
    pub(super) start: Option<String>,
    pub(super) handover_ns: Option<u64>,
    pub(super) busy_handover_ns: Option<u64>,
    /// Nanoseconds that measuring adds to a task inside its worker.
    pub(super) measuring_ns: Option<u64>,
}

/// What the first tasks returned.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Checked {
    pub(super) checksums: Vec<Option<String>>,
    pub(super) task_ns: u64,
    pub(super) wall_ns: u64,
    pub(super) cpu_ns: u64,
}

/// The result of a round.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Laps {
    pub(super) members: Vec<Member>,
    pub(super) span_ns: u64,
    #[serde(default)]
    pub(super) warm_ns: u64,
    #[serde(default)]
    pub(super) knock_ns: Option<i64>,
}

/// What one member did.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Member {
    pub(super) tasks: u64,
    pub(super) units: u64,
    pub(super) rate: f64,
    pub(super) latency: Vec<(u64, u64)>,
}

/// Why an order failed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Failure {
    pub(super) kind: String,
    pub(super) text: String,
}
