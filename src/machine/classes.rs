//! Performance and efficiency cores: three ways in which the kernel shows them.

use std::collections::BTreeSet;

use super::topology::{CoreClass, HardwareThread};
use super::{CpuSet, Root};

/// A core belongs to a class if it reaches this share of the class's fastest core.
///
/// Favoured cores ("turbo 3.0") of one kind differ by up to 6 % in frequency and capacity. The
/// efficiency cores of today's hybrids differ by 24 % and more (Alder Lake 3.8 against 5.0 GHz, Zen
/// 5c 3.3 against 5.1, Cortex-A55 against A76).
const SAME_CLASS: f64 = 0.85;

/// The classes of cores, fastest first; empty if all are alike or nothing is known.
pub(super) fn read(root: &Root, threads: &[HardwareThread]) -> Vec<CoreClass> {
    let groups = by_perf_unit(root, threads)
        .or_else(|| by_value(threads, |cpu| capacity(root, cpu).map(f64::from)))
        .or_else(|| by_value(threads, |cpu| max_frequency(root, cpu)));
    let Some(groups) = groups else { return Vec::new() };
    let last = groups.len() - 1;
    let class = |(index, cpus): (usize, CpuSet)| CoreClass {
        name: match index {
            0 => "performance",
            index if index == last => "efficiency",
            _ => "middle",
        }
        .to_owned(),
        cores: cores(threads, &cpus),
        capacity: cpus.iter().filter_map(|cpu| capacity(root, cpu)).max(),
        max_frequency: cpus
            .iter()
            .filter_map(|cpu| max_frequency(root, cpu))
            .max_by(f64::total_cmp),
        cpus,
    };
    groups.into_iter().enumerate().map(class).collect()
}

/// Intel's hybrids have one performance-monitoring unit for each kind of core. Each lists its CPUs.
fn by_perf_unit(root: &Root, threads: &[HardwareThread]) -> Option<Vec<CpuSet>> {
    let online: CpuSet = threads.iter().map(|thread| thread.cpu).collect();
    let units = ["cpu_core", "cpu_atom", "cpu_lowpower"].into_iter();
    let groups: Vec<CpuSet> = units
        .filter_map(|unit| root.value::<CpuSet>(format!("/sys/devices/{unit}/cpus")))
        .map(|cpus| cpus.intersection(&online))
        .filter(|cpus| !cpus.is_empty())
        .collect();
    (groups.len() > 1).then_some(groups)
}

/// Groups CPUs by a measure of speed; `None` if a CPU has none or all are alike.
fn by_value(threads: &[HardwareThread], value: impl Fn(u32) -> Option<f64>) -> Option<Vec<CpuSet>> {
    let mut speeds: Vec<(f64, u32)> = threads
        .iter()
        .map(|thread| value(thread.cpu).map(|speed| (speed, thread.cpu)))
        .collect::<Option<_>>()?;
    speeds.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut groups: Vec<(f64, Vec<u32>)> = Vec::new();
    for (speed, cpu) in speeds {
        match groups.last_mut() {
            Some((fastest, cpus)) if speed >= *fastest * SAME_CLASS => cpus.push(cpu),
            _ => groups.push((speed, vec![cpu])),
        }
    }
    let groups: Vec<CpuSet> =
        groups.into_iter().map(|(_, cpus)| cpus.into_iter().collect()).collect();
    (groups.len() > 1).then_some(groups)
}

fn capacity(root: &Root, cpu: u32) -> Option<u32> {
    root.value(format!("/sys/devices/system/cpu/cpu{cpu}/cpu_capacity"))
}

/// The highest frequency in Hz; the kernel gives kHz.
fn max_frequency(root: &Root, cpu: u32) -> Option<f64> {
    let file = format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq");
    root.value::<f64>(file).map(|khz| khz * 1e3).filter(|hz| *hz > 0.0)
}

/// The number of physical cores that these CPUs belong to.
fn cores(threads: &[HardwareThread], cpus: &CpuSet) -> Option<u32> {
    let members = threads.iter().filter(|thread| cpus.contains(thread.cpu));
    let cores: Option<BTreeSet<u32>> = members.map(|thread| thread.core).collect();
    cores.map(|cores| cores.len() as u32)
}
