//! The nodes of a run: asked for a reference, given crews, and ended together.

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

/// Running the first tasks serially takes no longer, unless tasks are very long.
const SURVEYED_WITHIN: Duration = Duration::from_secs(600);
/// Work by which so many nodes in a row are lost is not given to one more.
const SURVEYED_BY: u32 = 2;
/// A crew that is not ready by then never will be.
const READY_WITHIN: Duration = Duration::from_secs(150);
/// What else a node is asked takes no longer.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A host on which a part of each crew lives, as the record keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// What its launcher calls it.
    pub name: String,
    /// What it is.
    pub machine: Machine,
    /// Which start of which machine it runs on: nodes with the same one share that machine.
    pub boot: String,
}

/// A node, and what files hold there, in short; `None` for one that cannot be read.
type Files = (usize, Vec<Option<String>>);

/// The nodes of a run.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    /// Who did not come, in words.
    pub(super) absent: Option<String>,
    fleet: Mutex<Fleet>,
    crews: AtomicU64,
    /// What started the nodes.
    launched: Mutex<Option<Launched>>,
    /// What was asked before, so that the same work on more nodes is not run serially again.
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

    /// Ends all nodes and what started them; returns when that has ended.
    pub fn end(&self) {
        self.fleet().farewell();
        let launched = self.launched.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(launched);
    }

    /// All that have come, also those that are lost since.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether a node shares its machine with another one. What it sees of others there is the
    /// other one's work.
    pub fn shares_its_machine(&self, node: usize) -> bool {
        let boot = &self.nodes[node].boot;
        self.nodes.iter().filter(|other| other.boot == *boot).count() > 1
    }

    pub(super) fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What went wrong, with the node's name.
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

    /// The first `wanted` nodes that are left.
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

    /// Has the first node run the first tasks of a job serially; another one where that is lost
    /// meanwhile.
    ///
    /// # Errors
    /// The work cannot be done there, no node is left, or the work costs one node after the other.
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
        // Ended with what stands of it, whatever comes.
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

    /// What these files hold on each node that is left, in short.
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

    /// Asks the cores of each node whether they still give what they gave. Nodes that share a
    /// machine are not asked: they would burn against each other.
    pub fn burn(&self) -> Vec<(usize, BurnReport)> {
        let alone = |node: &usize| !self.shares_its_machine(*node);
        let nodes: Vec<usize> = self.fleet().alive().into_iter().filter(alone).collect();
        let orders: Vec<(usize, Order)> =
            nodes.iter().map(|node| (*node, Order::Burn {})).collect();
        let _ = self.fleet().look(&nodes);
        let answers = self.fleet().ask("burn", &orders, ANSWER_WITHIN + 4 * BURN_TIME);
        // Whoever is lost is told of when it is wanted.
        let reports = nodes.into_iter().zip(answers.unwrap_or_default());
        reports
            .filter_map(|(node, answer)| match answer {
                Answer::Burned(report) => Some((node, report)),
                _ => None,
            })
            .collect()
    }

    /// Asks all that are left; anew without those that are lost over it.
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

/// The nodes with names of which none occurs twice.
fn named(mut nodes: Vec<Node>) -> Vec<Node> {
    let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
    for (at, node) in nodes.iter_mut().enumerate() {
        if names.iter().filter(|name| **name == names[at]).count() > 1 {
            node.name = format!("{}#{at}", names[at]);
        }
    }
    nodes
}
