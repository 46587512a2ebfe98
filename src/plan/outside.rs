//! Processes that knee did not start but whose use belongs to the work.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Processes that knee did not start but whose CPU time and memory belong to the work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Outside {
    /// Process ids. All processes that these start belong to the work too.
    pub pids: Vec<u32>,
    /// Control groups. All processes in these belong to the work.
    pub groups: Vec<PathBuf>,
    /// What each of them is called, for people: `postgres (process 4711)`.
    pub names: Vec<String>,
}

impl Outside {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.pids.is_empty() && self.groups.is_empty()
    }
}
