//! How often the kernel has killed for lack of memory in our memory cgroup.

/// The `oom_kill` counter of the memory cgroup that this process is in, v2 or v1; `None` where
/// there is none to read.
///
/// Every start of a process reads the counter, so the file is kept open once it was found.
#[cfg(target_os = "linux")]
pub(crate) fn kills() -> Option<u64> {
    use std::os::unix::fs::FileExt;
    use std::sync::OnceLock;
    static COUNTERS: OnceLock<std::fs::File> = OnceLock::new();
    let file = if let Some(file) = COUNTERS.get() {
        file
    } else {
        let found = counters()?;
        COUNTERS.get_or_init(|| found)
    };
    let mut bytes = [0; 1024];
    let length = file.read_at(&mut bytes, 0).ok()?;
    let text = std::str::from_utf8(&bytes[..length]).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// The file with the counters of our memory cgroup.
#[cfg(target_os = "linux")]
fn counters() -> Option<std::fs::File> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let file = match controllers {
            "" => format!("/sys/fs/cgroup{path}/memory.events"),
            "memory" => format!("/sys/fs/cgroup/memory{path}/memory.oom_control"),
            _ => return None,
        };
        // A file that cannot be opened is skipped, because the next hierarchy may have one.
        std::fs::File::open(file).ok()
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn kills() -> Option<u64> {
    None
}
