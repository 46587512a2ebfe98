//! `knee node`: this host as a node of a run elsewhere. Launchers call it, people do not.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread;

use super::{Camp, Failure, Output, exit};
use crate::machine::{Machine, Root};
use crate::mode::node::{Hello, Secret, Way, serve};
use crate::plan::Registry;

/// Act as a node of a run that was started on another host.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The addresses of the run
    #[arg(long, value_name = "ADDRESS,..", value_delimiter = ',', required = true)]
    connect: Vec<SocketAddr>,
    /// The name of this node
    #[arg(long)]
    name: Option<String>,
    /// The number of this node
    #[arg(long)]
    rank: Option<u32>,
}

pub(super) fn node(args: &Args, registry: Registry, output: Output) -> Result<u8, Failure> {
    // Before anything is started that could inherit the secret.
    let (secret, by_input) = Secret::taken().map_err(Failure::usage)?;
    let camp = Arc::new(Camp::pitch(output)?);
    if by_input {
        // The end of the input says that the launcher is gone.
        let camp = Arc::clone(&camp);
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            while input.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
            camp.leave(exit::OK);
        });
    }
    let machine = Machine::read(&Root::live());
    let hello = Hello::of(args.name.clone(), args.rank, &machine).map_err(|error| {
        Failure::new(exit::FAILED, format!("knee itself cannot be read: {error}"))
    })?;
    let way = Way::find(&addresses(&args.connect), &secret, &hello)
        .map_err(|error| Failure::new(exit::FAILED, format!("node {}: {error}", args.called())))?;
    let site = camp.site(registry, &machine, Vec::new());
    let last = {
        let camp = Arc::clone(&camp);
        move || camp.leave(exit::OK)
    };
    serve(way, site, machine, last);
    // Launchers end all nodes if one of them fails, so every orderly end counts as a success.
    camp.leave(exit::OK)
}

impl Args {
    fn called(&self) -> &str {
        self.name.as_deref().unwrap_or("of this host")
    }
}

/// The addresses given, and the one that Slurm itself knows.
fn addresses(told: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut all = told.to_vec();
    let known = std::env::var("SLURM_LAUNCH_NODE_IPADDR").ok();
    let known = known.and_then(|text| text.parse::<IpAddr>().ok());
    if let (Some(ip), Some(first)) = (known, told.first()) {
        let also = SocketAddr::new(ip, first.port());
        let only_here = told.iter().all(|address| address.ip().is_loopback());
        if !only_here && !all.contains(&also) {
            all.push(also);
        }
    }
    all
}
