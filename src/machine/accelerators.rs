//! Accelerators: GPUs and similar devices that a driver names in its files. The devices themselves
//! are never asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Root;

/// A device that computes beside the CPUs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accelerator {
    /// The name that its driver gives it: `NVIDIA H200`. The driver's own name if the files say no
    /// more.
    pub name: String,
    /// The driver: `nvidia`, `amdgpu`.
    pub driver: String,
    /// The version of the driver, if known.
    pub version: Option<String>,
    /// Its address on the bus: `0000:3b:00.0`.
    pub bus: Option<String>,
    /// Its own memory in bytes, if the driver's files say so.
    pub memory: Option<u64>,
}

/// NVIDIA's driver has a folder for each device.
pub(super) const NVIDIA: &str = "/proc/driver/nvidia";
/// Graphics cards, including those that only draw.
pub(super) const CARDS: &str = "/sys/class/drm";
/// Accelerators that are not graphics cards.
const OTHERS: &str = "/sys/class/accel";

/// All accelerators, NVIDIA's first. Empty without a driver.
pub(super) fn read(root: &Root) -> Vec<Accelerator> {
    let mut found = nvidia(root);
    found.extend(cards(root));
    found.extend(others(root));
    found
}

fn nvidia(root: &Root) -> Vec<Accelerator> {
    // `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023`
    let version = root.text(format!("{NVIDIA}/version")).and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("NVRM version"))?;
        let is_version =
            |word: &&str| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit());
        line.split_ascii_whitespace().find(is_version).map(str::to_owned)
    });
    let of = |bus: &String| {
        let text = root.text(format!("{NVIDIA}/gpus/{bus}/information"))?;
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name))?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        Some(Accelerator {
            name: field("Model:").unwrap_or_else(|| "nvidia".to_owned()),
            driver: "nvidia".to_owned(),
            version: version.clone(),
            bus: Some(bus.clone()),
            memory: None,
        })
    };
    root.names(format!("{NVIDIA}/gpus")).iter().filter_map(of).collect()
}

/// Cards with memory of their own. Cards that only draw have none.
fn cards(root: &Root) -> Vec<Accelerator> {
    let is_card = |name: &String| {
        name.strip_prefix("card").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let of = |card: String| {
        let device = format!("{CARDS}/{card}/device");
        let memory = root
            .value(format!("{device}/mem_info_vram_total"))
            .or_else(|| root.value(format!("{CARDS}/{card}/lmem_total_bytes")))?;
        Some(Accelerator { memory: Some(memory), ..device_of(root, &device)? })
    };
    root.names(CARDS).into_iter().filter(is_card).filter_map(of).collect()
}

fn others(root: &Root) -> Vec<Accelerator> {
    let names = root.names(OTHERS).into_iter();
    names.filter_map(|name| device_of(root, &format!("{OTHERS}/{name}/device"))).collect()
}

/// What the file `uevent` says about a device.
fn device_of(root: &Root, device: &str) -> Option<Accelerator> {
    let text = root.text(format!("{device}/uevent"))?;
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    let driver = field("DRIVER")?;
    let name = root.text(format!("{device}/product_name"));
    Some(Accelerator {
        name: name.unwrap_or_else(|| driver.clone()),
        driver,
        version: None,
        bus: field("PCI_SLOT_NAME"),
        memory: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_name_their_devices() {
        use crate::machine::tests::{add, unpack};
        let tree = unpack(include_str!("fixtures/accelerators.capture"));
        // A capture cuts its lines at the first colon, and the names of these folders contain
        // colons.
        for bus in ["0000:19:00.0", "0000:3b:00.0"] {
            let file = format!("{NVIDIA}/gpus/{bus}/information");
            add(tree.path(), &file, "Model: \t\t NVIDIA H200");
            add(tree.path(), &file, "Bus Type: \t PCIe");
        }
        let found = read(&Root::captured(tree.path()));
        let named: Vec<(&str, &str)> =
            found.iter().map(|one| (one.name.as_str(), one.driver.as_str())).collect();
        assert_eq!(
            named,
            [
                ("NVIDIA H200", "nvidia"),
                ("NVIDIA H200", "nvidia"),
                ("AMD Instinct MI210", "amdgpu"),
                ("intel_vpu", "intel_vpu"),
            ]
        );
        assert_eq!(found[0].version.as_deref(), Some("570.86.15"));
        assert_eq!(found[1].bus.as_deref(), Some("0000:3b:00.0"));
        assert_eq!(found[2].memory, Some(68_702_699_520));
    }

    #[test]
    fn without_a_driver_there_is_none() {
        let tree = crate::machine::tests::unpack(include_str!("fixtures/smt-server.capture"));
        assert!(read(&Root::captured(tree.path())).is_empty());
    }
}
