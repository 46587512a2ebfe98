//! Asks sysinfo for what the files of Linux do not say. sysinfo also knows other systems.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::{Machine, runtimes};

/// Fills in what is still unknown about the live machine.
pub(super) fn fill(machine: &mut Machine) {
    let known = machine.memory.total.is_some()
        && machine.cpu_model.is_some()
        && machine.topology.cores.is_some()
        && machine.budget.parallelism().is_some();
    if !known {
        fill_hardware(machine);
    }
    machine.hostname = machine.hostname.take().or_else(System::host_name);
    machine.kernel = machine.kernel.take().or_else(System::kernel_version);
    machine.os = machine.os.take().or_else(System::long_os_version);
    machine.architecture = machine.architecture.take().or_else(|| Some(System::cpu_arch()));
}

fn fill_hardware(machine: &mut Machine) {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram().with_swap());
    let system = System::new_with_specifics(wanted);
    let positive = |bytes: u64| Some(bytes).filter(|bytes| *bytes > 0);
    let memory = &mut machine.memory;
    memory.total = memory.total.or_else(|| positive(system.total_memory()));
    memory.available = memory.available.or_else(|| positive(system.available_memory()));
    memory.swap = memory.swap.or_else(|| positive(system.total_swap()));

    let named = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if let Some(cpu) = system.cpus().first() {
        machine.cpu_model = machine.cpu_model.take().or_else(|| named(cpu.brand()));
        machine.cpu_vendor = machine.cpu_vendor.take().or_else(|| named(cpu.vendor_id()));
    }
    let topology = &mut machine.topology;
    let threads = Some(system.cpus().len() as u32).filter(|count| *count > 0);
    topology.threads = topology.threads.or(threads);
    topology.cores = topology.cores.or_else(|| System::physical_core_count().map(|n| n as u32));
    topology.smt = topology.smt.or(topology.threads.zip(topology.cores).map(|(t, c)| c < t));

    machine.budget.online = machine.budget.online.or(topology.threads);
    if machine.budget.parallelism().is_none() {
        // The standard library asks the system if neither files nor the affinity call answer. If
        // there is a mask, it would return the size of that mask, which is not the number of CPUs
        // online.
        let parallelism = std::thread::available_parallelism().ok();
        machine.budget.online = parallelism.map(|count| count.get() as u32);
    }
    machine.budget.runtimes = runtimes::counts(&machine.budget);
}
