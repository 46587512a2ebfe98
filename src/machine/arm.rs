//! Names for the numbers that Arm's `/proc/cpuinfo` prints.
//!
//! The numbers come from the register MIDR_EL1: a byte for the implementer, and the part number
//! that it gave the core. Only cores of common servers and boards are listed. Any other core is
//! shown by its numbers; nothing is guessed.

/// Who designed the core: `0x41` is Arm.
pub(super) fn implementer(code: &str) -> Option<&'static str> {
    Some(match code {
        "0x41" => "Arm",
        "0x42" => "Broadcom",
        "0x43" => "Cavium",
        "0x46" => "Fujitsu",
        "0x48" => "HiSilicon",
        "0x4e" => "NVIDIA",
        "0x51" => "Qualcomm",
        "0x53" => "Samsung",
        "0x61" => "Apple",
        "0xc0" => "Ampere",
        _ => return None,
    })
}

/// The name of the core; its numbers if it is not listed.
pub(super) fn core(implementer_code: &str, part: &str) -> String {
    let name = match (implementer_code, part) {
        ("0x41", "0xc07") => "Cortex-A7",
        ("0x41", "0xc0f") => "Cortex-A15",
        ("0x41", "0xd03") => "Cortex-A53",
        ("0x41", "0xd04") => "Cortex-A35",
        ("0x41", "0xd05") => "Cortex-A55",
        ("0x41", "0xd07") => "Cortex-A57",
        ("0x41", "0xd08") => "Cortex-A72",
        ("0x41", "0xd09") => "Cortex-A73",
        ("0x41", "0xd0a") => "Cortex-A75",
        ("0x41", "0xd0b") => "Cortex-A76",
        ("0x41", "0xd0c") => "Neoverse-N1",
        ("0x41", "0xd0d") => "Cortex-A77",
        ("0x41", "0xd40") => "Neoverse-V1",
        ("0x41", "0xd41") => "Cortex-A78",
        ("0x41", "0xd44") => "Cortex-X1",
        ("0x41", "0xd46") => "Cortex-A510",
        ("0x41", "0xd47") => "Cortex-A710",
        ("0x41", "0xd48") => "Cortex-X2",
        ("0x41", "0xd49") => "Neoverse-N2",
        ("0x41", "0xd4f") => "Neoverse-V2",
        ("0x41", "0xd80") => "Cortex-A520",
        ("0x41", "0xd81") => "Cortex-A720",
        ("0x41", "0xd82") => "Cortex-X4",
        ("0x41", "0xd84") => "Neoverse-V3",
        ("0x41", "0xd8e") => "Neoverse-N3",
        ("0x46", "0x001") => "A64FX",
        ("0x48", "0xd01") => "Kunpeng 920",
        ("0xc0", "0xac3") => "AmpereOne",
        _ => {
            let maker = implementer(implementer_code).unwrap_or(implementer_code);
            return format!("{maker} core {part}");
        }
    };
    name.to_owned()
}
