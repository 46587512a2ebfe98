//! What a reader must know about the machine before using a figure, each with what to do about it.

use std::path::PathBuf;

use super::CpuSet;

/// Something about the machine or the run that bends figures.
///
/// Each has a stable [code](Warning::code) for programs, a [text](Warning::text) that says what is so, and a
/// [remedy](Warning::remedy) that says what to do. knee advises and never changes a system setting.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The governor is not `performance`.
    Governor(String),
    /// Frequencies above the nominal one are allowed, and depend on how many cores work and how warm they are.
    Boost,
    /// A setting keeps the cores below what they can do.
    FrequencyLimit {
        /// What is allowed, Hz.
        limit: f64,
        /// What the hardware can do, Hz.
        max: f64,
    },
    /// Two allowed hardware threads share a core.
    SmtShared(CpuSet),
    /// The cores are not alike.
    MixedCores,
    /// A quota limits CPU seconds.
    Quota {
        /// CPU seconds per second.
        cpus: f64,
        /// How many CPUs may run at once.
        parallelism: u32,
    },
    /// The mask leaves CPUs out.
    Affinity {
        /// What is allowed.
        allowed: CpuSet,
        /// How many are online.
        online: u32,
    },
    /// Files are written to memory.
    Tmpfs(PathBuf),
    /// Reads come from memory, not from the device.
    PageCache,
    /// The hypervisor gives CPU time to others.
    Oversubscribed(f64),
    /// Others use the CPUs.
    ForeignLoad(f64),
    /// This is a debug build.
    DebugBuild,
    /// Another run of knee measures at the same time.
    OtherRun,
    /// A virtual machine, which may show its own idea of cores.
    VirtualTopology {
        /// The hypervisor.
        hypervisor: String,
        /// Whether cores and sockets are shown at all.
        shown: bool,
    },
    /// Memory may not suffice for the planned workers.
    Memory {
        /// What the workers may need, bytes.
        needed: u64,
        /// What there is, bytes.
        available: u64,
    },
    /// Open files may not suffice for the planned workers.
    Files {
        /// What the workers need.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// Processes may not suffice for the planned workers.
    Tasks {
        /// What the workers need.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// The clock is read slowly.
    ClockSource(String),
}

impl Warning {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Governor(_) => "governor",
            Self::Boost => "boost",
            Self::FrequencyLimit { .. } => "frequency-limit",
            Self::SmtShared(_) => "smt-shared",
            Self::MixedCores => "mixed-cores",
            Self::Quota { .. } => "quota",
            Self::Affinity { .. } => "affinity",
            Self::Tmpfs(_) => "tmpfs",
            Self::PageCache => "page-cache",
            Self::Oversubscribed(_) => "oversubscribed-host",
            Self::ForeignLoad(_) => "foreign-load",
            Self::DebugBuild => "debug-build",
            Self::OtherRun => "other-run",
            Self::VirtualTopology { .. } => "virtual-topology",
            Self::Memory { .. } => "memory-limit",
            Self::Files { .. } => "file-limit",
            Self::Tasks { .. } => "task-limit",
            Self::ClockSource(_) => "clock-source",
        }
    }

    /// What is so.
    pub fn text(&self) -> String {
        match self {
            Self::Governor(name) => {
                format!("the frequency governor is `{name}`: cores speed up only after some load")
            }
            Self::Boost => {
                "boost is on: few busy cores run faster than many, so speed-ups come out too small"
                    .into()
            }
            Self::FrequencyLimit { limit, max } => {
                format!(
                    "the cores are held to {:.1} of {:.1} GHz by a setting",
                    limit / 1e9,
                    max / 1e9
                )
            }
            Self::SmtShared(cpus) => format!(
                "CPUs {cpus} share physical cores: two of a core give far less than two cores"
            ),
            Self::MixedCores => {
                "the cores are of different speed: throughput depends on where workers run".into()
            }
            Self::Quota { cpus, parallelism } => format!(
                "a quota gives {cpus} CPU seconds per second while {parallelism} CPUs may run at once: more workers spend it \
                 sooner and then wait"
            ),
            Self::Affinity { allowed, online } => {
                format!("only {} of {online} CPUs may be used ({allowed})", allowed.len())
            }
            Self::Tmpfs(path) => {
                format!("{} is kept in memory: file workloads measure memory there", path.display())
            }
            Self::PageCache => {
                "file reads are served from the page cache, not from the device".into()
            }
            Self::Oversubscribed(share) => {
                format!(
                    "the hypervisor gave {:.1} % of the CPU time to other machines",
                    share * 100.0
                )
            }
            Self::ForeignLoad(share) => {
                format!("other processes used {:.1} % of the CPUs", share * 100.0)
            }
            Self::DebugBuild => "this is a debug build: figures are many times too low".into(),
            Self::OtherRun => {
                "another run of knee is in progress: the two measure each other".into()
            }
            Self::VirtualTopology { hypervisor, shown: true } => format!(
                "this is a virtual machine ({hypervisor}): its cores may be hardware threads of the host"
            ),
            Self::VirtualTopology { hypervisor, shown: false } => format!(
                "this is a virtual machine ({hypervisor}) that does not show which CPUs share a core"
            ),
            Self::Memory { needed, available } => format!(
                "the planned workers may need {} MiB of memory and {} MiB are available",
                needed >> 20,
                available >> 20
            ),
            Self::Files { needed, limit } => {
                format!("the planned workers need {needed} open files and the limit is {limit}")
            }
            Self::Tasks { needed, limit } => {
                format!(
                    "the planned workers need {needed} processes or threads and the limit is {limit}"
                )
            }
            Self::ClockSource(name) => {
                format!(
                    "the kernel's clock source is `{name}`: reading the time is a slow system call"
                )
            }
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Governor(_) => {
                "set the governor to `performance` while measuring (cpupower frequency-set -g performance)"
            }
            Self::Boost => {
                "keep it on to know this machine as it is used; turn it off to compare worker counts fairly"
            }
            Self::FrequencyLimit { .. } => {
                "raise scaling_max_freq, or leave a power-saving profile, while measuring"
            }
            Self::SmtShared(_) => {
                "use --pin to fill physical cores first, and expect the knee near their number"
            }
            Self::MixedCores => "use --pin, or --cpus to measure one kind of core alone",
            Self::Quota { .. } => {
                "expect the optimum near the quota; raise it (cpu.max, --cpus of the container) if that is too few"
            }
            Self::Affinity { .. } => {
                "nothing, if that is intended; else start knee without taskset or with a larger cpuset"
            }
            Self::Tmpfs(_) => "give --dir on a file system with a device behind it",
            Self::PageCache => {
                "use data larger than memory, or direct IO, where the device is meant"
            }
            Self::Oversubscribed(_) => {
                "measure at another time or on a host of your own; compare ratios, not absolute figures"
            }
            Self::ForeignLoad(_) => {
                "stop the other programs, or keep to CPUs they do not use with --cpus"
            }
            Self::DebugBuild => "build with --release",
            Self::OtherRun => "wait for it to end and repeat",
            Self::VirtualTopology { .. } => {
                "ask the provider, or trust the measured curve over the number of CPUs"
            }
            Self::Memory { .. } => "plan fewer workers, give --max-memory, or raise the limit",
            Self::Files { .. } => "raise it (ulimit -n) or plan fewer workers",
            Self::Tasks { .. } => "raise it (ulimit -u, pids.max) or plan fewer workers",
            Self::ClockSource(_) => {
                "keep tasks longer than a millisecond; check why the kernel gave up `tsc` (dmesg)"
            }
        }
    }
}
