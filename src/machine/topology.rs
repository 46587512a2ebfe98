//! The hardware threads, and how they are grouped into cores, sockets and NUMA nodes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cpuinfo::CpuInfo;
use super::{CpuSet, Root};

/// One hardware thread, which the kernel calls a CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HardwareThread {
    /// Its number, as in `taskset`.
    pub cpu: u32,
    /// The physical core it belongs to, named by the smallest CPU number of that core.
    pub core: Option<u32>,
    /// The socket (physical package).
    pub socket: Option<u32>,
    /// The NUMA node.
    pub node: Option<u32>,
    /// Index of its class in [`Topology::classes`]; `None` if all cores are alike.
    pub class: Option<u32>,
}

/// A group of cores with the same speed, which differs from that of other groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CoreClass {
    /// `performance`, `middle` (on machines with three or more), `efficiency`.
    pub name: String,
    /// Its hardware threads.
    pub cpus: CpuSet,
    /// The number of physical cores.
    pub cores: Option<u32>,
    /// The kernel's capacity of one of them; the fastest core has 1024.
    pub capacity: Option<u32>,
    /// Highest frequency in Hz.
    pub max_frequency: Option<f64>,
}

/// One NUMA node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumaNode {
    /// Its number.
    pub node: u32,
    /// Its hardware threads; empty for memory without CPUs.
    pub cpus: CpuSet,
    /// Its memory in bytes.
    pub memory: Option<u64>,
}

/// The hardware threads that are online and how they belong together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Topology {
    /// Sockets with an online CPU.
    pub sockets: Option<u32>,
    /// Physical cores with an online CPU.
    pub cores: Option<u32>,
    /// Hardware threads online.
    pub threads: Option<u32>,
    /// Whether any core runs more than one hardware thread.
    pub smt: Option<bool>,
    /// The classes of cores, fastest first; empty if all cores are alike.
    pub classes: Vec<CoreClass>,
    /// The NUMA nodes; empty if the kernel does not say.
    pub nodes: Vec<NumaNode>,
    /// Every hardware thread that is online, ascending; empty if nothing is known.
    pub hardware_threads: Vec<HardwareThread>,
}

impl Topology {
    /// Reads the topology below a root: from sysfs, or from `/proc/cpuinfo` if sysfs says nothing.
    pub(super) fn read(root: &Root, cpuinfo: &CpuInfo) -> Self {
        let online = online(root, cpuinfo).unwrap_or_default();
        let nodes = nodes(root);
        let mut threads: Vec<HardwareThread> =
            online.iter().map(|cpu| thread(root, cpuinfo, &nodes, cpu)).collect();
        let cores = count(threads.iter().map(|thread| thread.core));
        let classes = super::classes::read(root, &threads);
        for thread in &mut threads {
            thread.class =
                (0..).zip(&classes).find(|(_, c)| c.cpus.contains(thread.cpu)).map(|(i, _)| i);
        }
        Self {
            sockets: count(threads.iter().map(|thread| thread.socket)),
            cores,
            threads: (!threads.is_empty()).then_some(threads.len() as u32),
            smt: cores.map(|cores| (cores as usize) < threads.len()),
            classes,
            nodes,
            hardware_threads: threads,
        }
    }

    /// The hardware threads that share a core with another one of `cpus`.
    pub fn siblings_within(&self, cpus: &CpuSet) -> CpuSet {
        let mut per_core: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for thread in self.hardware_threads.iter().filter(|thread| cpus.contains(thread.cpu)) {
            if let Some(core) = thread.core {
                per_core.entry(core).or_default().push(thread.cpu);
            }
        }
        per_core.into_values().filter(|cpus| cpus.len() > 1).flatten().collect()
    }

    /// The number of physical cores that `cpus` belong to; `None` if cores are not known.
    pub fn cores_within(&self, cpus: &CpuSet) -> Option<u32> {
        let within = self.hardware_threads.iter().filter(|thread| cpus.contains(thread.cpu));
        count(within.map(|thread| thread.core))
    }
}

/// The CPUs that are online; `None` if neither sysfs nor `/proc/cpuinfo` nor `/proc/stat` can be
/// read.
fn online(root: &Root, cpuinfo: &CpuInfo) -> Option<CpuSet> {
    root.value("/sys/devices/system/cpu/online")
        .or_else(|| cpuinfo.cpus())
        .or_else(|| from_stat(&root.text("/proc/stat")?))
        .filter(|cpus: &CpuSet| !cpus.is_empty())
}

/// The CPUs for which `/proc/stat` has a line.
fn from_stat(stat: &str) -> Option<CpuSet> {
    let names = stat.lines().filter_map(|line| line.split_whitespace().next());
    let cpus: CpuSet = names.filter_map(|name| name.strip_prefix("cpu")?.parse().ok()).collect();
    (!cpus.is_empty()).then_some(cpus)
}

/// What is known about one hardware thread, except its class.
fn thread(root: &Root, cpuinfo: &CpuInfo, nodes: &[NumaNode], cpu: u32) -> HardwareThread {
    let topology = format!("/sys/devices/system/cpu/cpu{cpu}/topology");
    // `core_cpus_list` is the newer name of `thread_siblings_list`.
    let siblings = root
        .value::<CpuSet>(format!("{topology}/core_cpus_list"))
        .or_else(|| root.value(format!("{topology}/thread_siblings_list")));
    let described = cpuinfo.place(cpu);
    HardwareThread {
        cpu,
        core: siblings.and_then(|set| set.first()).or_else(|| described.map(|place| place.core)),
        // Arm systems without packages in their tables say -1. That is no u32 and hence unknown.
        socket: root
            .value(format!("{topology}/physical_package_id"))
            .or_else(|| described.map(|place| place.socket)),
        node: nodes.iter().find(|node| node.cpus.contains(cpu)).map(|node| node.node),
        class: None,
    }
}

/// The NUMA nodes in ascending order.
fn nodes(root: &Root) -> Vec<NumaNode> {
    let directory = "/sys/devices/system/node";
    let numbers = root.names(directory).into_iter();
    let mut numbers: Vec<u32> =
        numbers.filter_map(|name| name.strip_prefix("node")?.parse().ok()).collect();
    numbers.sort_unstable();
    let read = |node| NumaNode {
        node,
        cpus: root.value(format!("{directory}/node{node}/cpulist")).unwrap_or_default(),
        memory: root.text(format!("{directory}/node{node}/meminfo")).and_then(|text| {
            let line = text.lines().find(|line| line.contains("MemTotal:"))?;
            super::memory::kibibytes(line.split("MemTotal:").nth(1)?)
        }),
    };
    numbers.into_iter().map(read).collect()
}

/// The number of different values; `None` if one is missing or there are none.
fn count(values: impl Iterator<Item = Option<u32>>) -> Option<u32> {
    let known: Option<std::collections::BTreeSet<u32>> = values.collect();
    known.map(|set| set.len() as u32).filter(|count| *count > 0)
}
