//! Warnings about the machine that a reader must know before using a figure, each with a remedy.

use super::{BURN_LIMIT, Cause, CpuSet};
use crate::units::plural;

/// A condition of the machine or the run that distorts figures.
///
/// Each has a stable [code](Warning::code) for programs, a [text](Warning::text) that describes the
/// condition, and a [remedy](Warning::remedy) that says what to do. knee advises and never changes
/// a system setting.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The governor is not `performance`.
    Governor(String),
    /// Frequencies above the nominal one are allowed. They depend on how many cores are busy and
    /// how warm they are.
    Boost,
    /// A setting keeps the cores below the speed of the hardware.
    FrequencyLimit {
        /// The allowed frequency, Hz.
        limit: f64,
        /// The frequency that the hardware can do, Hz.
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
        /// The CPUs that are allowed.
        allowed: CpuSet,
        /// The number of CPUs online.
        online: u32,
    },
    /// The control groups cannot be seen, so a quota would go unnoticed.
    QuotaHidden,
    /// The hypervisor gives CPU time to other machines: this share.
    Oversubscribed(f64),
    /// Other programs use the CPUs: this share.
    ForeignLoad(f64),
    /// Others held a core for part of the time.
    HeldCore {
        /// How much it gave.
        core: WeakCore,
        /// Whether a host below this machine may have taken it.
        virtual_machine: bool,
    },
    /// A core was ours but slower than its best.
    SlowCore {
        /// How much it gave.
        core: WeakCore,
        /// Whether a host below this machine may have slowed it.
        virtual_machine: bool,
    },
    /// The clock of the cores differed between rounds of the same cell: by this share.
    ClockVaried(f64),
    /// Another cause disturbed some rounds.
    Rounds {
        /// The cause.
        cause: Cause,
        /// The number of rounds.
        rounds: usize,
    },
    /// This is a debug build.
    DebugBuild,
    /// knee was started by `nice`, so other programs come first.
    Nice(i32),
    /// Another run of knee measures at the same time.
    OtherRun,
    /// A virtual machine, which may present cores that do not match the hardware.
    VirtualTopology {
        /// The hypervisor.
        hypervisor: String,
        /// Whether cores and sockets are shown at all.
        shown: bool,
    },
    /// Memory may not suffice for the planned workers.
    Memory {
        /// Bytes that the workers may need.
        needed: u64,
        /// Bytes that are available.
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

/// A core that gave less than its best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeakCore {
    /// Its CPU number.
    pub cpu: u32,
    /// In how many burn controls it was low.
    pub low: usize,
    /// How many burn controls there were.
    pub controls: usize,
    /// The smallest share of its best that it gave.
    pub worst: f64,
}

impl WeakCore {
    /// The figures in words: `less than 90 % of its best in 3 of 8 burn controls, 60 % at worst`.
    fn text(&self) -> String {
        let Self { low, controls, worst, .. } = self;
        // Rounded down: a value below the limit must not look as if it reached it.
        let (limit, worst) = (BURN_LIMIT * 100.0, (worst * 100.0).floor());
        format!(
            "less than {limit:.0} % of its best in {low} of {controls} burn controls, {worst:.0} % \
             at worst"
        )
    }
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
            Self::QuotaHidden => "quota-hidden",
            Self::Oversubscribed(_) => Cause::Steal.code(),
            Self::ForeignLoad(_) => Cause::Foreign.code(),
            Self::HeldCore { .. } => "held-core",
            Self::SlowCore { .. } => "slow-core",
            Self::ClockVaried(_) => "clock-varied",
            Self::Rounds { cause, .. } => cause.code(),
            Self::DebugBuild => "debug-build",
            Self::Nice(_) => "nice",
            Self::OtherRun => "other-run",
            Self::VirtualTopology { .. } => "virtual-topology",
            Self::Memory { .. } => "memory-limit",
            Self::Files { .. } => "file-limit",
            Self::Tasks { .. } => "task-limit",
            Self::ClockSource(_) => "clock-source",
        }
    }

    /// The condition in words.
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
                "a quota gives {cpus} CPU seconds per second while {parallelism} CPUs may run at \
                 once: more workers spend it sooner and then wait"
            ),
            Self::Affinity { allowed, online } => {
                let noun = if allowed.len() == 1 { "CPU" } else { "CPUs" };
                format!("only {} of {online} CPUs may be used ({noun} {allowed})", allowed.len())
            }
            Self::QuotaHidden => {
                "the control groups cannot be seen here, so a CPU quota would stay unnoticed".into()
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
            Self::HeldCore { core, .. } => {
                format!("others held CPU {}: it gave {}", core.cpu, core.text())
            }
            Self::SlowCore { core, .. } => {
                format!("CPU {} was slower than it can be: it gave {}", core.cpu, core.text())
            }
            Self::ClockVaried(share) => format!(
                "the cores' clock differed by {:.0} % between rounds of the same cell",
                share * 100.0
            ),
            Self::Rounds { cause, rounds } => {
                let rounds = plural(*rounds as u64, "round", "rounds");
                format!("in {rounds} {}", cause.text())
            }
            Self::DebugBuild => "this is a debug build: figures are many times too low".into(),
            Self::Nice(value) => {
                format!("knee runs at nice {value}: whatever else runs takes the CPUs first")
            }
            Self::OtherRun => {
                "another run of knee is in progress, and each disturbs the other".into()
            }
            Self::VirtualTopology { hypervisor, shown: true } => format!(
                "this is a virtual machine ({hypervisor}): its cores may be hardware threads of \
                 the host"
            ),
            Self::VirtualTopology { hypervisor, shown: false } => format!(
                "this is a virtual machine ({hypervisor}) that does not show which CPUs share a \
                 core"
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
                    "the planned workers need {needed} processes or threads and the limit is \
                     {limit}"
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
                "set the governor to `performance` while measuring (cpupower frequency-set -g \
                 performance)"
            }
            Self::Boost => {
                "keep it on to know this machine as it is used; turn it off to compare worker \
                 counts fairly"
            }
            Self::FrequencyLimit { .. } => {
                "raise scaling_max_freq, or leave a power-saving profile, while measuring"
            }
            Self::SmtShared(_) => {
                "use --pin to fill physical cores first, and expect the knee near their number"
            }
            Self::MixedCores => "use --pin, or --cpus to measure one kind of core alone",
            Self::Quota { .. } => {
                "expect the optimum near the quota; raise it (cpu.max, --cpus of the container) if \
                 that is too few"
            }
            Self::Affinity { .. } => {
                "nothing, if that is intended; else start knee without taskset or with a larger \
                 cpuset"
            }
            Self::QuotaHidden => "mount /sys/fs/cgroup and /proc, read-only will do",
            Self::Oversubscribed(_) => Cause::Steal.remedy(),
            Self::ForeignLoad(_) => Cause::Foreign.remedy(),
            Self::HeldCore { virtual_machine: false, .. } => {
                "stop the other programs, or leave this CPU out with --cpus"
            }
            Self::HeldCore { virtual_machine: true, .. } => {
                "stop the other programs; if there are none, the host took it: measure at another \
                 time or on a host of your own"
            }
            Self::SlowCore { virtual_machine: false, .. } => {
                "let it cool, and fix the clock while measuring (governor `performance`, boost off)"
            }
            Self::SlowCore { virtual_machine: true, .. } => {
                "the host took or slowed it: measure at another time or on a host of your own; \
                 until then trust ratios more than the figures themselves"
            }
            Self::ClockVaried(_) => {
                "fix the clock while measuring (governor `performance`, boost off); until then \
                 trust ratios more than the figures themselves"
            }
            Self::Rounds { cause, .. } => cause.remedy(),
            Self::DebugBuild => "build with --release",
            Self::Nice(_) => "start it without nice, or stop what else runs",
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
