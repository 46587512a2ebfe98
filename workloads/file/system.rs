//! Which file system a directory is on, and whether it is memory in disguise.

use std::io;

use crate::Note;

/// A file system by its name.
pub(super) struct System {
    name: String,
    /// Whether it never reaches a disk.
    pub(super) is_memory: bool,
}

/// Magic numbers and names. Source: statfs(2) and `linux/magic.h`.
const KNOWN: &[(u32, &str, bool)] = &[
    (0x0102_1994, "tmpfs", true),
    (0x8584_58F6, "ramfs", true),
    (0x794C_7630, "overlayfs", false),
    (0x0000_EF53, "ext4", false),
    (0x9123_683E, "btrfs", false),
    (0x5846_5342, "xfs", false),
    (0x2FC1_2FC1, "zfs", false),
    (0xF2F5_2010, "f2fs", false),
    (0xCA45_1A4E, "bcachefs", false),
    (0x0000_6969, "nfs", false),
    (0xFF53_4D42, "cifs", false),
    (0xFE53_4D42, "smb2", false),
    (0x6573_5546, "fuse", false),
    (0x0102_1997, "9p", false),
    (0x0BD0_0BD0, "lustre", false),
    (0x00C3_6400, "ceph", false),
    (0x0000_4D44, "vfat", false),
    (0x2011_BAB0, "exfat", false),
];

/// The file system of `directory`.
pub(super) fn of(directory: &str) -> io::Result<System> {
    // The field's width and sign differ between architectures; the magic numbers have 32 bits.
    let magic = rustix::fs::statfs(directory)?.f_type as u32;
    Ok(named(magic))
}

fn named(magic: u32) -> System {
    match KNOWN.iter().find(|(known, _, _)| *known == magic) {
        Some((_, name, is_memory)) => System { name: (*name).to_owned(), is_memory: *is_memory },
        None => System { name: format!("file system {magic:#x}"), is_memory: false },
    }
}

impl System {
    pub(super) fn note(&self, directory: &str) -> Note {
        if self.is_memory {
            return Note {
                warning: true,
                text: format!("{directory} is {}: memory, not a disk", self.name),
                remedy: "choose a directory on a disk with dir=PATH".to_owned(),
            };
        }
        Note {
            warning: false,
            text: format!("{directory} is {}", self.name),
            remedy: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_warned_of_and_disks_are_named() {
        let note = named(0x0102_1994).note("/dev/shm");
        assert!(note.warning && note.text.contains("tmpfs") && note.remedy.contains("dir="));
        assert!(!named(0xEF53).note(".").warning);
        assert!(named(0x1234_5678).note(".").text.contains("0x12345678"));
    }

    #[test]
    fn shared_memory_is_tmpfs() {
        if let Ok(system) = of("/dev/shm") {
            assert!(system.is_memory, "{}", system.name);
        }
        assert!(of("/nonexistent").is_err());
    }
}
