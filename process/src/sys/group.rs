//! Process groups.

use rustix::process::Pid;

/// Whether a process leads its group. A group that began outside a container has the number 0,
/// which the safe wrappers of `getpgid` do not expect.
pub(crate) fn leads_its_group(pid: Pid) -> bool {
    let pid = pid.as_raw_nonzero().get();
    // SAFETY: getpgid takes a number and gives one.
    unsafe { libc::getpgid(pid) == pid }
}
