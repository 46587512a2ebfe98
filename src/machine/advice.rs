//! Which warnings a machine and a plan call for.

use super::{CpuSet, Machine, Warning};

impl Machine {
    /// What distorts figures on this machine, whatever is measured.
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
        // Drivers that choose the frequency themselves call their responsive mode `powersave` too.
        // Their energy preference shows which one it is.
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
        if budget.quota_hidden {
            found.push(Warning::QuotaHidden);
        }
        if let (Some(allowed), Some(online)) = (&budget.affinity, budget.online)
            && allowed.len() < online as usize
        {
            found.push(Warning::Affinity { allowed: allowed.clone(), online });
        }
    }

    /// Warns of planned workers that may not fit, before any is started.
    ///
    /// `memory` is what one worker may need, in bytes. `files` are the files that it keeps open in
    /// this process.
    pub fn plan_warnings(&self, workers: u64, memory: u64, files: u64) -> Vec<Warning> {
        /// Files and tasks that a process has open besides those of its workers, such as the few
        /// dozen of a shell.
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
        assert_eq!(codes(&machine!("no-sys").warnings()), ["quota-hidden", "affinity"]);
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
}
