//! The launchers of clusters. One table says in each row how a launcher starts a node.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::secret::SECRET;

/// A way to start nodes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Launcher {
    /// One of [`KNOWN`].
    Known(&'static Known),
    /// A command of the user's, with placeholders.
    Template(Vec<String>),
}

/// A launcher that needs no command of the user's.
#[derive(Debug)]
pub struct Known {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Whether it is started once for all nodes. Otherwise it is started once for each host.
    once: bool,
    /// How the secret gets to a node.
    carries: Carries,
    words: fn(&Ask<'_>) -> Vec<String>,
}

/// How the secret reaches a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    /// The launcher passes its environment on.
    Environment,
    /// The launcher passes its input on.
    Input,
    /// The launcher may do either.
    Both,
}

/// What a launcher must start.
#[derive(Debug)]
struct Ask<'a> {
    nodes: usize,
    hosts: Option<&'a Path>,
    host: &'a str,
    /// The program of a node and its arguments.
    node: &'a [String],
}

/// One process of a launcher: its command line, and how it carries the secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) words: Vec<String>,
    pub(super) carries: Carries,
    /// The host whose node it starts, if it starts only one.
    pub(super) host: Option<String>,
}

/// The nodes that are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// How many nodes.
    pub nodes: usize,
    /// The hosts, where the user names them.
    pub hosts: Vec<String>,
    /// The file that names the hosts, if there is one.
    pub hosts_file: Option<PathBuf>,
    /// The address to listen on. By default a free port on all addresses.
    pub listen: Option<SocketAddr>,
    /// The program that runs on each host.
    pub program: String,
}

/// All launchers that have a name.
pub const KNOWN: &[Known] = &[
    Known {
        name: "slurm",
        summary: "srun, inside an allocation of Slurm (salloc, sbatch)",
        once: true,
        carries: Carries::Environment,
        words: slurm,
    },
    Known {
        name: "mpirun",
        summary: "mpirun of Open MPI, on the hosts that it knows or those of --hosts",
        once: true,
        carries: Carries::Environment,
        words: mpirun,
    },
    Known {
        name: "ssh",
        summary: "ssh, on the hosts of --hosts",
        once: false,
        carries: Carries::Input,
        words: ssh,
    },
];

impl Launcher {
    /// Reads the name of a launcher, or a template.
    ///
    /// # Errors
    /// The text is neither. The error says so in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(known) = KNOWN.iter().find(|known| known.name == text) {
            return Ok(Self::Known(known));
        }
        let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
        let advice = format!(
            "name one of {}, or write how a node is started, such as 'kubectl exec -i {{host}} -- \
             knee node {{args}}'",
            names.join(", ")
        );
        let words = shlex::split(text).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| format!("its quotes are not closed; {advice}"))?;
        if !words.iter().any(|word| word.contains("{args}")) {
            return Err(format!("it has no place for {{args}}; {advice}"));
        }
        Ok(Self::Template(words))
    }

    /// Whether it needs a list of hosts.
    pub fn needs_hosts(&self) -> bool {
        match self {
            Self::Known(known) => !known.once,
            Self::Template(words) => words.iter().any(|word| word.contains("{host}")),
        }
    }

    /// Whether it is started once for each node, rather than once for all.
    fn is_for_each(&self) -> bool {
        match self {
            Self::Known(known) => !known.once,
            Self::Template(words) => !words.iter().any(|word| word.contains("{n}")),
        }
    }

    /// Whether it is the launcher of Slurm.
    pub fn is_slurm(&self) -> bool {
        matches!(self, Self::Known(known) if known.name == "slurm")
    }

    /// Whether all nodes end when one of them is killed.
    pub fn ends_all_with_one(&self) -> bool {
        matches!(self, Self::Known(known) if known.name == "mpirun")
    }

    /// The processes to start. Nodes find us at one of these addresses.
    pub(super) fn starts(&self, wanted: &Wanted, addresses: &[SocketAddr]) -> Vec<Start> {
        let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let connect = vec!["--connect".to_owned(), list.join(",")];
        let named = |host: &str, rank: usize| {
            let rank = rank.to_string();
            let more = ["--name", host, "--rank", &rank].map(str::to_owned);
            [connect.clone(), more.to_vec()].concat()
        };
        // Without named hosts any name will do: a stand-in starts all nodes here.
        let name = |at: usize| wanted.hosts.get(at).cloned().unwrap_or(format!("node{}", at + 1));
        let hosts = || (0..wanted.nodes).map(|at| (at, name(at)));
        let node = |arguments: Vec<String>| {
            [vec![wanted.program.clone(), "node".to_owned()], arguments].concat()
        };
        match self {
            Self::Known(known) if known.once => {
                let node = node(connect);
                let hosts = wanted.hosts_file.as_deref();
                let ask = Ask { nodes: wanted.nodes, hosts, host: "", node: &node };
                vec![Start { words: (known.words)(&ask), carries: known.carries, host: None }]
            }
            Self::Known(known) => hosts()
                .map(|(rank, host)| {
                    let node = node(named(&host, rank));
                    let ask = Ask { nodes: 1, hosts: None, host: &host, node: &node };
                    let words = (known.words)(&ask);
                    Start { words, carries: known.carries, host: Some(host) }
                })
                .collect(),
            Self::Template(words) if self.is_for_each() => hosts()
                .map(|(rank, host)| Start {
                    words: filled(words, &named(&host, rank), &host, 1),
                    carries: Carries::Both,
                    host: Some(host),
                })
                .collect(),
            Self::Template(words) => vec![Start {
                words: filled(words, &connect, "", wanted.nodes),
                carries: Carries::Environment,
                host: None,
            }],
        }
    }
}

/// Fills the placeholders of a template. A word `{args}` becomes several words. Inside a longer
/// word (of `sh -c`) the arguments are quoted for a shell.
fn filled(words: &[String], arguments: &[String], host: &str, nodes: usize) -> Vec<String> {
    let mut all = Vec::new();
    for word in words {
        if word == "{args}" {
            all.extend_from_slice(arguments);
            continue;
        }
        let quoted = shlex::try_join(arguments.iter().map(String::as_str)).unwrap_or_default();
        let word = word.replace("{args}", &quoted).replace("{n}", &nodes.to_string());
        all.push(word.replace("{host}", host));
    }
    all
}

fn slurm(ask: &Ask<'_>) -> Vec<String> {
    let cpus = std::env::var("SLURM_JOB_CPUS_PER_NODE").ok();
    let mut words = vec![
        "srun".to_owned(),
        format!("-N{}", ask.nodes),
        // Beside -N this is needed too: a number of tasks in the environment would win over
        // --ntasks-per-node.
        format!("-n{}", ask.nodes),
        "--ntasks-per-node=1".to_owned(),
    ];
    // Some versions of srun do not inherit it, and a node would then get one CPU.
    words.extend(cpus.and_then(|list| fewest_cpus(&list)).map(|cpus| format!("-c{cpus}")));
    let rest = "--cpu-bind=none --mpi=none --mem=0 --overlap --kill-on-bad-exit=0 --wait=0 \
                --no-kill --export=ALL --input=none --quiet";
    words.extend(rest.split_ascii_whitespace().map(str::to_owned));
    words.extend_from_slice(ask.node);
    words
}

fn mpirun(ask: &Ask<'_>) -> Vec<String> {
    let nodes = ask.nodes.to_string();
    let words = "mpirun --map-by ppr:1:node --bind-to none --oversubscribe -x".split(' ');
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    words.extend([SECRET.to_owned(), "-n".to_owned(), nodes]);
    if let Some(file) = ask.hosts {
        words.extend(["--hostfile".to_owned(), file.to_string_lossy().into_owned()]);
    }
    words.extend_from_slice(ask.node);
    words
}

fn ssh(ask: &Ask<'_>) -> Vec<String> {
    // A shell on the other host splits the words again.
    let line = shlex::try_join(ask.node.iter().map(String::as_str)).unwrap_or_default();
    let words = ["ssh", "-T", "-o", "BatchMode=yes", "--", ask.host, &line];
    words.map(str::to_owned).to_vec()
}

/// The fewest CPUs of any node in `72(x2),36`.
fn fewest_cpus(list: &str) -> Option<usize> {
    let counts = list.split(',').map(|part| part.split('(').next()?.trim().parse().ok());
    counts.collect::<Option<Vec<usize>>>()?.into_iter().min().filter(|cpus| *cpus > 0)
}

/// The Slurm allocation in which knee runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    /// How many nodes.
    pub nodes: usize,
    /// The fewest CPUs of any node, if Slurm says so.
    pub cpus: Option<usize>,
}

/// The Slurm allocation in which knee runs, if there is one.
pub fn allocation() -> Option<Allocation> {
    allocation_of(&|name| std::env::var_os(name))
}

fn allocation_of(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<Allocation> {
    let text = |name: &str| variable(name)?.into_string().ok();
    text("SLURM_JOB_ID")?;
    text("SLURM_JOB_NODELIST").or_else(|| text("SLURM_NODELIST"))?;
    let nodes = text("SLURM_JOB_NUM_NODES").or_else(|| text("SLURM_NNODES"))?.parse().ok()?;
    let cpus = text("SLURM_JOB_CPUS_PER_NODE").and_then(|list| fewest_cpus(&list));
    Some(Allocation { nodes, cpus })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            nodes: 2,
            hosts: ["a", "b", "c"].map(str::to_owned).to_vec(),
            program: "/opt/knee".to_owned(),
            ..Wanted::default()
        }
    }

    fn lines(launcher: &str) -> Vec<String> {
        let launcher = Launcher::parse(launcher).expect("it is one");
        let addresses = ["192.0.2.1:7", "[2001:db8::1]:7"].map(|text| text.parse().expect("one"));
        let starts = launcher.starts(&wanted(), &addresses);
        starts.into_iter().map(|start| start.words.join(" ")).collect()
    }

    #[test]
    fn each_launcher_starts_the_wanted_nodes() {
        let connect = "--connect 192.0.2.1:7,[2001:db8::1]:7";
        let ssh = lines("ssh");
        assert_eq!(ssh.len(), 2);
        assert!(ssh[1].contains("-- b /opt/knee node --connect"), "{}", ssh[1]);
        assert!(ssh[1].ends_with("--name b --rank 1"), "{}", ssh[1]);
        let srun = lines("slurm");
        assert!(srun[0].starts_with("srun -N2 -n2 --ntasks-per-node=1"), "{}", srun[0]);
        assert!(srun[0].ends_with(&format!("/opt/knee node {connect}")), "{}", srun[0]);
        assert!(lines("mpirun")[0].contains("-x KNEE_SECRET -n 2 /opt/knee node"));
        let own = lines("kubectl exec -i {host} -- knee node {args}");
        assert_eq!(own[0], format!("kubectl exec -i a -- knee node {connect} --name a --rank 0"));
        assert_eq!(
            lines("aprun -n {n} knee node {args}"),
            [format!("aprun -n 2 knee node {connect}")]
        );
        assert!(lines("sh -c 'exec knee node {args}' {host}")[0].contains("[2001:db8::1]:7'"));
    }

    #[test]
    fn what_starts_no_node_is_refused() {
        let says = |text: &str| Launcher::parse(text).expect_err("it is none");
        assert!(says("srun").contains("no place for {args}"));
        assert!(says("srun '{args}").contains("quotes"));
        assert!(says("").contains("quotes"));
    }

    #[test]
    fn an_allocation_is_told_by_its_variables() {
        let given = |pairs: &'static [(&str, &str)]| {
            allocation_of(&|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        assert_eq!(given(&[]), None);
        assert_eq!(given(&[("SLURM_JOB_ID", "7")]), None);
        let whole: &[_] = &[
            ("SLURM_JOB_ID", "7"),
            ("SLURM_JOB_NODELIST", "n[1-3]"),
            ("SLURM_JOB_NUM_NODES", "3"),
            ("SLURM_JOB_CPUS_PER_NODE", "72(x2),36"),
        ];
        assert_eq!(given(whole), Some(Allocation { nodes: 3, cpus: Some(36) }));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Launcher::parse(&text);
            let _ = fewest_cpus(&text);
        }
    }
}
