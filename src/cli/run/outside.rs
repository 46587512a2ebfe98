//! `--with-pid` and `--with-cgroup`: processes that knee did not start but that do part of the
//! work.

use std::path::PathBuf;

use crate::cli::Failure;
use crate::machine::outside::{members, name_of};
use crate::plan::Outside;

/// The options.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Others {
    /// Count the CPU time and memory of this process, and of all that it starts, as part of the
    /// work: a database that already runs, for instance. Can be repeated
    #[arg(long, value_name = "PID", conflicts_with = "resume", help_heading = super::own::HEADING)]
    with_pid: Vec<u32>,
    /// The same for all processes of a control group, e.g.
    /// /sys/fs/cgroup/system.slice/postgresql.service
    #[arg(long, value_name = "PATH", conflicts_with = "resume", help_heading = super::own::HEADING)]
    with_cgroup: Vec<PathBuf>,
}

impl Others {
    /// The named processes and groups, after checking that each exists.
    pub(super) fn named(&self) -> Result<Outside, Failure> {
        let wrong = |option: String, what: &str| Failure::usage(format!("{option}: {what}"));
        let is_ours = |found: &[u32]| found.contains(&std::process::id());
        let mut names = Vec::new();
        for pid in &self.with_pid {
            let option = format!("--with-pid {pid}");
            let Some(name) = name_of(*pid) else {
                return Err(wrong(option, "no such process is there"));
            };
            let found = members(&[*pid], &[]).map_err(|what| wrong(option.clone(), &what))?;
            if is_ours(&found) {
                return Err(wrong(
                    option,
                    "knee itself runs in it; name the process that does part of the work",
                ));
            }
            names.push(format!("{name} (process {pid})"));
        }
        for group in &self.with_cgroup {
            let option = format!("--with-cgroup {}", group.display());
            let found = members(&[], std::slice::from_ref(group));
            let found = found.map_err(|_| {
                wrong(
                    option.clone(),
                    "this is not a control group; write its path below /sys/fs/cgroup",
                )
            })?;
            if is_ours(&found) {
                return Err(wrong(option, "knee itself is in it; start knee outside of it"));
            }
            names.push(format!("the control group {}", group.display()));
        }
        let (pids, groups) = (self.with_pid.clone(), self.with_cgroup.clone());
        Ok(Outside { pids, groups, names })
    }
}
