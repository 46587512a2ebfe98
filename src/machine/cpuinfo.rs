//! `/proc/cpuinfo`: the name of the CPU, and the topology if sysfs is absent.

use std::collections::{BTreeMap, BTreeSet};

use super::{CpuSet, Root};

/// The place of a CPU according to `/proc/cpuinfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The smallest CPU number of its core.
    pub(super) core: u32,
    /// The socket.
    pub(super) socket: u32,
}

/// `/proc/cpuinfo`, one map of fields per CPU.
#[derive(Debug, Default)]
pub(super) struct CpuInfo {
    processors: BTreeMap<u32, BTreeMap<String, String>>,
    /// Fields outside of any CPU's paragraph (Arm's `Hardware`, s390's summary).
    general: BTreeMap<String, String>,
    places: BTreeMap<u32, Place>,
}

impl CpuInfo {
    /// Reads the file; empty if it cannot be read.
    pub(super) fn read(root: &Root) -> Self {
        Self::parse(&root.text("/proc/cpuinfo").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut info = Self::default();
        for paragraph in text.split("\n\n") {
            let fields: BTreeMap<String, String> = paragraph
                .lines()
                .filter_map(|line| line.split_once(':'))
                .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
                .collect();
            match fields.get("processor").and_then(|number| number.parse().ok()) {
                Some(cpu) => _ = info.processors.insert(cpu, fields),
                None => info.general.extend(fields),
            }
        }
        info.places = info.find_places();
        info
    }

    /// The CPUs it describes.
    pub(super) fn cpus(&self) -> Option<CpuSet> {
        (!self.processors.is_empty()).then(|| self.processors.keys().copied().collect())
    }

    /// The place of a CPU, if its paragraph gives one.
    pub(super) fn place(&self, cpu: u32) -> Option<Place> {
        self.places.get(&cpu).copied()
    }

    fn find_places(&self) -> BTreeMap<u32, Place> {
        let mut first_of_core: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        let mut places = BTreeMap::new();
        for (&cpu, fields) in &self.processors {
            let number = |key: &str| fields.get(key).and_then(|value| value.parse().ok());
            if let (Some(socket), Some(core)) = (number("physical id"), number("core id")) {
                let core = *first_of_core.entry((socket, core)).or_insert(cpu);
                places.insert(cpu, Place { core, socket });
            }
        }
        places
    }

    /// The flags of the first CPU; `None` if the architecture has no such line.
    pub(super) fn flags(&self) -> Option<BTreeSet<&str>> {
        let fields = self.processors.values().next()?;
        Some(fields.get("flags")?.split_whitespace().collect())
    }

    /// The maker of the CPU.
    pub(super) fn vendor(&self) -> Option<String> {
        let raw = self.values("vendor_id").or_else(|| self.values("CPU implementer"))?;
        let names: BTreeSet<&str> = raw
            .iter()
            .map(|vendor| match vendor.as_str() {
                "GenuineIntel" => "Intel",
                "AuthenticAMD" => "AMD",
                "HygonGenuine" => "Hygon",
                "CentaurHauls" => "VIA",
                other => super::arm::implementer(other).unwrap_or(other),
            })
            .collect();
        Some(names.into_iter().collect::<Vec<_>>().join(" + "))
    }

    /// The name of the CPU.
    pub(super) fn model(&self) -> Option<String> {
        // x86 and LoongArch; old Arm; MIPS; POWER; RISC-V. The first key that exists gives the
        // name.
        let keys = ["model name", "Model Name", "Processor", "cpu model", "cpu", "uarch"];
        let named = keys.iter().find_map(|key| self.values(key));
        let names = named.or_else(|| self.arm_parts())?;
        Some(names.into_iter().collect::<Vec<_>>().join(" + "))
    }

    /// Arm's kernels print numbers instead of a name.
    fn arm_parts(&self) -> Option<BTreeSet<String>> {
        let part = |fields: &BTreeMap<String, String>| {
            Some(super::arm::core(fields.get("CPU implementer")?, fields.get("CPU part")?))
        };
        let names: BTreeSet<String> = self.processors.values().filter_map(part).collect();
        (!names.is_empty()).then_some(names)
    }

    /// The different values of a field over all CPUs, without empty ones.
    fn values(&self, key: &str) -> Option<BTreeSet<String>> {
        let all = self.processors.values().chain([&self.general]);
        let values: BTreeSet<String> = all
            .filter_map(|fields| fields.get(key))
            .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|value| !value.is_empty())
            .collect();
        (!values.is_empty()).then_some(values)
    }
}
