//! Options about other hosts, and the nodes started there.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::camp::Camp;
use crate::cli::{Failure, Output, exit};
use crate::mode::node::{Cluster, LaunchError, Launcher, Node, Wanted, allocation};
use crate::plan::{Plan, nodes, parse};
use crate::record::Header;

/// The heading under which `knee run --help` shows these options.
const HEADING: &str = "More than one host";
/// Nobody has more nodes.
const MOST_NODES: usize = 4096;

/// Options about nodes.
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Nodes {
    /// Spread crews over this many nodes, e.g. `1,2,4`: how many nodes, and how many workers on
    /// each?
    #[arg(
        long = "nodes",
        id = "nodes",
        value_name = "COUNTS",
        requires = "launcher",
        help_heading = HEADING
    )]
    counts: Option<String>,
    /// The launcher of nodes: slurm (inside an allocation), mpirun, ssh, or a command of your own
    /// such as 'kubectl exec -i {host} -- knee node {args}'
    #[arg(
        long,
        value_name = "NAME|LINE",
        requires = "nodes",
        help_heading = HEADING
    )]
    launcher: Option<String>,
    /// The hosts: names separated by commas, or a file with one per line
    #[arg(long, value_name = "FILE|LIST", requires = "launcher", help_heading = HEADING)]
    hosts: Option<String>,
    /// The address at which nodes reach this host [default: those of its interfaces, a free port]
    #[arg(long, value_name = "ADDRESS[:PORT]", requires = "launcher", help_heading = HEADING)]
    listen: Option<String>,
    /// How long to wait for nodes
    #[arg(
        long,
        value_name = "DURATION",
        requires = "launcher",
        default_value = "60s",
        help_heading = HEADING
    )]
    node_wait: String,
    /// Only write a job script for Slurm that does this
    #[arg(long, value_name = "FILE", requires = "launcher", help_heading = HEADING)]
    sbatch: Option<PathBuf>,
}

/// The checked options.
#[derive(Debug)]
pub(super) struct Asked {
    /// The numbers of nodes, one after another.
    pub(super) counts: Vec<usize>,
    launcher: Launcher,
    wanted: Wanted,
    patience: std::time::Duration,
}

impl Nodes {
    /// Checks the options; `None` if everything happens on this host.
    pub(super) fn asked(&self) -> Result<Option<Asked>, Failure> {
        let (Some(text), Some(launcher)) = (&self.counts, &self.launcher) else { return Ok(None) };
        let counts = nodes::numbers(text)?;
        let most = counts.iter().copied().max().unwrap_or(1);
        if most > MOST_NODES {
            return Err(Failure::usage(format!("--nodes {text}: at most {MOST_NODES}")));
        }
        let launcher = Launcher::parse(launcher)
            .map_err(|why| Failure::usage(format!("--launcher {launcher}: {why}")))?;
        let (hosts, hosts_file) = self.hosts()?;
        if launcher.needs_hosts() && hosts.len() < most {
            return Err(Failure::usage(format!(
                "{most} nodes need {most} hosts, and --hosts names {}",
                hosts.len()
            )));
        }
        // By its own name: a link to this process would mean something else on another host.
        let program = std::env::current_exe()
            .map_err(|error| Failure::new(exit::FAILED, format!("knee itself: {error}")))?;
        let wanted = Wanted {
            nodes: most,
            hosts,
            hosts_file,
            listen: self.listen.as_deref().map(address).transpose()?,
            program: program.to_string_lossy().into_owned(),
        };
        Ok(Some(Asked { counts, launcher, wanted, patience: parse::duration(&self.node_wait)? }))
    }

    /// The nodes for resuming a run that began on nodes; `None` if it did not.
    pub(super) fn resumed(
        &self,
        directory: &Path,
        header: &Header,
    ) -> Result<Option<Asked>, Failure> {
        let directory = directory.display();
        let mut begun: Vec<usize> =
            header.plan.entries.iter().filter_map(|entry| entry.nodes).collect();
        begun.sort_unstable();
        begun.dedup();
        let list = begun.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match self.asked()? {
            None if header.nodes.is_empty() => Ok(None),
            None => Err(Failure::usage(format!(
                "{directory} was measured on nodes; say again what starts them: --nodes {list} \
                 --launcher .."
            ))),
            Some(_) if header.nodes.is_empty() => Err(Failure::usage(format!(
                "{directory} was measured on one host; leave --nodes and --launcher out"
            ))),
            Some(asked) => {
                let mut counts = asked.counts.clone();
                counts.sort_unstable();
                counts.dedup();
                if counts != begun {
                    return Err(Failure::usage(format!(
                        "{directory} was begun with --nodes {list}; go on with the same"
                    )));
                }
                Ok(Some(asked))
            }
        }
    }

    /// Whether other hosts are asked for.
    pub(super) fn are_asked(&self) -> bool {
        self.counts.is_some()
    }

    /// The names of the hosts, and the file that holds them.
    fn hosts(&self) -> Result<(Vec<String>, Option<PathBuf>), Failure> {
        let Some(given) = &self.hosts else { return Ok((Vec::new(), None)) };
        let path = Path::new(given);
        let (text, file) = if path.is_file() {
            let text = fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("--hosts {given}: {error}")))?;
            (text, Some(path.to_owned()))
        } else {
            (given.replace(',', "\n"), None)
        };
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        // What follows the name (`slots=4`) is for other launchers.
        let names = lines.filter_map(|line| line.split_ascii_whitespace().next());
        let mut hosts: Vec<String> = Vec::new();
        for name in names {
            let is_name = |one: char| one.is_alphanumeric() || "-._:@%[]/".contains(one);
            if name.starts_with('-') || !name.chars().all(is_name) {
                let name = name.escape_debug();
                return Err(Failure::usage(format!("--hosts: {name} is not the name of a host")));
            }
            if hosts.iter().any(|known| known == name) {
                return Err(Failure::usage(format!("--hosts names {name} twice")));
            }
            hosts.push(name.to_owned());
        }
        Ok((hosts, file))
    }

    /// Writes the job script, if it is wanted.
    pub(super) fn script(&self, asked: &Asked, output: Output) -> Option<Result<u8, Failure>> {
        let path = self.sbatch.as_ref()?;
        if !asked.launcher.is_slurm() {
            return Some(Err(Failure::usage("--sbatch goes with --launcher slurm")));
        }
        let words = without(std::env::args(), "--sbatch");
        let line = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
        let text = format!(
            "#!/bin/sh\n#SBATCH --job-name=knee\n#SBATCH --nodes={}\n#SBATCH --exclusive\n\
             # Add how long it may run, and where: --time, --partition, --account.\n\
             exec {line}\n",
            asked.wanted.nodes
        );
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            return Some(Err(Failure::unwritten(path, &error)));
        }
        let path = path.display();
        let done = format!("wrote {path}; submit it: sbatch {path}\n");
        Some(crate::cli::written(output.result(&done)))
    }
}

impl Asked {
    /// Starts the nodes and waits for them.
    pub(super) fn gather(&self, camp: &Camp, output: Output) -> Result<Arc<Cluster>, Failure> {
        if self.launcher.is_slurm() {
            self.inside_allocation()?;
        }
        let most = self.wanted.nodes;
        output.remark(&format!("knee: waiting for {most} nodes"));
        let remark = |what: &str| output.remark(&format!("knee: {what}"));
        let cluster = Cluster::launched(
            &self.launcher,
            &self.wanted,
            self.patience,
            camp.cancel(),
            &mut |who| remark(&format!("{who}; going on with the others")),
        );
        let cluster = cluster.map_err(|error| match error {
            LaunchError::Interrupted => Failure::new(exit::INTERRUPTED, error),
            _ => Failure::new(exit::FAILED, error),
        })?;
        let names: Vec<&str> = cluster.nodes().iter().map(|node| node.name.as_str()).collect();
        let shown = names[..names.len().min(8)].join(", ");
        let more = names.len().saturating_sub(8);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        remark(&format!("nodes: {shown}{more}"));
        if self.launcher.ends_all_with_one() {
            remark("if one node is killed, mpirun ends all of them");
        }
        Ok(cluster)
    }

    fn inside_allocation(&self) -> Result<(), Failure> {
        let most = self.wanted.nodes;
        let Some(inside) = allocation() else {
            return Err(Failure::usage(format!(
                "this is not inside a Slurm allocation; get one and run it there: salloc -N {most} \
                 --exclusive knee run .., or write a job with --sbatch FILE"
            )));
        };
        if inside.nodes < most {
            return Err(Failure::usage(format!(
                "{most} nodes are wanted, and this allocation has {}: salloc -N {most} --exclusive",
                inside.nodes
            )));
        }
        Ok(())
    }
}

/// Whether a run that began on some nodes can continue on these.
pub(super) fn same(directory: &Path, then: &[Node], now: &Cluster) -> Result<(), Failure> {
    let name = |nodes: &[Node]| -> String {
        nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let other = |what: String| {
        let directory = directory.display();
        Err(Failure::usage(format!("{directory} was begun {what}; start a new run")))
    };
    let now = now.nodes();
    if name(then) != name(now) {
        return other(format!("on the nodes {}, and these are {}", name(then), name(now)));
    }
    let kind = |node: &Node| (node.machine.cpu_model.clone(), node.machine.budget.usable());
    match then.iter().zip(now).find(|(then, now)| kind(then) != kind(now)) {
        Some((then, _)) => other(format!("when {} was another machine", then.name)),
        None => Ok(()),
    }
}

/// Warnings about hosts: how they differ, and what they share.
pub(super) fn warnings(cluster: &Cluster, plan: &Plan) -> Vec<crate::record::Advice> {
    let mut all = Vec::new();
    let mut warn = |code: &str, text: String, remedy: &str| {
        all.push(crate::record::Advice { code: code.to_owned(), text, remedy: remedy.to_owned() });
    };
    let mut told = BTreeSet::new();
    for (text, remedy) in plan.entries.iter().filter_map(nodes::served) {
        if told.insert(text.clone()) {
            warn("who-serves", text, remedy);
        }
    }
    let nodes = cluster.nodes();
    let shared = (0..nodes.len()).filter(|node| cluster.shares_its_machine(*node));
    let shared: Vec<&str> = shared.map(|node| nodes[node].name.as_str()).collect();
    if !shared.is_empty() {
        warn(
            "shared-host",
            format!(
                "nodes {} share a machine, so they take CPUs from each other",
                shared.join(", ")
            ),
            "have your launcher start one node per host",
        );
    }
    let kind = |at: usize| {
        let machine = &nodes[at].machine;
        let model = machine.cpu_model.clone().unwrap_or_else(|| "an unknown CPU".to_owned());
        (model, machine.budget.usable())
    };
    let odd: Vec<String> = (1..nodes.len())
        .filter(|at| kind(*at) != kind(0))
        .map(|at| {
            let (model, cpus) = kind(at);
            format!("{} has {cpus} CPUs ({model})", nodes[at].name)
        })
        .collect();
    if let Some(first) = nodes.first().filter(|_| !odd.is_empty()) {
        let (model, cpus) = kind(0);
        warn(
            "unequal-nodes",
            format!("{}, and {} has {cpus} ({model})", odd.join(", "), first.name),
            "the gain of one more node depends on which node it is; use equal nodes",
        );
    }
    for (at, node) in nodes.iter().enumerate() {
        for warning in node.machine.warnings() {
            let advice = crate::record::Advice::from(&warning);
            // Warnings that all nodes have in common are given for the first one only.
            let known = nodes[..at].iter().any(|other| {
                other.machine.warnings().iter().any(|one| one.code() == warning.code())
            });
            if !known {
                warn(&advice.code, format!("node {}: {}", node.name, advice.text), &advice.remedy);
            }
        }
    }
    all
}

fn address(text: &str) -> Result<SocketAddr, Failure> {
    let ip = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    text.parse::<SocketAddr>().or(ip).map_err(|_| {
        Failure::usage(format!(
            "--listen {text}: write an address such as 10.0.0.1 or 10.0.0.1:4700"
        ))
    })
}

/// The words without this option and its value.
fn without(words: impl Iterator<Item = String>, option: &str) -> Vec<String> {
    let mut left = Vec::new();
    let mut words = words;
    let joined = format!("{option}=");
    while let Some(word) = words.next() {
        if word == "--" {
            left.push(word);
            left.extend(words);
            break;
        }
        if word == option {
            words.next();
        } else if !word.starts_with(&joined) {
            left.push(word);
        }
    }
    left
}

#[test]
fn an_option_is_left_out_of_a_line() {
    let line = |text: &str| without(text.split(' ').map(str::to_owned), "--sbatch").join(" ");
    assert_eq!(line("knee run pi --sbatch a.sh --nodes 2"), "knee run pi --nodes 2");
    assert_eq!(line("knee run --sbatch=a.sh -- x --sbatch y"), "knee run -- x --sbatch y");
}
