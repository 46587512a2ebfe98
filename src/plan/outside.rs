//! Processes outside of knee whose use belongs to the work.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose CPU time and memory belong to the work, though knee has not started them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Outside {
    /// These processes, with all that they start.
    pub pids: Vec<u32>,
    /// Those in these control groups.
    pub groups: Vec<PathBuf>,
    /// What each of them is called: `postgres (process 4711)`.
    pub names: Vec<String>,
}

impl Outside {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pids.is_empty() && self.groups.is_empty()
    }
}
