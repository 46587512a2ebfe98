//! Processes outside of knee whose usage belongs to the work, such as a running database. They are
//! named by their ids or by a control group.

use std::fs;
use std::path::{Path, PathBuf};

use super::descendants;

/// Where control groups are found.
const GROUPS: &str = "/sys/fs/cgroup";
/// The file of a control group that lists its processes.
const PROCESSES: &str = "cgroup.procs";

/// The living processes among these, those of the groups and of groups within them, and everything
/// that any of them has started. Each process appears once.
///
/// # Errors
/// Names a process or group that is gone.
pub fn members(pids: &[u32], groups: &[PathBuf]) -> Result<Vec<u32>, String> {
    let mut found = Vec::new();
    for pid in pids {
        if name_of(*pid).is_none() {
            return Err(format!("process {pid} has ended"));
        }
        found.push(*pid);
    }
    for group in groups {
        let group = place(group);
        if !group.join(PROCESSES).exists() {
            return Err(format!("the control group {} is gone", group.display()));
        }
        collect(&group, &mut found);
    }
    found.extend(descendants(&found));
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The name of a living process.
pub fn name_of(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end_matches('\n').to_owned())
}

/// The directory of a control group, named by its whole path or by its path below the place where
/// groups are found.
fn place(group: &Path) -> PathBuf {
    if group.join(PROCESSES).exists() {
        return group.to_owned();
    }
    let below = group.strip_prefix("/").unwrap_or(group);
    Path::new(GROUPS).join(below)
}

fn collect(group: &Path, found: &mut Vec<u32>) {
    let text = fs::read_to_string(group.join(PROCESSES)).unwrap_or_default();
    found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    let below = fs::read_dir(group).into_iter().flatten().flatten();
    for child in below.filter(|one| one.file_type().is_ok_and(|kind| kind.is_dir())) {
        collect(&child.path(), found);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_is_found_and_an_ended_one_is_named() {
        let own = std::process::id();
        assert!(members(&[own], &[]).unwrap().contains(&own));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let gone = members(&[child.id()], &[]).unwrap_err();
        assert!(gone.contains(&child.id().to_string()), "{gone}");
    }

    #[test]
    fn groups_are_read_with_those_within_them() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(root.path().join(PROCESSES), "1\n").unwrap();
        fs::write(inner.join(PROCESSES), format!("{}\nno number\n", std::process::id())).unwrap();
        let found = members(&[], &[root.path().to_owned()]).unwrap();
        assert!(found.contains(&1) && found.contains(&std::process::id()), "{found:?}");
        assert!(members(&[], &[PathBuf::from("/no/such/group")]).is_err());
    }
}
