//! The state of a pool under one lock: its tasks, its seats, and which worker gets the next task.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::backlog::{Backlog, Waiting};
use super::bits::Bits;
use super::giving::Row;
use super::link::{Attachment, Listener};
use super::patience::Patience;
use super::raw::Answer;
use super::seat::{Phase, Seat};
use super::settings::Settings;
use super::slots::{Route, Slots};
use crate::error::{Error, Result};
use crate::outcome::{Exit, Failure};
use crate::spawn::START_LIMIT;

/// A thread that gives many tasks reads results after so many of them, so that the keeper need not
/// compete with it for the lock.
const READ_EVERY: u32 = 256;

/// The error of a worker that answers a task that it does not have.
const UNASKED: Error = Error::Damaged("a worker answered a task that it was not given");

/// Whether a pool takes tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    Open,
    /// Takes no more tasks; the accepted ones are run.
    Closed,
    /// Everything was stopped.
    Terminated,
}

/// A pool's state.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Arc<Settings>,
    pub(crate) door: Door,
    pub(crate) slots: Slots,
    pub(crate) seats: Vec<Seat>,
    /// Tasks for any worker go only to so many seats, the first ones.
    pub(crate) active: usize,
    pub(super) backlog: Backlog,
    /// Whether waiting tasks may have an outcome already, because they were cancelled.
    pub(super) withdrawn: bool,
    /// Seats without any task, and seats that could take one.
    pub(super) idle: Bits,
    pub(super) room: Bits,
    pub(super) turn: usize,
    pub(super) row: Row,
    /// How many user threads read the results in place of the keeper, and whether one of them
    /// sleeps until there are any.
    pub(crate) leaders: usize,
    pub(crate) led: bool,
    /// Whether the keeper looks again very soon, so that no worker needs to ring for it.
    pub(crate) keeper_naps: bool,
    /// How many user threads wait for the leading one.
    pub(crate) followers: usize,
    /// Whether the keeper looks for stuck tasks already.
    pub(crate) ticking: bool,
    /// How workers have ended so far.
    pub(crate) exits: Vec<Exit>,
    pub(crate) broken: Option<String>,
    /// How long workers may be silent, if there is a limit.
    pub(crate) patience: Option<Patience>,
    /// Whether the keeper has ended.
    pub(crate) over: bool,
    pub(super) alert: bool,
    /// Tasks accepted since results were last read, and how often they were read.
    unread: u32,
    pub(crate) readings: u64,
    scratch: Vec<u8>,
}

impl State {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let workers = settings.workers;
        Self {
            door: Door::Open,
            slots: Slots::default(),
            seats: (0..workers as u32).map(|index| Seat::new(index, &settings)).collect(),
            active: workers,
            backlog: Backlog::default(),
            withdrawn: false,
            idle: Bits::new(workers),
            room: Bits::new(workers),
            turn: 0,
            row: Row::default(),
            leaders: 0,
            keeper_naps: false,
            led: false,
            followers: 0,
            ticking: false,
            exits: Vec::new(),
            broken: None,
            patience: None,
            over: false,
            alert: false,
            unread: 0,
            readings: 0,
            scratch: Vec::new(),
            settings,
        }
    }

    /// Accepts a task for any worker, or for one; returns its tag.
    #[inline]
    pub(crate) fn submit(
        &mut self,
        route: Route,
        seat: Option<usize>,
        bytes: &[u8],
        attachment: Option<Box<Attachment>>,
    ) -> Result<u64> {
        if self.door != Door::Open || self.broken.is_some() {
            return Err(self.refusal());
        }
        if self.slots.open() == 0 && self.settings.time_limit.is_some() {
            // The keeper sleeps without a limit while there is nothing for it to do.
            self.alert = true;
        }
        let attached = attachment.is_some();
        if let Some(index) = seat {
            self.admit(index)?;
            let tag = self.slots.insert(route, attachment);
            self.seats[index].directed.push(Waiting { tag, bytes, attached });
            self.refill(index);
            return Ok(tag);
        }
        let tag = self.slots.insert(route, attachment);
        self.unread += 1;
        if !self.backlog.is_empty() || !self.place(tag, bytes, attached) {
            self.backlog.push(Waiting { tag, bytes, attached });
        }
        Ok(tag)
    }

    #[cold]
    fn refusal(&self) -> Error {
        self.broken.clone().map_or(Error::PoolClosed, |reason| Error::PoolBroken { reason })
    }

    /// Whether a task may be directed to this worker; the error says why not.
    fn admit(&self, index: usize) -> Result<()> {
        let Some(seat) = self.seats.get(index) else {
            let last = self.seats.len() - 1;
            return Err(Error::Setting(format!(
                "there is no worker {index}; they are 0 to {last}"
            )));
        };
        match &seat.phase {
            Phase::Given(reason) => Err(Error::PoolBroken { reason: reason.clone() }),
            _ => Ok(()),
        }
    }

    /// Whether a thread that only gives tasks should read results now, because it has given many.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        self.unread >= READ_EVERY && !self.led
    }

    /// Whether there is new work that only the keeper can do: to send what a full socket did not
    /// take, or to watch a time limit. A second call returns `false`.
    #[inline]
    pub(crate) fn needs_keeper(&mut self) -> bool {
        self.alert && std::mem::take(&mut self.alert)
    }

    /// Takes in all results that are there and gives further tasks. Returns how many results there
    /// were.
    pub(crate) fn drain(&mut self) -> usize {
        self.unread = 0;
        self.readings += 1;
        self.row = Row::default();
        (0..self.seats.len()).map(|index| self.drain_seat(index)).sum()
    }

    pub(crate) fn drain_seat(&mut self, index: usize) -> usize {
        let seat = &mut self.seats[index];
        if seat.flights.is_empty() {
            return 0;
        }
        seat.publish_rest();
        let worker = seat.worker();
        let Some(live) = &mut seat.live else { return 0 };
        let mut count = 0;
        let damage = loop {
            match live.link.pop_small() {
                Ok(Some((number, small))) => {
                    let Some(tag) = seat.flights.land(number) else { break Some(UNASKED) };
                    count += 1;
                    self.slots.settle_small(tag, worker, small);
                    continue;
                }
                Ok(None) => {}
                Err(error) => break Some(error),
            }
            match live.link.pop(&mut self.scratch) {
                Ok(Some((number, answer))) => {
                    let Some(tag) = seat.flights.land(number) else { break Some(UNASKED) };
                    count += 1;
                    self.slots.settle(tag, worker, answer);
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if count > 0 {
            live.link.relieve();
            seat.full = false;
            if self.settings.time_limit.is_some() {
                seat.since = Instant::now();
            }
            let nothing_waits = self.backlog.is_empty() && seat.directed.is_empty();
            seat.adapt(count, nothing_waits, self.active, &self.settings);
        }
        if let Some(error) = damage {
            condemn(seat, &error);
        }
        if count > 0 {
            self.refill(index);
        }
        count
    }

    /// Cancels a task that no worker has been given; returns whether it was cancelled.
    pub(crate) fn cancel(&mut self, tag: u64) -> bool {
        let given =
            self.seats.iter().any(|seat| seat.flights.iter().any(|(_, flight)| flight.tag == tag));
        let cancels = !given && self.slots.is_open(tag);
        if cancels {
            self.fail(tag, Failure::Cancelled, 0);
            self.withdrawn = true;
        }
        cancels
    }

    /// Sets which thread sleeps until a result comes; returns `false` when one is there already.
    pub(crate) fn listen(&self, listener: Listener) -> bool {
        let answered = self.seats.iter().filter(|seat| !seat.listen(listener));
        answered.count() == 0
    }

    /// Gives a task a failure as its outcome. `seat` is the worker that it is reported for.
    pub(crate) fn fail(&mut self, tag: u64, failure: Failure, seat: usize) {
        let worker = self.seats[seat].worker();
        self.slots.settle(tag, worker, Answer::Failure(Box::new(failure)));
    }

    /// Marks the pool as broken when every active seat was given up, and fails all tasks.
    pub(crate) fn break_without_workers(&mut self) {
        let reason = |seat: &Seat| match &seat.phase {
            Phase::Given(reason) => Some(reason.clone()),
            _ => None,
        };
        let given: Option<Vec<String>> = self.seats[..self.active].iter().map(reason).collect();
        if let Some(reason) = given.and_then(|mut reasons| reasons.pop()) {
            self.broken = Some(reason.clone());
            self.fail_all(&Failure::NeverStarted(reason));
        }
    }

    /// Gives every task without an outcome this failure.
    pub(crate) fn fail_all(&mut self, failure: &Failure) {
        for tag in self.slots.all_open() {
            self.fail(tag, failure.clone(), 0);
        }
        self.withdrawn = true;
    }

    /// Kills the workers whose oldest task is over the time limit. Returns whether results were
    /// read on the way.
    pub(crate) fn kill_overdue(&mut self, limit: Duration) -> bool {
        let mut found = false;
        for index in 0..self.seats.len() {
            if !self.seats[index].is_overdue(limit) {
                continue;
            }
            // It may have ended in time without its result having been read.
            found |= self.drain_seat(index) > 0;
            let seat = &mut self.seats[index];
            if seat.is_overdue(limit) && seat.verdict.is_none() {
                kill(seat, Failure::TimedOut { after: limit });
            }
        }
        found
    }

    /// Kills the workers that have not reached `init` within the limit.
    pub(crate) fn kill_silent_starts(&mut self) {
        for seat in self.seats.iter_mut().filter(|seat| seat.phase == Phase::Booting) {
            if seat.started.elapsed() > START_LIMIT && seat.verdict.is_none() {
                let reason =
                    format!("it did not come to knee_process::init within {START_LIMIT:?}");
                kill(seat, Failure::NeverStarted(reason));
            }
        }
    }

    /// Stops everything at once: cancels all tasks and kills all workers.
    pub(crate) fn terminate(&mut self) {
        self.door = Door::Terminated;
        self.fail_all(&Failure::Cancelled);
        for seat in &mut self.seats {
            kill(seat, Failure::Cancelled);
        }
    }
}

/// Kills a seat's worker for the given reason.
pub(super) fn kill(seat: &mut Seat, verdict: Failure) {
    if let Some(live) = &seat.live {
        seat.verdict = Some(verdict);
        live.child.signal(Signal::KILL);
    }
}

/// Kills a worker whose channel is out of order.
pub(super) fn condemn(seat: &mut Seat, error: &Error) {
    if seat.verdict.is_none() {
        // A closed channel means that the worker has died. Its death is reported by the system.
        match error {
            Error::Closed => {}
            _ => kill(seat, Failure::Failed(format!("the worker was killed because {error}"))),
        }
    }
    seat.full = true;
}
