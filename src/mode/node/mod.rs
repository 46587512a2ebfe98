#![doc = include_str!("README.md")]

mod agent;
mod build;
mod cluster;
mod connect;
mod crew;
mod ended;
mod fleet;
mod gather;
mod launch;
mod launcher;
mod message;
mod offset;
#[cfg(test)]
mod overhead;
mod peer;
#[cfg(test)]
mod relayed;
#[cfg(test)]
mod scale;
mod secret;
#[cfg(test)]
mod tests;
mod wire;

use crate::machine::Machine;

pub use agent::serve;
pub use cluster::{Cluster, Node};
pub use connect::{NoWay, Way};
pub use crew::NodeRound;
pub use launch::LaunchError;
pub use launcher::{Allocation, KNOWN, Known, Launcher, Wanted, allocation};
pub use message::Hello;
pub use secret::{SECRET, Secret};
pub use wire::WireError;

/// The hash of a file; `None` if it cannot be read.
pub fn file_hash(path: &std::path::Path) -> Option<String> {
    build::hash_of(path).ok()
}

impl Hello {
    /// Introduces this process as a node, with the name and number that its launcher gives it.
    ///
    /// # Errors
    /// Its own program cannot be read.
    pub fn of(name: Option<String>, rank: Option<u32>, machine: &Machine) -> std::io::Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let name = name.or_else(|| variable("SLURMD_NODENAME"));
        let name = name.or_else(|| machine.hostname.clone()).unwrap_or_else(|| "node".to_owned());
        let ranks = [
            "SLURM_PROCID",
            "OMPI_COMM_WORLD_RANK",
            "PMIX_RANK",
            "PMI_RANK",
            "JOB_COMPLETION_INDEX",
        ];
        let rank = rank.or_else(|| ranks.into_iter().find_map(|rank| variable(rank)?.parse().ok()));
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Ok(Self {
            crew: message::VERSION,
            knee: env!("CARGO_PKG_VERSION").to_owned(),
            build: build::own_build()?,
            name: name.chars().filter(|one| !one.is_control()).take(100).collect(),
            rank,
            boot: boot.map(|text| text.trim().to_owned()).unwrap_or_default(),
            machine: machine.clone(),
        })
    }
}
