//! All nodes that have come. One thread sends orders to many of them at once, and waits for none
//! longer than its limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::message::{Answer, Numbered, Order, Trial};
use super::offset::{EXCHANGES, Exchange};
use super::peer::Peer;
use crate::clock;

/// The moment of a round is at least this far ahead. A node that opens a little later is not late
/// yet; if one is late, later rounds get more time.
const AHEAD: Duration = Duration::from_micros(250);
/// The moment of a round is never further ahead than this, however late nodes were.
const MOST_AHEAD: Duration = Duration::from_millis(320);
/// How often knee checks for the user's interrupt.
const GLANCE: Duration = Duration::from_millis(50);
/// A node that does not tell its time within this limit is cut off or stopped.
const PONG_WITHIN: Duration = Duration::from_secs(5);
/// Answers of hundreds of nodes gather for this long before they are read, once for each [`MANY`]
/// nodes. Otherwise each answer would wake the coordinator by itself.
const GATHER: Duration = Duration::from_micros(32);
const MANY: u32 = 64;
/// The most bytes of one node that are read at once.
const READ_AT_ONCE: usize = 1 << 14;
/// The most nodes that are asked for their time at once: more would delay each other.
const AT_ONCE: usize = 8;

/// The nodes, by their numbers in the record.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) peers: Vec<Peer>,
    cancel: Arc<AtomicBool>,
    id: u64,
    /// When the clocks were last compared, how long that took, and for how many nodes.
    synced: Option<(Instant, Duration, usize)>,
    /// How far ahead the moment of a round is. It grows after a node was late.
    ahead: Duration,
    /// How long it took to tell all nodes their last order.
    telling: Duration,
    /// What was read last.
    buffer: Vec<u8>,
}

/// Why an order failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The node is lost.
    Lost { node: usize, why: String },
    /// The node reports a failure.
    Failed { node: usize, why: String },
    /// The user interrupted.
    Interrupted,
}

/// A time limit for an answer. Time in which knee itself was stopped does not count, because a node
/// that was stopped with it could not answer.
struct Limit {
    end: Instant,
    seen: Instant,
}

impl Limit {
    /// Between two checks at most this time passes, unless knee was stopped.
    const STOPPED: Duration = Duration::from_secs(1);

    fn new(within: Duration) -> Self {
        let now = clock::now();
        Self { end: now + within, seen: now }
    }

    fn left(&mut self) -> Duration {
        let now = clock::now();
        let gap = now.saturating_duration_since(self.seen);
        if gap > Self::STOPPED {
            self.end += gap;
        }
        self.seen = now;
        self.end.saturating_duration_since(now)
    }
}

/// A message of a node, and when it arrived.
struct Heard {
    node: usize,
    said: Numbered<Answer>,
    at: u64,
}

/// The nodes that keep the others waiting. A node that is warm has done its part: it waits for the
/// moment, which is not known until all are warm.
fn silent(orders: &[(usize, Order)], answers: &[Option<Answer>], warm: &[bool]) -> Vec<usize> {
    let all = || {
        let places = (0..orders.len()).filter(|place| answers[*place].is_none());
        places.map(|place| (orders[place].0, warm[place]))
    };
    let cold: Vec<usize> = all().filter(|(_, warm)| !warm).map(|(node, _)| node).collect();
    if cold.is_empty() { all().map(|(node, _)| node).collect() } else { cold }
}

impl Fleet {
    pub(super) fn new(peers: Vec<Peer>, cancel: &Arc<AtomicBool>) -> Self {
        Self {
            peers,
            cancel: Arc::clone(cancel),
            id: 0,
            synced: None,
            ahead: AHEAD,
            telling: Duration::ZERO,
            buffer: vec![0; READ_AT_ONCE],
        }
    }

    /// The nodes that are not lost.
    pub(super) fn alive(&self) -> Vec<usize> {
        let places = self.peers.iter().enumerate();
        places.filter(|(_, peer)| peer.lost.is_none()).map(|(node, _)| node).collect()
    }

    /// How far ahead a moment must lie that is told to these nodes now: long enough to tell it to
    /// all of them, and for the last one to hear it.
    pub(super) fn lead(&self, nodes: impl Iterator<Item = usize>) -> Duration {
        let way = nodes.map(|node| self.peers[node].offset.way()).max().unwrap_or(0);
        self.ahead.max(2 * Duration::from_nanos(way)).max(2 * self.telling)
    }

    /// Puts the next moment further ahead, because a node was late for the last one.
    pub(super) fn late(&mut self) {
        self.ahead = (4 * self.ahead).min(MOST_AHEAD);
    }

    /// Puts the next moment less far ahead, because no node was late for the last one.
    pub(super) fn in_time(&mut self) {
        self.ahead = (self.ahead / 2).max(AHEAD);
    }

    /// Gives each of these nodes an order and waits for all answers, which are returned in the same
    /// order. It gives up after `within`, or as soon as a node is lost or reports a failure.
    ///
    /// If a round has no moment yet, the nodes agree on one when all have reported that they are
    /// warm.
    pub(super) fn ask(
        &mut self,
        what: &str,
        orders: &[(usize, Order)],
        within: Duration,
    ) -> Result<Vec<Answer>, Fault> {
        let (first, start) = (self.id + 1, clock::now());
        for (node, order) in orders {
            self.id += 1;
            self.peers[*node].say(self.id, order);
        }
        self.telling = clock::since(start);
        let answers = self.answers(what, (first, orders), within);
        if answers.is_err() {
            // Who is warm does not wait for others that never will be.
            self.open((first, orders), Duration::ZERO);
        }
        answers
    }

    /// The answers to these orders, of which the first has this number.
    fn answers(
        &mut self,
        what: &str,
        (first, orders): (u64, &[(usize, Order)]),
        within: Duration,
    ) -> Result<Vec<Answer>, Fault> {
        // Nodes that have answered are watched too: they may be lost while others are busy.
        let asked: Vec<usize> = orders.iter().map(|(node, _)| *node).collect();
        let mut answers: Vec<Option<Answer>> = vec![None; orders.len()];
        let mut warm = vec![false; orders.len()];
        let mut limit = Limit::new(within);
        loop {
            let pending: Vec<usize> = (0..orders.len())
                .filter(|place| answers[*place].is_none())
                .map(|place| orders[place].0)
                .collect();
            if pending.is_empty() {
                return Ok(answers.into_iter().flatten().collect());
            }
            if let Some(node) = asked.iter().copied().find(|node| self.is_lost(*node)) {
                return Err(self.loss(node));
            }
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Fault::Interrupted);
            }
            let left = limit.left();
            if left.is_zero() {
                let seconds = within.as_secs_f64();
                let silent = silent(orders, &answers, &warm);
                for &node in &silent {
                    self.peers[node].lose(format!(
                        "it did not answer to {what} within {seconds:.0} s; was it stopped, or is \
                         it cut off?"
                    ));
                }
                return Err(self.loss(silent[0]));
            }
            for Heard { node, said, .. } in self.turn(&asked, left.min(GLANCE)) {
                // Answers that nobody waits for any more are dropped.
                let Some(place) = said.id.checked_sub(first).map(|place| place as usize) else {
                    continue;
                };
                if orders.get(place).is_none_or(|(asked, _)| *asked != node) {
                    continue;
                }
                match said.said {
                    Answer::Failure { text } => return Err(Fault::Failed { node, why: text }),
                    Answer::Warm {} => {
                        warm[place] = true;
                        if warm.iter().all(|warm| *warm) {
                            let lead = self.lead(asked.iter().copied());
                            self.open((first, orders), lead);
                        }
                    }
                    answer => answers[place] = Some(answer),
                }
            }
        }
    }

    /// Tells the nodes of a round that has no moment yet that it lies so far ahead.
    fn open(&mut self, (first, orders): (u64, &[(usize, Order)]), ahead: Duration) {
        let at = clock::shared_nanos() + ahead.as_nanos() as u64;
        for (round, (node, order)) in (first..).zip(orders) {
            if matches!(order, Order::Round(Trial { at_ns: None, .. })) {
                let peer = &mut self.peers[*node];
                let at_ns = peer.offset.there(at).unwrap_or(at);
                peer.say(round, &Order::Open { at_ns });
            }
        }
    }

    /// Compares the clocks of these nodes with ours, if the last comparison is too old.
    pub(super) fn sync(&mut self, nodes: &[usize]) -> Result<(), Fault> {
        const OFTEN_ENOUGH: Duration = Duration::from_secs(1);
        // Comparing clocks may take this fraction of the time: one twentieth.
        const SHARE: u32 = 20;
        let fresh = |(at, took, count): (Instant, Duration, usize)| {
            count >= nodes.len() && clock::since(at) < OFTEN_ENOUGH.max(SHARE * took)
        };
        let now = clock::shared_nanos();
        let known = nodes.iter().all(|node| self.peers[*node].offset.there(now).is_some());
        if known && self.synced.is_some_and(fresh) {
            return Ok(());
        }
        let start = clock::now();
        for group in nodes.chunks(AT_ONCE) {
            for _ in 0..EXCHANGES {
                self.exchange(group)?;
            }
        }
        self.synced = Some((clock::now(), clock::since(start), nodes.len()));
        Ok(())
    }

    /// Checks that each of these nodes is alive before it gets an order that takes long.
    pub(super) fn look(&mut self, nodes: &[usize]) -> Result<(), Fault> {
        self.exchange(nodes)
    }

    /// Asks each of these nodes once for its time.
    fn exchange(&mut self, nodes: &[usize]) -> Result<(), Fault> {
        let mut open: Vec<(usize, u64, u64)> = Vec::with_capacity(nodes.len());
        for &node in nodes {
            self.id += 1;
            let asked = clock::shared_nanos();
            self.peers[node].say(self.id, &Order::Ping {});
            open.push((node, self.id, asked));
        }
        let mut limit = Limit::new(PONG_WITHIN);
        while !open.is_empty() {
            let pending: Vec<usize> = open.iter().map(|(node, ..)| *node).collect();
            if let Some(node) = pending.iter().copied().find(|node| self.is_lost(*node)) {
                return Err(self.loss(node));
            }
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Fault::Interrupted);
            }
            if limit.left().is_zero() {
                let seconds = PONG_WITHIN.as_secs();
                for &node in &pending {
                    self.peers[node].lose(format!(
                        "it gave no sign of life within {seconds} s; was it stopped, or is it cut \
                         off?"
                    ));
                }
                return Err(self.loss(pending[0]));
            }
            for Heard { node, said, at } in self.turn(&pending, GLANCE) {
                let Answer::Pong { heard_ns, answered_ns } = said.said else { continue };
                let mine = |&(of, id, _): &(usize, u64, u64)| of == node && id == said.id;
                let Some(place) = open.iter().position(mine) else { continue };
                let (_, _, asked) = open.swap_remove(place);
                let exchange = Exchange { asked, heard: heard_ns, answered: answered_ns, back: at };
                self.peers[node].offset.learn(exchange);
            }
        }
        Ok(())
    }

    fn is_lost(&self, node: usize) -> bool {
        self.peers[node].lost.is_some()
    }

    fn loss(&self, node: usize) -> Fault {
        Fault::Lost { node, why: self.peers[node].lost.clone().unwrap_or_default() }
    }

    /// Waits until one of these nodes sends something, or for `patience`, and returns what was
    /// sent.
    fn turn(&mut self, nodes: &[usize], patience: Duration) -> Vec<Heard> {
        thread::sleep(GATHER * (nodes.len() as u32 / MANY));
        let ready: Vec<(usize, PollFlags)> = {
            let mut watched: Vec<PollFd<'_>> = nodes
                .iter()
                .map(|node| {
                    let peer = &self.peers[*node];
                    let mut flags = PollFlags::IN;
                    flags.set(PollFlags::OUT, peer.is_waiting_to_send());
                    PollFd::new(&peer.stream, flags)
                })
                .collect();
            let limit = Timespec::try_from(patience).ok();
            // The caller repeats a wait that was interrupted.
            let _ = poll(&mut watched, limit.as_ref());
            nodes.iter().copied().zip(watched.iter().map(PollFd::revents)).collect()
        };
        let mut heard = Vec::new();
        for (node, flags) in ready {
            let peer = &mut self.peers[node];
            if flags.contains(PollFlags::OUT) {
                peer.send();
            }
            if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                let said = peer.heard(&mut self.buffer);
                let at = clock::shared_nanos();
                heard.extend(said.into_iter().map(|said| Heard { node, said, at }));
            }
        }
        heard
    }

    /// Tells all nodes to end, and closes their streams.
    pub(super) fn farewell(&mut self) {
        for peer in &mut self.peers {
            peer.say(0, &Order::Quit {});
            let _ = peer.stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

#[test]
fn who_waits_for_the_others_is_not_to_blame() {
    let orders: Vec<(usize, Order)> = (4..7).map(|node| (node, Order::Burn {})).collect();
    let nothing = [None, None, None];
    assert_eq!(silent(&orders, &nothing, &[true, false, true]), [5]);
    assert_eq!(silent(&orders, &nothing, &[true; 3]), [4, 5, 6], "all know the moment");
    assert_eq!(silent(&orders, &nothing, &[false; 3]), [4, 5, 6], "nothing is warmed up");
    let one = [Some(Answer::Bye {}), None, None];
    assert_eq!(silent(&orders, &one, &[false, true, false]), [6]);
    assert_eq!(silent(&orders, &one, &[false, true, true]), [5, 6]);
}
