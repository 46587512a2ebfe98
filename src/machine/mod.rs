#![doc = include_str!("README.md")]

mod accelerators;
mod advice;
mod arm;
mod budget;
mod burn;
mod cache;
mod cgroup;
mod classes;
mod cpu_set;
mod cpuinfo;
mod describe;
mod disturbance;
mod fallback;
mod frequency;
mod gpu;
mod host;
mod ledger;
#[cfg(test)]
mod ledger_tests;
mod listeners;
mod memory;
pub mod neighbour;
mod others;
pub mod outside;
mod own_cpu;
#[cfg(unix)]
mod pauses;
pub mod placement;
mod root;
mod runtimes;
mod system_calls;
#[cfg(test)]
mod tests;
mod topology;
mod warning;
mod watch;

#[cfg(unix)]
pub(crate) use self::pauses::stood_still;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::accelerators::Accelerator;
pub use self::budget::Budget;
pub use self::burn::{BURN_LIMIT, BURN_TIME, Burn, BurnReport, CoreBurn};
pub use self::cache::Cache;
pub use self::cgroup::{Quota, QuotaLevel};
pub use self::cpu_set::{CpuSet, CpuSetError, MAX_CPU};
pub use self::describe::Fact;
pub use self::disturbance::{
    CLOCK_JUMP_MARK, Cause, Disturbance, FOREIGN_REPEAT, MEMORY_PRESSURE_REPEAT, STEAL_MARK,
    STEAL_REPEAT, SUSPENDED_REPEAT, Severity,
};
pub use self::frequency::Frequency;
pub use self::gpu::GpuUse;
pub use self::ledger::Ledger;
pub use self::listeners::{is_this_machine, listeners};
pub use self::memory::Memory;
pub use self::others::{Busiest, Others};
pub use self::own_cpu::{cpu_time_of, descendants, process_cpu_time, reaped_by};
pub use self::placement::{Placement, PlacementError};
pub use self::root::Root;
pub use self::runtimes::{RuntimeCount, WHY_THEY_DIFFER};
pub use self::topology::{CoreClass, HardwareThread, NumaNode, Topology};
pub use self::warning::{Warning, WeakCore};
pub use self::watch::{Snapshot, Watch};

/// What a machine is and what it allows. What is not known is absent (`None` or empty), never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The name it gives itself.
    pub hostname: Option<String>,
    /// The operating system: `Debian GNU/Linux 12 (bookworm)`.
    pub os: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// `x86_64`, `aarch64`.
    pub architecture: Option<String>,
    /// The board or product, where firmware names it.
    pub board: Option<String>,
    /// The hypervisor below it (`kvm`, `vmware`), or `none` on bare metal.
    pub virtualisation: Option<String>,
    /// What contains this process: `docker`, `podman`, `kubernetes`, `lxc`.
    pub container: Option<String>,
    /// What the kernel counts time with.
    pub clock_source: Option<String>,
    /// What the CPU is called.
    pub cpu_model: Option<String>,
    /// Who made it.
    pub cpu_vendor: Option<String>,
    /// Sockets, cores, hardware threads, NUMA nodes and classes of cores.
    pub topology: Topology,
    /// The caches, nearest first.
    pub caches: Vec<Cache>,
    /// The rules of the cores' frequency.
    pub frequency: Frequency,
    /// The memory.
    pub memory: Memory,
    /// How much of all that this process may use.
    pub budget: Budget,
    /// Devices that compute beside the CPUs, as far as their drivers name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accelerators: Vec<Accelerator>,
}

impl Machine {
    /// Reads everything that can be known below a root. It never fails: what cannot be read is
    /// absent.
    pub fn read(root: &Root) -> Self {
        let cpuinfo = cpuinfo::CpuInfo::read(root);
        let topology = Topology::read(root, &cpuinfo);
        let memory = Memory::read(root);
        let [hostname, kernel, architecture] = host::names(root);
        let mut machine = Self {
            hostname,
            os: host::os(root),
            kernel,
            architecture,
            board: host::board(root),
            virtualisation: host::virtualisation(root, &cpuinfo),
            container: host::container(root),
            clock_source: host::clock_source(root),
            cpu_model: cpuinfo.model(),
            cpu_vendor: cpuinfo.vendor(),
            caches: cache::read(root, &topology.hardware_threads),
            frequency: Frequency::read(root, &topology.hardware_threads),
            budget: Budget::read(root, &topology, memory.total),
            topology,
            memory,
            accelerators: accelerators::read(root),
        };
        if root.is_live() {
            fallback::fill(&mut machine);
        }
        machine
    }
}
