//! The caches: level, size, and how many hardware threads share each.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topology::HardwareThread;
use super::{CpuSet, Root};

/// All caches of one level, kind and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cache {
    /// 1 is nearest to the core.
    pub level: u32,
    /// `data`, `instruction` or `unified`.
    pub kind: String,
    /// Bytes of one of them.
    pub size: Option<u64>,
    /// Hardware threads that share one of them.
    pub shared_by: u32,
    /// How many of them there are.
    pub count: u32,
}

/// The caches of the online CPUs, nearest first; empty if sysfs does not say.
pub(super) fn read(root: &Root, threads: &[HardwareThread]) -> Vec<Cache> {
    // Every CPU that shares a physical cache lists it; the set of these CPUs identifies the cache.
    let mut seen: BTreeSet<(u32, String, String)> = BTreeSet::new();
    let mut groups: BTreeMap<(u32, String, u32, Option<u64>), u32> = BTreeMap::new();
    for thread in threads {
        let directory = format!("/sys/devices/system/cpu/cpu{}/cache", thread.cpu);
        for index in root.names(&directory).iter().filter(|name| name.starts_with("index")) {
            let path = format!("{directory}/{index}");
            let (Some(level), Some(kind), Some(shared)) = (
                root.value::<u32>(format!("{path}/level")),
                root.text(format!("{path}/type")).map(|kind| kind.to_lowercase()),
                root.value::<CpuSet>(format!("{path}/shared_cpu_list")),
            ) else {
                continue;
            };
            let size = root.text(format!("{path}/size")).and_then(|text| size_in_bytes(&text));
            if seen.insert((level, kind.clone(), shared.to_string())) {
                *groups.entry((level, kind, shared.len() as u32, size)).or_default() += 1;
            }
        }
    }
    let cache =
        |((level, kind, shared_by, size), count)| Cache { level, kind, size, shared_by, count };
    groups.into_iter().map(cache).collect()
}

/// Reads `48K`, `1280K` or `32M` as bytes.
fn size_in_bytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.char_indices().last()? {
        (at, 'K') => (&text[..at], 1 << 10),
        (at, 'M') => (&text[..at], 1 << 20),
        (at, 'G') => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

#[test]
fn sizes_are_bytes_and_nonsense_is_unknown() {
    assert_eq!(size_in_bytes("1280K"), Some(1280 * 1024));
    assert_eq!(size_in_bytes("32M"), Some(32 << 20));
    assert_eq!(size_in_bytes("512"), Some(512));
    for nonsense in ["", "K", "0K", "12é", "99999999999999999999K", "18446744073709551615G"] {
        assert_eq!(size_in_bytes(nonsense), None, "{nonsense}");
    }
}
