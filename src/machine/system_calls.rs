//! System calls: for facts about the live machine that files do not hold, and for changes to this
//! process.
//!
//! On systems other than Linux the questions have no answer (`None`) and changes are refused.
//! Nothing is guessed.

use std::io;

use super::CpuSet;

/// The limits of this process that matter for many workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Open files, soft.
    pub(super) files: Option<u64>,
    /// Open files, hard: the value to which the soft limit can be raised without privilege.
    pub(super) files_hard: Option<u64>,
    /// Processes and threads of this user.
    pub(super) processes: Option<u64>,
}

/// Host name, kernel release and architecture.
#[cfg(unix)]
pub(super) fn uname() -> [Option<String>; 3] {
    let name = rustix::system::uname();
    [name.nodename(), name.release(), name.machine()].map(|s| Some(s.to_string_lossy().into()))
}

/// Host name, kernel release and architecture.
#[cfg(not(unix))]
pub(super) fn uname() -> [Option<String>; 3] {
    [None, None, None]
}

/// The limits of this process.
#[cfg(target_os = "linux")]
pub(super) fn limits() -> Limits {
    use rustix::process::{Resource, getrlimit};
    let files = getrlimit(Resource::Nofile);
    let processes = getrlimit(Resource::Nproc);
    Limits { files: files.current, files_hard: files.maximum, processes: processes.current }
}

/// The limits of this process.
#[cfg(not(target_os = "linux"))]
pub(super) fn limits() -> Limits {
    Limits::default()
}

#[cfg(target_os = "linux")]
mod affinity {
    use std::io;
    use std::mem::size_of;

    use super::super::CpuSet;
    use super::super::cpu_set::MAX_CPU;

    /// The kernel's mask is an array of machine words.
    type Word = libc::c_ulong;
    const BITS: u32 = Word::BITS;

    /// The CPUs that thread `tid` may run on (0 = the calling thread).
    ///
    /// The mask grows until the kernel's mask fits. A fixed size would fail with EINVAL above 1024
    /// CPUs.
    pub(crate) fn affinity(tid: i32) -> io::Result<CpuSet> {
        let mut words: Vec<Word> = vec![0; 1024 / BITS as usize];
        loop {
            let bytes = words.len() * size_of::<Word>();
            // SAFETY: the pointer is to `bytes` writable bytes, aligned for machine words as the
            // kernel wants them.
            let result = unsafe { libc::sched_getaffinity(tid, bytes, words.as_mut_ptr().cast()) };
            if result == 0 {
                return Ok(decode(&words));
            }
            let error = io::Error::last_os_error();
            let full = words.len() * BITS as usize > MAX_CPU as usize;
            if error.raw_os_error() != Some(libc::EINVAL) || full {
                return Err(error);
            }
            words = vec![0; words.len() * 2];
        }
    }

    /// Restricts thread `tid` (0 = the calling thread) to `cpus`.
    pub(crate) fn set_affinity(tid: i32, cpus: &CpuSet) -> io::Result<()> {
        let words = encode(cpus);
        let bytes = words.len() * size_of::<Word>();
        // SAFETY: the pointer is to `bytes` readable bytes, aligned for machine words as the kernel
        // wants them.
        match unsafe { libc::sched_setaffinity(tid, bytes, words.as_ptr().cast()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn decode(words: &[Word]) -> CpuSet {
        let bits = (0..).zip(words).flat_map(|(index, word)| {
            (0..BITS).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index * BITS + bit)
        });
        bits.collect()
    }

    fn encode(cpus: &CpuSet) -> Vec<Word> {
        let last = cpus.iter().last().unwrap_or(0);
        let mut words = vec![0; (last / BITS) as usize + 1];
        for cpu in cpus.iter() {
            words[(cpu / BITS) as usize] |= 1 << (cpu % BITS);
        }
        words
    }

    #[test]
    fn a_mask_survives_its_words() {
        let cpus: CpuSet = "0,63-64,1023,5000".parse().unwrap();
        assert_eq!(decode(&encode(&cpus)), cpus);
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    use std::io;

    use super::super::CpuSet;

    pub(crate) fn affinity(_tid: i32) -> io::Result<CpuSet> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn set_affinity(_tid: i32, _cpus: &CpuSet) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The CPUs that thread `tid` may run on (0 = the calling thread).
pub(super) fn affinity(tid: i32) -> io::Result<CpuSet> {
    affinity::affinity(tid)
}

/// Restricts thread `tid` (0 = the calling thread) to `cpus`.
pub(super) fn set_affinity(tid: i32, cpus: &CpuSet) -> io::Result<()> {
    affinity::set_affinity(tid, cpus)
}

/// The name that the hypervisor gives itself in CPUID leaf 0x4000_0000, if there is one.
#[cfg(target_arch = "x86_64")]
pub(super) fn hypervisor_signature() -> Option<String> {
    let leaf = |number| raw_cpuid::native_cpuid::cpuid_count(number, 0);
    // Hypervisors announce themselves in bit 31 of ecx.
    if leaf(1).ecx >> 31 & 1 == 0 {
        return None;
    }
    let name = leaf(0x4000_0000);
    let bytes: Vec<u8> =
        [name.ebx, name.ecx, name.edx].iter().flat_map(|r| r.to_le_bytes()).collect();
    let name = String::from_utf8_lossy(&bytes);
    Some(name.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned())
}

/// The name that the hypervisor gives itself, if there is one.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn hypervisor_signature() -> Option<String> {
    None
}
