//! The memory of the machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Root;

/// The memory of the machine, in bytes. The limit of a container is part of the
/// [`Budget`](super::Budget).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// All memory.
    pub total: Option<u64>,
    /// Memory that programs can take without swapping.
    pub available: Option<u64>,
    /// Swap space.
    pub swap: Option<u64>,
}

impl Memory {
    /// Reads `/proc/meminfo` below a root.
    pub(super) fn read(root: &Root) -> Self {
        let text = root.text("/proc/meminfo").unwrap_or_default();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(kibibytes)
        };
        Self {
            total: field("MemTotal"),
            available: field("MemAvailable"),
            swap: field("SwapTotal"),
        }
    }
}

/// Reads `  24684092 kB` as bytes.
pub(super) fn kibibytes(text: &str) -> Option<u64> {
    text.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
