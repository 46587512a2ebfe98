//! The CPU budget: how much of the machine this process may use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::runtimes::RuntimeCount;
use super::topology::Topology;
use super::{CpuSet, Quota, Root, cgroup, runtimes, system_calls};

/// How much of the machine this process may use, and which counts other programs would choose.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// CPUs online.
    pub online: Option<u32>,
    /// The CPUs that this process may run on: its inherited mask, including a cpuset.
    pub affinity: Option<CpuSet>,
    /// The CPUs that the kernel keeps free of ordinary work (`isolcpus`).
    pub isolated: Option<CpuSet>,
    /// The limit on CPU time; `None` if there is none, or none can be seen.
    pub quota: Option<Quota>,
    /// Whether the control groups are hidden from this process. A limit would then go unnoticed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quota_hidden: bool,
    /// The memory limit of the control groups, in bytes. `None` if there is none below the
    /// machine's memory.
    pub memory_limit: Option<u64>,
    /// The limit of the control groups on processes and threads together.
    pub pids_limit: Option<u64>,
    /// The limit on processes and threads of this user (root is exempt).
    pub processes_limit: Option<u64>,
    /// The limit on processes and threads of the whole machine.
    pub threads_max: Option<u64>,
    /// The limit on open files of one process.
    pub files_limit: Option<u64>,
    /// The value to which that limit can be raised without privilege.
    pub files_hard_limit: Option<u64>,
    /// What common runtimes take as the "number of CPUs" here.
    pub runtimes: Vec<RuntimeCount>,
}

impl Budget {
    /// Reads the budget below a root.
    pub(super) fn read(root: &Root, topology: &Topology, memory: Option<u64>) -> Self {
        let limits = if root.is_live() { system_calls::limits() } else { captured_limits(root) };
        let mut budget = Self {
            online: topology.threads,
            affinity: affinity(root),
            isolated: root
                .value::<CpuSet>("/sys/devices/system/cpu/isolated")
                .filter(|cpus| !cpus.is_empty()),
            quota: cgroup::quota(root),
            quota_hidden: cfg!(target_os = "linux") && cgroup::is_quota_hidden(root),
            memory_limit: cgroup::memory_limit(root, memory),
            pids_limit: cgroup::pids_limit(root),
            processes_limit: limits.processes,
            threads_max: root.value("/proc/sys/kernel/threads-max"),
            files_limit: limits.files,
            files_hard_limit: limits.files_hard,
            runtimes: Vec::new(),
        };
        budget.runtimes = runtimes::counts(&budget);
        budget
    }

    /// How many CPUs this process may run on at once: those of its mask, or else those online.
    pub fn parallelism(&self) -> Option<u32> {
        self.affinity.as_ref().map(|cpus| cpus.len() as u32).or(self.online)
    }

    /// Usable CPUs, in CPU seconds per second: the smaller of mask and quota, as a fraction.
    ///
    /// If nothing is known it is 1, because the caller itself runs on a CPU.
    pub fn usable(&self) -> f64 {
        let parallelism = f64::from(self.parallelism().unwrap_or(1).max(1));
        self.quota.as_ref().map_or(parallelism, |quota| quota.cpus.min(parallelism))
    }

    /// The most processes and threads that can be started, by the lowest known limit.
    pub fn tasks_limit(&self) -> Option<u64> {
        [self.pids_limit, self.processes_limit, self.threads_max].into_iter().flatten().min()
    }
}

/// The mask: from the kernel on the live machine, from `/proc/self/status` in a captured tree.
fn affinity(root: &Root) -> Option<CpuSet> {
    let asked = root.is_live().then(|| system_calls::affinity(0).ok()).flatten();
    asked.or_else(|| {
        let status = root.text("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        line.trim().parse().ok().filter(|cpus: &CpuSet| !cpus.is_empty())
    })
}

/// The limits, as `/proc/self/limits` lists them.
fn captured_limits(root: &Root) -> system_calls::Limits {
    let text = root.text("/proc/self/limits").unwrap_or_default();
    let numbers = |name: &str| -> [Option<u64>; 2] {
        let rest = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let mut words = rest.split_whitespace();
        [words.next(), words.next()].map(|word| word?.parse().ok())
    };
    let [files, files_hard] = numbers("Max open files");
    let [processes, _] = numbers("Max processes");
    system_calls::Limits { files, files_hard, processes }
}
