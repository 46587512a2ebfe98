//! Control groups: which of them limit this process, from its own group up to the root, and how
//! much.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Root;

/// The hierarchy of a controller: the process's own group first, the root last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups {
    /// 1 for the hierarchies with one controller each, 2 for the unified one.
    pub(super) version: u8,
    /// Directories, leaf first.
    pub(super) directories: Vec<PathBuf>,
}

/// A quota: a limit on CPU time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    /// CPU seconds per second: 1.5 means one and a half CPUs. The smallest value of all levels.
    pub cpus: f64,
    /// The period of the quota, in seconds. A group that has spent it waits for the next period.
    pub period: f64,
    /// The version of the control groups that it comes from.
    pub version: u8,
    /// Every level that has a limit, the process's own group first.
    pub levels: Vec<QuotaLevel>,
}

/// One control group that limits CPU time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuotaLevel {
    /// Its directory.
    pub group: String,
    /// CPU seconds per second.
    pub cpus: f64,
    /// The period in seconds.
    pub period: f64,
    /// Whether it is the process's own group.
    pub leaf: bool,
    /// Whether it is the topmost group that can be seen.
    pub top: bool,
}

/// Finds the groups of a controller (`cpu`, `memory`, `pids`); `None` if the process is in none.
///
/// If both versions are mounted (hybrid), a version 1 line that names the controller wins over the
/// `0::` line: a controller is in one hierarchy only. The standard library decides in the same way.
pub(super) fn groups(root: &Root, controller: &str) -> Option<Groups> {
    let memberships = root.text("/proc/self/cgroup")?;
    let mut unified = None;
    for line in memberships.lines() {
        // `hierarchy:controllers:path`. The path itself may contain colons.
        let mut fields = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if controllers.split(',').any(|name| name == controller) {
            return locate(root, 1, controller, path);
        }
        if id == "0" && controllers.is_empty() {
            unified = Some(path);
        }
    }
    locate(root, 2, controller, unified?)
}

/// The directory of a group in `/proc/self/cgroup`, with those of all groups above it.
fn locate(root: &Root, version: u8, controller: &str, path: &str) -> Option<Groups> {
    let mounts = root.text("/proc/self/mountinfo")?;
    let candidates = mounts.lines().filter_map(|line| mount(line, version, controller));
    // In a namespace or a bind mount, the path is relative to another place than the mount shows.
    // The right mount is the one whose root fits the path best. If none fits, only the mount's own
    // top can be used.
    let (top, leaf) = candidates
        .map(|(mount_root, point)| match Path::new(path).strip_prefix(&mount_root) {
            // Collected from its components, because joining an empty path would leave a slash at
            // the end.
            Ok(below) => {
                (mount_root.len() + 1, point.clone(), point.join(below).components().collect())
            }
            Err(_) => (0, point.clone(), point),
        })
        .max_by_key(|(fit, ..)| *fit)
        .map(|(_, top, leaf)| (top, leaf))?;
    let has_parent_steps = path.split('/').any(|part| part == "..");
    let mut directory = if has_parent_steps { top.clone() } else { leaf };
    let mut directories = Vec::new();
    loop {
        // A path from outside the container may not exist inside it; its ancestors that exist still
        // count.
        if root.has(&directory) {
            directories.push(directory.clone());
        }
        if directory == top || !directory.pop() {
            break;
        }
    }
    (!directories.is_empty()).then_some(Groups { version, directories })
}

/// The group with every process of the machine, if this process can see it: it must be in the first
/// namespace, with the hierarchy of `controller` mounted from its root.
pub(super) fn whole_machine(root: &Root, version: u8, controller: &str) -> Option<PathBuf> {
    // The number that the kernel gives to the first control group namespace
    // (include/linux/proc_ns.h).
    let namespace = std::fs::read_link(root.resolve("/proc/self/ns/cgroup")).ok()?;
    let first = namespace.to_str() == Some("cgroup:[4026531835]");
    let mounts = root.text("/proc/self/mountinfo").filter(|_| first)?;
    let all = mounts.lines().filter_map(|line| mount(line, version, controller));
    all.filter(|(mount_root, _)| mount_root == "/").map(|(_, point)| point).next()
}

/// Root and mount point of a line of mountinfo (proc(5)), if it mounts this controller's hierarchy.
fn mount(line: &str, version: u8, controller: &str) -> Option<(String, PathBuf)> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(3);
    let (mount_root, point) = (fields.next()?, fields.next()?);
    let mut after = after.split(' ');
    let (kind, _source, options) = (after.next()?, after.next()?, after.next()?);
    let fits = match version {
        1 => kind == "cgroup" && options.split(',').any(|option| option == controller),
        _ => kind == "cgroup2",
    };
    fits.then(|| (unescape(mount_root), PathBuf::from(unescape(point))))
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    let mut plain = text.to_owned();
    for (code, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        plain = plain.replace(code, character);
    }
    plain
}

/// The CPU quota; `None` if no level has one.
pub(super) fn quota(root: &Root) -> Option<Quota> {
    let groups = groups(root, "cpu")?;
    let last = groups.directories.len() - 1;
    let levels: Vec<QuotaLevel> = (0..)
        .zip(&groups.directories)
        .filter_map(|(index, directory)| {
            let (cpus, period) = quota_of(root, groups.version, directory)?;
            let group = directory.display().to_string();
            Some(QuotaLevel { group, cpus, period, leaf: index == 0, top: index == last })
        })
        .collect();
    let smallest = levels.iter().min_by(|a, b| a.cpus.total_cmp(&b.cpus))?;
    let (cpus, period) = (smallest.cpus, smallest.period);
    Some(Quota { cpus, period, version: groups.version, levels })
}

/// Whether there may be a quota that cannot be seen: this process is in a group, but the group's
/// files cannot be read.
///
/// A kernel without control groups has no list of them, and no quota either. Without `/proc` nobody
/// can tell.
pub(super) fn is_quota_hidden(root: &Root) -> bool {
    match root.text("/proc/self/cgroup") {
        Some(_) => groups(root, "cpu").is_none(),
        None => !root.has("/proc/self/status"),
    }
}

/// CPUs and period in seconds of one group; `None` if it has no limit.
fn quota_of(root: &Root, version: u8, directory: &Path) -> Option<(f64, f64)> {
    if version == 2 {
        parse_cpu_max(&root.text(directory.join("cpu.max"))?)
    } else {
        let quota = root.text(directory.join("cpu.cfs_quota_us"))?;
        let period = root.text(directory.join("cpu.cfs_period_us"))?;
        parse_cpu_max(&format!("{quota} {period}"))
    }
}

/// Reads `150000 100000` as 1.5 CPUs in 0.1 s. `max 100000` and `-1 100000` are no limit.
pub(super) fn parse_cpu_max(text: &str) -> Option<(f64, f64)> {
    let mut numbers = text.split_whitespace();
    let quota: i64 = numbers.next()?.parse().ok()?;
    let period: i64 = numbers.next()?.parse().ok()?;
    (quota > 0 && period > 0).then(|| (quota as f64 / period as f64, period as f64 / 1e6))
}

/// The smallest memory limit in bytes; `None` if no level has one below the machine's memory.
pub(super) fn memory_limit(root: &Root, total: Option<u64>) -> Option<u64> {
    let groups = groups(root, "memory")?;
    let file = if groups.version == 2 { "memory.max" } else { "memory.limit_in_bytes" };
    let smallest = smallest(root, &groups, file)?;
    // Version 1 writes "no limit" as the largest number of pages in bytes.
    (smallest < total.unwrap_or(1 << 60)).then_some(smallest)
}

/// The smallest limit on processes and threads; `None` if no level has one.
pub(super) fn pids_limit(root: &Root) -> Option<u64> {
    smallest(root, &groups(root, "pids")?, "pids.max")
}

/// The smallest number that any level has in `file`; `max` is no limit.
fn smallest(root: &Root, groups: &Groups, file: &str) -> Option<u64> {
    groups.directories.iter().filter_map(|group| root.value(group.join(file))).min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quota_is_a_fraction_and_no_quota_is_none() {
        assert_eq!(parse_cpu_max("150000 100000\n"), Some((1.5, 0.1)));
        assert_eq!(parse_cpu_max("5000 10000"), Some((0.5, 0.01)));
        for none in ["max 100000", "-1 100000", "0 100000", "100000 0", "100000", "", "a b"] {
            assert_eq!(parse_cpu_max(none), None, "{none}");
        }
    }

    #[test]
    fn mountinfo_gives_root_and_point() {
        let line = "31 23 0:28 /docker/a\\040b /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup \
            cgroup rw,cpu,cpuacct";
        let found = mount(line, 1, "cpuacct").unwrap();
        assert_eq!(found, ("/docker/a b".to_owned(), PathBuf::from("/sys/fs/cgroup/cpu")));
        assert_eq!(mount(line, 1, "memory"), None);
        assert_eq!(mount(line, 2, "cpu"), None);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in "[ -~]{0,80}", version in 1_u8..=2) {
            _ = mount(&line, version, "cpu");
            _ = parse_cpu_max(&line);
        }
    }
}
