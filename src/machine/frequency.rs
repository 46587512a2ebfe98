//! The settings of the cores' frequency: governor, driver, boost and limits.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Root;
use super::topology::HardwareThread;

/// The settings of the cores' frequency. Most virtual machines know none of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frequency {
    /// The governors in use (`performance`, `powersave`, `schedutil`), sorted. Most machines have
    /// one.
    pub governors: Vec<String>,
    /// The driver (`intel_pstate`, `amd-pstate-epp`, `acpi-cpufreq`, `cpufreq-dt`).
    pub driver: Option<String>,
    /// The energy preference, for drivers that choose the frequency themselves
    /// (`balance_performance`).
    pub preference: Option<String>,
    /// Whether frequencies above the nominal one are allowed (turbo, core performance boost).
    pub boost: Option<bool>,
    /// Lowest frequency of any core, Hz.
    pub min: Option<f64>,
    /// Highest frequency that the hardware of any core allows, Hz.
    pub max: Option<f64>,
    /// Highest frequency that the present settings allow, Hz.
    pub limit: Option<f64>,
}

impl Frequency {
    /// Reads the settings below a root.
    pub(super) fn read(root: &Root, threads: &[HardwareThread]) -> Self {
        let cpus: Vec<String> = threads
            .iter()
            .map(|thread| format!("/sys/devices/system/cpu/cpu{}/cpufreq", thread.cpu))
            .collect();
        let texts = |name: &str| -> BTreeSet<String> {
            cpus.iter().filter_map(|cpu| root.text(format!("{cpu}/{name}"))).collect()
        };
        let joined = |name: &str| {
            let all = texts(name).into_iter().collect::<Vec<_>>().join(" + ");
            (!all.is_empty()).then_some(all)
        };
        // The kernel gives kHz.
        let hertz = |name: &str| -> Vec<f64> {
            let khz = cpus.iter().filter_map(|cpu| root.value::<f64>(format!("{cpu}/{name}")));
            khz.map(|khz| khz * 1e3).filter(|hz| hz.is_finite() && *hz > 0.0).collect()
        };
        Self {
            governors: texts("scaling_governor").into_iter().collect(),
            driver: joined("scaling_driver"),
            preference: joined("energy_performance_preference"),
            boost: boost(root),
            min: hertz("cpuinfo_min_freq").into_iter().min_by(f64::total_cmp),
            max: hertz("cpuinfo_max_freq").into_iter().max_by(f64::total_cmp),
            limit: hertz("scaling_max_freq").into_iter().max_by(f64::total_cmp),
        }
    }
}

/// acpi-cpufreq and amd-pstate have `boost`; intel_pstate has its opposite.
fn boost(root: &Root) -> Option<bool> {
    let flag = |file: &str| match root.text(file)?.as_str() {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    };
    flag("/sys/devices/system/cpu/cpufreq/boost")
        .or_else(|| flag("/sys/devices/system/cpu/intel_pstate/no_turbo").map(|none| !none))
}
