//! What a reader must know about the machine before using a figure, each with what to do about it.

use std::path::{Path, PathBuf};

use super::{Cause, CpuSet, Disturbance, Machine};

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

impl Machine {
    /// What about this machine bends figures, whatever is measured on it.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut found = Vec::new();
        if cfg!(debug_assertions) {
            found.push(Warning::DebugBuild);
        }
        self.warn_of_frequency(&mut found);
        self.warn_of_cores(&mut found);
        self.warn_of_budget(&mut found);
        let known_fast = [
            "tsc",
            "kvm-clock",
            "arch_sys_counter",
            "hyperv_clocksource_tsc_page",
            "riscv_clocksource",
        ];
        if let Some(name) = self.clock_source.as_deref().filter(|name| !known_fast.contains(name)) {
            found.push(Warning::ClockSource(name.to_owned()));
        }
        found
    }

    fn warn_of_frequency(&self, found: &mut Vec<Warning>) {
        let frequency = &self.frequency;
        // Drivers that choose by themselves call their responsive mode `powersave` too; their preference tells.
        let responsive = frequency.preference.as_deref() == Some("performance");
        let slow = frequency.governors.iter().find(|name| *name != "performance");
        if let Some(name) = slow.filter(|_| !responsive) {
            found.push(Warning::Governor(name.clone()));
        }
        if frequency.boost == Some(true) {
            found.push(Warning::Boost);
        }
        if let (Some(limit), Some(max)) = (frequency.limit, frequency.max)
            && limit < max * 0.95
        {
            found.push(Warning::FrequencyLimit { limit, max });
        }
    }

    fn warn_of_cores(&self, found: &mut Vec<Warning>) {
        let topology = &self.topology;
        let all: CpuSet = topology.hardware_threads.iter().map(|thread| thread.cpu).collect();
        let shared = topology.siblings_within(self.budget.affinity.as_ref().unwrap_or(&all));
        if !shared.is_empty() {
            found.push(Warning::SmtShared(shared));
        }
        if topology.classes.len() > 1 {
            found.push(Warning::MixedCores);
        }
        if let Some(hypervisor) = self.virtualisation.clone().filter(|name| name != "none") {
            let shown = topology.cores.is_some();
            found.push(Warning::VirtualTopology { hypervisor, shown });
        }
    }

    fn warn_of_budget(&self, found: &mut Vec<Warning>) {
        let budget = &self.budget;
        let parallelism = budget.parallelism();
        if let (Some(quota), Some(parallelism)) = (&budget.quota, parallelism)
            && quota.cpus < f64::from(parallelism)
        {
            found.push(Warning::Quota { cpus: quota.cpus, parallelism });
        }
        if let (Some(allowed), Some(online)) = (&budget.affinity, budget.online)
            && allowed.len() < online as usize
        {
            found.push(Warning::Affinity { allowed: allowed.clone(), online });
        }
    }

    /// What of the planned workers may not fit, before any is started.
    ///
    /// `memory` is what one worker may need in bytes, `files` the files it keeps open in this process.
    pub fn plan_warnings(&self, workers: u64, memory: u64, files: u64) -> Vec<Warning> {
        /// Files and tasks that a process has open besides its workers' (as the shell's usual few dozen).
        const RESERVE: u64 = 64;
        let mut found = Vec::new();
        let limits = [self.memory.available, self.budget.memory_limit];
        let needed = workers.saturating_mul(memory);
        if let Some(available) = limits.into_iter().flatten().min().filter(|bytes| needed > *bytes)
        {
            found.push(Warning::Memory { needed, available });
        }
        let needed = workers.saturating_mul(files).saturating_add(RESERVE);
        if let Some(limit) = self.budget.files_limit.filter(|limit| needed > *limit) {
            found.push(Warning::Files { needed, limit });
        }
        let needed = workers.saturating_add(RESERVE);
        if let Some(limit) = self.budget.tasks_limit().filter(|limit| needed > *limit) {
            found.push(Warning::Tasks { needed, limit });
        }
        found
    }
}

/// What the disturbances of a run say about the machine; `None` for those that a sentence of their own tells.
pub fn of_disturbance(disturbance: &Disturbance) -> Option<Warning> {
    match disturbance.cause {
        Cause::Steal => Some(Warning::Oversubscribed(disturbance.amount)),
        Cause::Foreign => Some(Warning::ForeignLoad(disturbance.amount)),
        _ => None,
    }
}

/// Whether files in this directory are kept in memory.
pub fn of_directory(directory: &Path) -> Option<Warning> {
    in_memory(directory).then(|| Warning::Tmpfs(directory.to_owned()))
}

#[cfg(target_os = "linux")]
fn in_memory(directory: &Path) -> bool {
    /// `TMPFS_MAGIC` of statfs(2).
    const TMPFS: rustix::fs::FsWord = 0x0102_1994;
    rustix::fs::statfs(directory).is_ok_and(|stat| stat.f_type == TMPFS)
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_directory: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::*;

    fn codes(warnings: &[Warning]) -> Vec<&'static str> {
        let codes = warnings.iter().map(Warning::code);
        codes.filter(|code| *code != "debug-build").collect()
    }

    #[test]
    fn each_machine_has_its_own_traps() {
        assert_eq!(
            codes(&machine!("hybrid-laptop").warnings()),
            ["governor", "boost", "smt-shared", "mixed-cores"]
        );
        assert_eq!(
            codes(&machine!("smt-server").warnings()),
            ["governor", "boost", "smt-shared", "clock-source"]
        );
        assert_eq!(
            codes(&machine!("container-v2").warnings()),
            ["smt-shared", "virtual-topology", "quota", "affinity"]
        );
        assert_eq!(
            codes(&machine!("container-v1").warnings()),
            ["governor", "frequency-limit", "quota"]
        );
        assert_eq!(codes(&machine!("arm-board").warnings()), ["governor", "mixed-cores"]);
        assert_eq!(codes(&machine!("no-sys").warnings()), ["affinity"]);
        assert_eq!(codes(&machine!("hybrid-cgroup-vm").warnings()), ["virtual-topology"]);
        assert_eq!(codes(&Machine::default().warnings()), [""; 0]);
    }

    #[test]
    fn a_test_build_is_a_debug_build_exactly_when_it_is() {
        let found = Machine::default().warnings().contains(&Warning::DebugBuild);
        assert_eq!(found, cfg!(debug_assertions));
    }

    #[test]
    fn a_plan_that_does_not_fit_is_told_with_its_figures() {
        let pod = machine!("container-v2");
        assert_eq!(codes(&pod.plan_warnings(16, 64 << 20, 3)), [""; 0]);
        let warnings = pod.plan_warnings(2000, 2 << 20, 3000);
        assert_eq!(codes(&warnings), ["memory-limit", "file-limit", "task-limit"]);
        assert!(
            warnings[0].text().contains("4000 MiB of memory and 2048 MiB"),
            "{}",
            warnings[0].text()
        );
        assert!(warnings[2].text().contains("2064 processes"), "{}", warnings[2].text());
        assert_eq!(codes(&pod.plan_warnings(u64::MAX, u64::MAX, u64::MAX)).len(), 3);
        assert_eq!(Machine::default().plan_warnings(u64::MAX, 1, 1), []);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_directory_in_memory_is_known_as_one() {
        assert_eq!(of_directory(Path::new("/proc")), None);
        assert_eq!(of_directory(Path::new("/no/such/directory")), None);
        let shared_memory = Path::new("/dev/shm");
        if shared_memory.is_dir() {
            assert_eq!(of_directory(shared_memory).map(|warning| warning.code()), Some("tmpfs"));
        }
    }
}
