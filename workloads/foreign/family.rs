//! The living descendants of a process, as far as the system tells.

/// The ids of a process and of all processes that it has started, directly or indirectly.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let lists: Vec<String> = tasks
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
            .collect();
        let children = lists.iter().flat_map(|list| list.split_ascii_whitespace());
        let children: Vec<u32> = children.filter_map(|pid| pid.parse().ok()).collect();
        all.extend(children);
        next += 1;
    }
    all
}
