//! The nodes of a run. They are asked for a reference, launch crews, and end together.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crew::Spread;
use super::fleet::{Fault, Fleet};
use super::launch::Launched;
use super::message::{Answer, Order};
use super::peer::Peer;
use crate::machine::{BURN_TIME, BurnReport, Machine};
use crate::mode::{Crew, Job, ModeError, Reference};
use crate::plan::Mode;

/// The longest that running the first tasks serially may take; only very long tasks need more.
const SURVEYED_WITHIN: Duration = Duration::from_secs(600);
/// After losing this many nodes in a row, the work is not given to another.
const SURVEYED_BY: u32 = 2;
/// The longest that a crew may take to get ready.
const READY_WITHIN: Duration = Duration::from_secs(150);
/// The longest that any other answer of a node may take.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A host on which a part of each crew lives, as the record keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// The name that its launcher gives it.
    pub name: String,
    /// Its machine.
    pub machine: Machine,
    /// Identifies the machine and its last start. Nodes with the same value share a machine.
    pub boot: String,
}

/// The number of a node, and the hashes of files there; `None` for a file that cannot be read.
type Files = (usize, Vec<Option<String>>);

/// The nodes of a run.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    /// Which nodes did not come, in words.
    pub(super) absent: Option<String>,
    fleet: Mutex<Fleet>,
    crews: AtomicU64,
    /// The processes that started the nodes.
    launched: Mutex<Option<Launched>>,
    /// References from earlier surveys, so that the same work on more nodes is not run serially
    /// again.
    surveyed: Mutex<Vec<(Job, usize, Reference)>>,
}

impl Cluster {
    pub(super) fn new(peers: Vec<Peer>, cancel: &Arc<AtomicBool>) -> Self {
        let nodes = peers.iter().map(|peer| Node {
            name: peer.hello.name.clone(),
            machine: peer.hello.machine.clone(),
            boot: peer.hello.boot.clone(),
        });
        Self {
            nodes: named(nodes.collect()),
            absent: None,
            fleet: Mutex::new(Fleet::new(peers, cancel)),
            crews: AtomicU64::new(0),
            launched: Mutex::default(),
            surveyed: Mutex::default(),
        }
    }

    pub(super) fn keep(&self, launched: Launched) {
        *self.launched.lock().unwrap_or_else(PoisonError::into_inner) = Some(launched);
    }

    /// Ends all nodes and their launchers. Returns when the launchers have ended.
    pub fn end(&self) {
        self.fleet().farewell();
        let launched = self.launched.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(launched);
    }

    /// All nodes that have come, including those lost since.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether a node shares its machine with another node. The other node's work then looks like a
    /// disturbance.
    pub fn shares_its_machine(&self, node: usize) -> bool {
        let boot = &self.nodes[node].boot;
        self.nodes.iter().filter(|other| other.boot == *boot).count() > 1
    }

    pub(super) fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns a fault into an error that names the node.
    pub(super) fn told(&self, fault: Fault) -> ModeError {
        match fault {
            Fault::Interrupted => ModeError::Interrupted,
            Fault::Lost { node, why } => ModeError::Node {
                node: self.nodes[node].name.clone(),
                how: format!("it is lost: {why}"),
            },
            Fault::Failed { node, why } => {
                ModeError::Node { node: self.nodes[node].name.clone(), how: why }
            }
        }
    }

    /// The first `wanted` nodes that are not lost.
    fn first(&self, wanted: usize) -> Result<Vec<usize>, ModeError> {
        let mut alive = self.fleet().alive();
        if alive.len() < wanted {
            let fleet = self.fleet();
            let lost = fleet.peers.iter().zip(&self.nodes);
            let lost = lost
                .filter_map(|(peer, node)| Some(format!("{}: {}", node.name, peer.lost.as_ref()?)));
            let lost: Vec<String> = self.absent.iter().cloned().chain(lost).collect();
            let lost = match lost.len() {
                0 => String::new(),
                _ => format!(" ({})", lost.join("; ")),
            };
            return Err(ModeError::Launch {
                what: "there are too few nodes",
                reason: format!("{wanted} are wanted, and {} are left{lost}", alive.len()),
            });
        }
        alive.truncate(wanted);
        Ok(alive)
    }

    /// Lets the first node run the first tasks of a job serially; if that node is lost, the next
    /// one.
    ///
    /// # Errors
    /// The work fails there, no node is left, or one node after another is lost to it.
    pub(in crate::mode) fn survey(
        &self,
        job: &Job,
        workers: usize,
    ) -> Result<Reference, ModeError> {
        let job = Job { nodes: None, ..job.clone() };
        let mut surveyed = self.surveyed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = surveyed.iter().find(|(of, at, _)| (of, *at) == (&job, workers));
        if let Some((_, _, reference)) = known {
            return Ok(reference.clone());
        }
        let mut tries = 0;
        loop {
            let node = self.first(1)?[0];
            let seen = self.fleet().look(&[node]);
            match seen {
                Ok(()) => {}
                Err(Fault::Lost { .. }) => continue,
                Err(fault) => return Err(self.told(fault)),
            }
            let order = Order::Survey { job: job.clone(), workers };
            let asked = self.fleet().ask("survey", &[(node, order)], SURVEYED_WITHIN);
            tries += 1;
            match asked.map(|mut answers| answers.pop()) {
                Ok(Some(Answer::Surveyed(reference))) => {
                    surveyed.push((job, workers, (*reference).clone()));
                    return Ok(*reference);
                }
                Ok(_) => return Err(self.odd(node)),
                Err(Fault::Lost { .. }) if tries < SURVEYED_BY => {}
                Err(fault) => return Err(self.told(fault)),
            }
        }
    }

    /// Launches a crew of `members` on each of the first `wanted` nodes.
    ///
    /// # Errors
    /// One of them could not; the others are told to end theirs.
    pub(in crate::mode) fn launch(
        self: &Arc<Self>,
        mode: Mode,
        job: &Job,
        members: NonZeroUsize,
        (wanted, pin): (usize, bool),
    ) -> Result<Box<dyn Crew>, ModeError> {
        let nodes = self.first(wanted)?;
        let seen = self.fleet().look(&nodes);
        seen.map_err(|fault| self.told(fault))?;
        let crew = self.crews.fetch_add(1, Ordering::Relaxed);
        let job = Job { nodes: None, ..job.clone() };
        let order = Order::Launch { crew, mode, members: members.get(), job: job.clone(), pin };
        let orders: Vec<(usize, Order)> = nodes.iter().map(|node| (*node, order.clone())).collect();
        // The crew is made before its parts are launched, so that all parts end whatever happens.
        let spread = Box::new(Spread::new(Arc::clone(self), crew, nodes, &job));
        let asked = self.fleet().ask("launch", &orders, READY_WITHIN);
        match asked {
            Ok(_) => Ok(spread),
            Err(fault) => {
                let _ = spread.dismiss();
                Err(self.told(fault))
            }
        }
    }

    /// The hashes of these files on each node that is not lost.
    ///
    /// # Errors
    /// No node is left, one cannot look, or the user interrupted.
    pub fn files(&self, directory: &str, paths: &[String]) -> Result<Vec<Files>, ModeError> {
        let order = Order::Files { directory: directory.to_owned(), paths: paths.to_vec() };
        let answers = self.ask_all("files", &order)?;
        let hashes = answers.into_iter().map(|(node, answer)| match answer {
            Answer::Files { hashes } if hashes.len() == paths.len() => Ok((node, hashes)),
            _ => Err(self.odd(node)),
        });
        hashes.collect()
    }

    /// Lets each node check whether its cores still compute as fast as before. Nodes that share a
    /// machine are left out, because they would disturb each other.
    pub fn burn(&self) -> Vec<(usize, BurnReport)> {
        let alone = |node: &usize| !self.shares_its_machine(*node);
        let nodes: Vec<usize> = self.fleet().alive().into_iter().filter(alone).collect();
        let orders: Vec<(usize, Order)> =
            nodes.iter().map(|node| (*node, Order::Burn {})).collect();
        let _ = self.fleet().look(&nodes);
        let answers = self.fleet().ask("burn", &orders, ANSWER_WITHIN + 4 * BURN_TIME);
        // A lost node is reported when it is needed again.
        let reports = nodes.into_iter().zip(answers.unwrap_or_default());
        reports
            .filter_map(|(node, answer)| match answer {
                Answer::Burned(report) => Some((node, report)),
                _ => None,
            })
            .collect()
    }

    /// Asks all nodes that are left. If some are lost meanwhile, asks the others again.
    fn ask_all(&self, what: &str, order: &Order) -> Result<Vec<(usize, Answer)>, ModeError> {
        loop {
            self.first(1)?;
            let nodes = self.fleet().alive();
            let orders: Vec<(usize, Order)> =
                nodes.iter().map(|node| (*node, order.clone())).collect();
            let answers = self.fleet().ask(what, &orders, ANSWER_WITHIN);
            match answers {
                Ok(answers) => return Ok(nodes.into_iter().zip(answers).collect()),
                Err(Fault::Lost { .. }) => {}
                Err(fault) => return Err(self.told(fault)),
            }
        }
    }

    pub(super) fn odd(&self, node: usize) -> ModeError {
        let how = "its answer is not one to what it was asked".to_owned();
        ModeError::Node { node: self.nodes[node].name.clone(), how }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

/// Makes the names of the nodes unique.
fn named(mut nodes: Vec<Node>) -> Vec<Node> {
    let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    for (at, node) in nodes.iter_mut().enumerate() {
        if names.iter().filter(|name| **name == names[at]).count() > 1 {
            node.name = format!("{}#{at}", names[at]);
        }
    }
    nodes
}
