//! Chooses the CPU to which a worker is pinned, and restricts a run to a smaller set of CPUs.

use std::io;

use super::{CpuSet, CpuSetError, Topology, system_calls};

/// The order in which workers get CPUs.
///
/// First comes one hardware thread of every physical core, with the fastest class of cores before
/// the slower ones. The second threads of the cores follow in the same order. With more workers
/// than CPUs the order repeats. Only CPUs in the inherited mask of this process are used: the
/// numbers in a cpuset have gaps, and a mask set by a launcher or container is a limit to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    cpus: Vec<u32>,
}

/// Why a worker or a run cannot be kept on the wanted CPUs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// The text is not a list of CPUs.
    #[error("{0}")]
    List(#[from] CpuSetError),
    /// The list is empty.
    #[error("no CPU is named: write for example 0-3,8")]
    Empty,
    /// A CPU is not among those that this process may use.
    #[error("CPU {missing} is not among those this process may use ({allowed})")]
    NotAllowed {
        /// The CPUs that are not allowed.
        missing: CpuSet,
        /// The CPUs that are allowed.
        allowed: CpuSet,
    },
    /// The mask of this process is not known, so no placement can be chosen.
    #[error("this system does not say which CPUs a process may use, so workers cannot be pinned")]
    Unknown(#[source] io::Error),
    /// The system refused.
    #[error("the system refused to keep this thread on CPU {cpus}")]
    Refused {
        /// The CPUs that were wanted.
        cpus: CpuSet,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The system reported success but did something else.
    #[error("this thread was to stay on CPU {asked} and is on {got}")]
    Ignored {
        /// The CPUs that were wanted.
        asked: CpuSet,
        /// The actual mask.
        got: CpuSet,
    },
}

impl Placement {
    /// The order for the CPUs of `allowed`, from what is known about the machine.
    ///
    /// # Errors
    ///
    /// [`PlacementError::Empty`] if no CPU is allowed.
    pub fn new(topology: &Topology, allowed: &CpuSet) -> Result<Self, PlacementError> {
        if allowed.is_empty() {
            return Err(PlacementError::Empty);
        }
        let mut seen_of_core = std::collections::BTreeMap::<u32, u32>::new();
        let mut order: Vec<(u32, u32, u32)> = allowed
            .iter()
            .map(|cpu| {
                let thread = topology.hardware_threads.iter().find(|thread| thread.cpu == cpu);
                // A CPU about which nothing is known counts as a core of its own.
                let sibling = thread.and_then(|thread| thread.core).map_or(0, |core| {
                    let seen = seen_of_core.entry(core).or_default();
                    *seen += 1;
                    *seen - 1
                });
                let class = thread.and_then(|thread| thread.class).unwrap_or(0);
                (sibling, class, cpu)
            })
            .collect();
        order.sort_unstable();
        Ok(Self { cpus: order.into_iter().map(|(_, _, cpu)| cpu).collect() })
    }

    /// The CPUs in the order in which workers get them.
    pub fn cpus(&self) -> &[u32] {
        &self.cpus
    }

    /// The CPU of a worker, counted from 0.
    pub fn cpu(&self, worker: usize) -> u32 {
        self.cpus[worker % self.cpus.len()]
    }
}

/// The CPUs that the calling thread may run on.
///
/// # Errors
///
/// [`PlacementError::Unknown`] if the system does not say.
pub fn allowed_cpus() -> Result<CpuSet, PlacementError> {
    system_calls::affinity(0).map_err(PlacementError::Unknown)
}

/// Reads the CPUs that a user names (`0,2-3`). All of them must be allowed.
///
/// # Errors
///
/// The text is not a list, is empty, or names a CPU outside of `allowed`.
pub fn parse_cpus(text: &str, allowed: &CpuSet) -> Result<CpuSet, PlacementError> {
    let cpus: CpuSet = text.parse()?;
    if cpus.is_empty() {
        return Err(PlacementError::Empty);
    }
    let missing = cpus.difference(allowed);
    if missing.is_empty() {
        Ok(cpus)
    } else {
        Err(PlacementError::NotAllowed { missing, allowed: allowed.clone() })
    }
}

/// Pins the calling thread to one CPU, and checks that it is pinned.
///
/// # Errors
///
/// The system refuses, or reports success but does something else. Without this check, some
/// containers would put all workers on one core.
pub fn pin_current_thread(cpu: u32) -> Result<(), PlacementError> {
    restrict_thread(0, &std::iter::once(cpu).collect())
}

/// Restricts the whole process, and every process that it starts later, to `cpus`.
///
/// All existing threads are restricted. Call this before workers start, so that none escapes.
///
/// # Errors
///
/// As [`pin_current_thread`].
pub fn restrict_process(cpus: &CpuSet) -> Result<(), PlacementError> {
    restrict_thread(0, cpus)?;
    // A thread inherits the mask of its starter, so the other threads must be restricted too.
    // Threads that end meanwhile do not matter.
    for entry in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        if let Some(tid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) {
            match restrict_thread(tid, cpus) {
                Err(PlacementError::Refused { source, .. })
                    if source.raw_os_error() == Some(NO_SUCH_THREAD) => {}
                other => other?,
            }
        }
    }
    Ok(())
}

/// The error code `ESRCH`.
const NO_SUCH_THREAD: i32 = 3;

fn restrict_thread(tid: i32, cpus: &CpuSet) -> Result<(), PlacementError> {
    let refused = |source| PlacementError::Refused { cpus: cpus.clone(), source };
    system_calls::set_affinity(tid, cpus).map_err(refused)?;
    let got = system_calls::affinity(tid).map_err(refused)?;
    if got == *cpus { Ok(()) } else { Err(PlacementError::Ignored { asked: cpus.clone(), got }) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::*;

    fn order(topology: &Topology, allowed: &str) -> Vec<u32> {
        Placement::new(topology, &allowed.parse().unwrap()).unwrap().cpus().to_vec()
    }

    #[test]
    fn performance_cores_come_first_and_siblings_last() {
        let laptop = machine!("hybrid-laptop").topology;
        let expected: Vec<u32> =
            [0, 2, 4, 6].into_iter().chain(8..16).chain([1, 3, 5, 7]).collect();
        assert_eq!(order(&laptop, "0-15"), expected);
    }

    #[test]
    fn both_sockets_come_before_any_sibling() {
        let server = machine!("smt-server").topology;
        assert_eq!(order(&server, "0-31"), (0..32).collect::<Vec<_>>());
    }

    #[test]
    fn only_the_inherited_mask_is_used_whatever_its_numbers() {
        let laptop = machine!("hybrid-laptop").topology;
        assert_eq!(order(&laptop, "3,8-9,6-7"), [3, 6, 8, 9, 7]);
        let board = machine!("arm-board").topology;
        assert_eq!(order(&board, "0-7"), [4, 5, 6, 7, 0, 1, 2, 3]);
        assert_eq!(order(&Topology::default(), "9-11"), [9, 10, 11]);
    }

    #[test]
    fn more_workers_than_cpus_begin_anew() {
        let placement = Placement::new(&Topology::default(), &"9-11".parse().unwrap()).unwrap();
        assert_eq!(
            (0..5).map(|worker| placement.cpu(worker)).collect::<Vec<_>>(),
            [9, 10, 11, 9, 10]
        );
        assert!(Placement::new(&Topology::default(), &CpuSet::default()).is_err());
    }

    #[test]
    fn a_list_is_checked_against_the_mask() {
        let allowed: CpuSet = "4-11".parse().unwrap();
        assert_eq!(parse_cpus("4, 6-7", &allowed).unwrap().to_string(), "4,6-7");
        for (text, message) in [
            ("0,4", "CPU 0 is not among those this process may use (4-11)"),
            ("", "no CPU is named"),
            ("x", "`x` is neither"),
            ("7-5", "ends before"),
        ] {
            let error = parse_cpus(text, &allowed).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pinned_thread_is_on_its_cpu_and_nowhere_else() {
        let last = allowed_cpus().unwrap().iter().last().unwrap();
        let thread = std::thread::spawn(move || {
            pin_current_thread(last).unwrap();
            (allowed_cpus().unwrap(), rustix::thread::sched_getcpu())
        });
        let (mask, on) = thread.join().unwrap();
        assert_eq!(mask.to_string(), last.to_string());
        assert_eq!(on, last as usize);
        // A CPU that does not exist is refused, not ignored.
        let refused = std::thread::spawn(|| pin_current_thread(super::super::MAX_CPU));
        assert!(matches!(refused.join().unwrap(), Err(PlacementError::Refused { .. })));
    }
}
