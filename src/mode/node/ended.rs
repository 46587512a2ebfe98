//! Reads what `srun` prints about tasks that have ended: which, where and how. Slurm keeps running
//! the other tasks, so nothing else shows that a node will never come.

use std::ops::RangeInclusive;

/// Tasks that have ended, as `srun` reports them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Their hosts, as `srun` writes them: `n2`, `n[2-3]`.
    pub(super) hosts: String,
    /// How they ended: `Killed`, `Exited with exit code 2`.
    pub(super) how: String,
    tasks: Vec<RangeInclusive<u32>>,
}

impl Ended {
    /// Reads a line such as `srun: error: n[2-3]: tasks 1-2: Killed`; `None` if it is another
    /// message.
    pub(super) fn told(line: &str) -> Option<Self> {
        let (hosts, rest) = line.strip_prefix("srun: error: ")?.split_once(": task")?;
        let (tasks, how) = rest.strip_prefix('s').unwrap_or(rest).split_once(": ")?;
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
        };
        let tasks = tasks.split(',').map(range).collect::<Option<_>>()?;
        Some(Self { hosts: hosts.to_owned(), how: how.trim().to_owned(), tasks })
    }

    /// Whether the task of this number is one of them.
    pub(super) fn has(&self, task: u32) -> bool {
        self.tasks.iter().any(|range| range.contains(&task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_understood_what_srun_says() {
        let one = Ended::told("srun: error: n2: task 1: Killed").expect("it says so");
        assert_eq!((one.hosts.as_str(), one.how.as_str()), ("n2", "Killed"));
        assert!(one.has(1) && !one.has(0) && !one.has(2));
        let some = "srun: error: n[1,3-4]: tasks 0,2-3: Exited with exit code 2";
        let some = Ended::told(some).expect("it says so");
        assert_eq!((some.hosts.as_str(), &some.how[..6]), ("n[1,3-4]", "Exited"));
        let tasks: Vec<u32> = (0..9).filter(|task| some.has(*task)).collect();
        assert_eq!(tasks, [0, 2, 3]);
        for other in [
            "srun: error: Unable to create step for job 7: Requested nodes are busy",
            "srun: cluster configuration lacks support for cpu binding",
            "srun: error: n2: task x: Killed",
            "slurmstepd: error: *** STEP 2.0 ON n1 CANCELLED ***",
        ] {
            assert_eq!(Ended::told(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics(line: String) {
            let _ = Ended::told(&line);
            let _ = Ended::told(&format!("srun: error: n: tasks {line}: Killed"));
        }
    }
}
