//! The size of the last cache and the free memory, as the kernel tells them.

use std::fs;
use std::path::Path;

use crate::parse_size;

/// Bytes of the largest cache of the highest level that the first core has; `None` where the kernel
/// does not say.
pub(super) fn last_cache() -> Option<u64> {
    last_cache_in(Path::new("/sys/devices/system/cpu/cpu0/cache"))
}

fn last_cache_in(directory: &Path) -> Option<u64> {
    let entries = fs::read_dir(directory).ok()?;
    let level_and_size = |path: &Path| {
        let read = |name| fs::read_to_string(path.join(name)).ok();
        let level: u32 = read("level")?.trim().parse().ok()?;
        // Sizes read `49152K`.
        Some((level, parse_size(read("size")?.trim())?))
    };
    let caches = entries.filter_map(|entry| level_and_size(&entry.ok()?.path()));
    caches.max().map(|(_, size)| size)
}

/// Bytes of memory in all, and bytes that are available without swapping.
pub(super) struct Free {
    pub(super) total: u64,
    pub(super) available: u64,
}

/// `None` where the kernel does not say.
pub(super) fn memory() -> Option<Free> {
    memory_of(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn memory_of(text: &str) -> Option<Free> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(Free { total: field("MemTotal")?, available: field("MemAvailable")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_cache_is_the_largest_of_the_highest_level() {
        let directory = tempfile::tempdir().unwrap();
        for (index, level, size) in [("0", "1", "48K"), ("1", "2", "1280K"), ("2", "3", "49152K")] {
            let cache = directory.path().join(format!("index{index}"));
            fs::create_dir(&cache).unwrap();
            fs::write(cache.join("level"), format!("{level}\n")).unwrap();
            fs::write(cache.join("size"), format!("{size}\n")).unwrap();
        }
        fs::write(directory.path().join("uevent"), "").unwrap();
        assert_eq!(last_cache_in(directory.path()), Some(48 << 20));
        assert_eq!(last_cache_in(Path::new("/nonexistent")), None);
    }

    #[test]
    fn meminfo_is_read() {
        let free = memory_of("MemTotal:       24570644 kB\nMemFree: 1 kB\nMemAvailable:   21 kB\n");
        assert_eq!(
            free.map(|free| (free.total, free.available)),
            Some((24_570_644 << 10, 21 << 10))
        );
        assert!(memory_of("MemTotal: lots\n").is_none());
    }
}
