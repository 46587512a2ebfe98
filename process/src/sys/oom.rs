//! How often the kernel has killed for lack of memory in our memory cgroup.

/// The `oom_kill` counter of the memory cgroup that this process is in, v2 or v1; `None` where there is none to read.
#[cfg(target_os = "linux")]
pub(crate) fn kills() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let file = match controllers {
            "" => format!("/sys/fs/cgroup{path}/memory.events"),
            "memory" => format!("/sys/fs/cgroup/memory{path}/memory.oom_control"),
            _ => return None,
        };
        let text = std::fs::read_to_string(file).ok()?;
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
        count.trim().parse().ok()
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn kills() -> Option<u64> {
    None
}
