//! Starts nodes through their launcher and waits for them. Everything that was started ends with
//! the run.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::Cluster;
use super::build::own_build;
use super::ended::Ended;
use super::gather::Gathering;
use super::launcher::{Carries, Launcher, Start, Wanted};
use super::secret::{SECRET, Secret};
use crate::clock;

/// How often knee checks whether the launcher has ended.
const GLANCE: Duration = Duration::from_millis(50);
/// After the launcher has ended, nodes may still arrive for this long.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Time that started processes get to end by themselves, and again after they were told to end.
const ENDS_WITHIN: Duration = Duration::from_secs(1);
/// The most lines printed by a launcher that are kept for a message.
const KEPT: usize = 5;
/// The most ended tasks that are remembered: no job has more that end with a line of their own.
const MOST_ENDED: usize = 1 << 16;
/// Messages of launchers that do not matter.
const NO_NEWS: &[&str] = &["lacks support for cpu binding"];

/// Why there are no nodes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The nodes could not be started.
    #[error("{0}")]
    Failed(String),
    /// A node came but cannot take part.
    #[error("node {name}: {why}")]
    Unfit {
        /// The name of the node.
        name: String,
        /// The reason.
        why: String,
    },
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// What a launcher has started.
#[derive(Debug)]
pub(super) struct Launched {
    children: Vec<Started>,
    said: Arc<Mutex<Said>>,
}

/// What launchers and nodes have said so far.
#[derive(Debug, Default)]
struct Said {
    /// The last lines.
    lines: Vec<String>,
    /// Tasks that have ended.
    ended: Vec<Ended>,
}

/// One process of a launcher.
#[derive(Debug)]
struct Started {
    child: Child,
    input: Option<ChildStdin>,
    /// The host whose node it starts, if it starts only one.
    host: Option<String>,
}

impl Cluster {
    /// Starts nodes and waits until all have come. After `patience`, the run goes on with the nodes
    /// that have come, and `missing` is told which have not. A node whose launcher has ended is not
    /// waited for.
    ///
    /// # Errors
    /// The launcher cannot be started or says that it failed; no node came; one cannot take part.
    pub fn launched(
        launcher: &Launcher,
        wanted: &Wanted,
        patience: Duration,
        cancel: &Arc<AtomicBool>,
        missing: &mut dyn FnMut(&str),
    ) -> Result<Arc<Self>, LaunchError> {
        let failed = |what: &str, error: io::Error| LaunchError::Failed(format!("{what}: {error}"));
        let secret = Secret::new().map_err(|error| failed("no secret could be made", error))?;
        let build = own_build().map_err(|error| failed("this program cannot be read", error))?;
        let gathering = Gathering::open(wanted.listen, wanted.nodes, secret.clone(), build);
        let mut gathering = gathering
            .map_err(|error| failed("no port could be opened for nodes (see --listen)", error))?;
        let addresses = gathering
            .addresses()
            .map_err(|error| failed("our own addresses cannot be read (see --listen)", error))?;
        let starts = launcher.starts(wanted, &addresses);
        let hosts: Vec<String> = starts.iter().filter_map(|start| start.host.clone()).collect();
        let mut launched = Launched::start(starts, &secret)?;
        let mut deadline = clock::now() + patience;
        let mut over = None;
        let ranks = 0..wanted.nodes as u32;
        while gathering.come() < wanted.nodes && clock::now() < deadline {
            if cancel.load(Ordering::Relaxed) {
                return Err(LaunchError::Interrupted);
            }
            let look = gathering.look(GLANCE);
            look.map_err(|unfit| LaunchError::Unfit { name: unfit.name, why: unfit.why })?;
            if over.is_none() {
                over = launched.over(&|host| gathering.has(host));
                let absent = ranks.clone().filter(|rank| !gathering.has_rank(*rank));
                over = over.or_else(|| launched.over_for(absent));
                deadline = over.as_ref().map_or(deadline, |_| clock::now() + LAST_WORDS);
            }
        }
        let peers = gathering.close();
        let come = peers.len();
        if come == 0 {
            let how = over.unwrap_or_else(|| {
                format!("no node connected within {:.0} s", patience.as_secs_f64())
            });
            return Err(LaunchError::Failed(format!("{how}{}", launched.last_words())));
        }
        let mut absent = None;
        if come < wanted.nodes {
            let has = |host: &String| peers.iter().any(|peer| peer.hello.name == *host);
            let names: Vec<String> = hosts.into_iter().filter(|host| !has(host)).collect();
            let who = if names.is_empty() {
                let many = format!("{} of {} nodes", wanted.nodes - come, wanted.nodes);
                let has = |rank| peers.iter().any(|peer| peer.hello.rank == Some(rank));
                let ranks: Vec<u32> = ranks.filter(|rank| !has(*rank)).collect();
                launched.ended_on(&ranks).unwrap_or(many)
            } else {
                names.join(", ")
            };
            let how = over.unwrap_or_else(|| format!("within {:.0} s", patience.as_secs_f64()));
            let who = format!("{who} did not come");
            missing(&format!("{who} ({how}{})", launched.last_words()));
            absent = Some(who);
        }
        let mut cluster = Self::new(peers, cancel);
        cluster.absent = absent;
        cluster.keep(launched);
        Ok(Arc::new(cluster))
    }
}

impl Launched {
    fn start(starts: Vec<Start>, secret: &Secret) -> Result<Self, LaunchError> {
        let mut launched = Self { children: Vec::new(), said: Arc::default() };
        for start in starts {
            launched.add(&start, secret).map_err(|error| {
                let program = start.words.first().map_or("", String::as_str);
                LaunchError::Failed(format!("{program} cannot be started: {error}"))
            })?;
        }
        Ok(launched)
    }

    fn add(&mut self, start: &Start, secret: &Secret) -> io::Result<()> {
        let Some((program, arguments)) = start.words.split_first() else { return Ok(()) };
        let (output, prints) = io::pipe()?;
        let errors = prints.try_clone()?;
        let mut command = Command::new(program);
        // A process group of its own: a Ctrl-C then reaches only knee, which ends the launcher in
        // its own way.
        command.args(arguments).stdout(prints).stderr(errors).process_group(0);
        let by_input = start.carries != Carries::Environment;
        command.stdin(if by_input { Stdio::piped() } else { Stdio::null() });
        if start.carries != Carries::Input {
            command.env(SECRET, secret.text());
        }
        let child = command.spawn();
        drop(command);
        let mut child = child?;
        let mut input = child.stdin.take();
        if let Some(input) = &mut input {
            // A process that has ended already says so by its status.
            let _ = input.write_all(format!("{}\n", secret.text()).as_bytes());
        }
        self.children.push(Started { child, input, host: start.host.clone() });
        let said = Arc::clone(&self.said);
        thread::spawn(move || relay(output, &said));
        Ok(())
    }

    /// How the launcher ended, if no further node can come: every started process has ended, except
    /// those whose node has come.
    fn over(&mut self, come: &dyn Fn(&str) -> bool) -> Option<String> {
        let mut ended = None;
        for Started { child, host, .. } in &mut self.children {
            if host.as_deref().is_some_and(come) {
                continue;
            }
            let status = child.try_wait().ok().flatten()?;
            ended = Some(format!("the launcher ended ({status})"));
        }
        ended
    }

    /// How tasks ended, where it is told of each of these ranks that its task has ended.
    fn over_for(&self, mut ranks: impl Iterator<Item = u32>) -> Option<String> {
        let said = self.said();
        let has_ended = |rank| said.ended.iter().any(|ended| ended.has(rank));
        let last = said.ended.last().filter(|_| ranks.all(has_ended))?;
        Some(format!("the launcher says of its task: {}", last.how))
    }

    /// The hosts on which tasks of these ranks have ended.
    fn ended_on(&self, ranks: &[u32]) -> Option<String> {
        let said = self.said();
        let ended = said.ended.iter().filter(|ended| ranks.iter().any(|rank| ended.has(*rank)));
        let hosts: Vec<&str> = ended.map(|ended| ended.hosts.as_str()).collect();
        (!hosts.is_empty()).then(|| hosts.join(", "))
    }

    fn last_words(&self) -> String {
        let lines = &self.said().lines;
        if lines.is_empty() { String::new() } else { format!("; it said: {}", lines.join("; ")) }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all processes have ended, and ends those that do not. The streams of the nodes
    /// are closed by then.
    pub(super) fn end(&mut self) {
        for started in &mut self.children {
            started.input = None;
        }
        for signal in [None, Some(Signal::TERM), Some(Signal::KILL)] {
            for Started { child, .. } in &mut self.children {
                if let (Some(signal), Ok(None)) = (signal, child.try_wait()) {
                    // It is not reaped yet, so the group still has its number.
                    let _ = kill_process_group(Pid::from_child(child), signal);
                }
            }
            let deadline = clock::now() + ENDS_WITHIN;
            while clock::now() < deadline {
                let mut children = self.children.iter_mut();
                if children.all(|started| !matches!(started.child.try_wait(), Ok(None))) {
                    return;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.end();
    }
}

/// Shows what a launcher and the nodes print, and keeps the last lines.
fn relay(output: io::PipeReader, keep: &Mutex<Said>) {
    for line in BufReader::new(output).split(b'\n') {
        let Ok(line) = line else { return };
        let line: String = String::from_utf8_lossy(&line).chars().take(400).collect();
        if line.trim().is_empty() || NO_NEWS.iter().any(|known| line.contains(known)) {
            continue;
        }
        let visible: String =
            line.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
        let _ = writeln!(io::stderr(), "{visible}");
        let mut said = keep.lock().unwrap_or_else(PoisonError::into_inner);
        if said.ended.len() < MOST_ENDED {
            said.ended.extend(Ended::told(&visible));
        }
        said.lines.push(visible.trim().to_owned());
        let surplus = said.lines.len().saturating_sub(KEPT);
        said.lines.drain(..surplus);
    }
}
