//! The pool's own thread: it starts workers, notices their deaths, and reads results when no user
//! thread does.
//!
//! It lives as long as the pool, so the system may kill its workers when this thread ends.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::Release;
use std::sync::mpsc::Sender;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::deaths::Deaths;
use super::link::{LinkPlan, Listener, Wiring};
use super::patience::{TICK, wake_time};
use super::seat::{Live, Phase, Seat};
use super::serve::WorkerStart;
use super::shared::{End, Shared};
use super::state::{Door, State, kill};
use crate::codec::{self, Bytes};
use crate::error::{Error, Result};
use crate::outcome::{Exit, Failure};
use crate::process::silent_start;
use crate::spawn::child::ChildProcess;
use crate::spawn::{Launch, launch};
use crate::start::Work;
use crate::sys::control::Kind;
use crate::sys::poll::{self, Deadline};

/// Whether a descriptor tells the end of a process. Elsewhere a worker that has closed its side is
/// looked at again and again.
const ENDS_ARE_SEEN: bool = cfg!(target_os = "linux");

/// How long a worker may take to end after it has closed its side, before it is killed.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long after user threads have read results the keeper leaves the reading to them. When they
/// stop, workers may run dry once for this long. A keeper that looked more often would take the
/// lock and a core from the reading threads.
const STAND_BACK: Duration = Duration::from_millis(1);

/// What the keeper watches of a worker.
struct Watch {
    child: Arc<ChildProcess>,
    socket: Arc<OwnedFd>,
    /// When the worker closed its side. From then on only its end is awaited.
    closed: Option<Instant>,
    /// Whether it has sent something or ended since the last look.
    stirred: bool,
}

pub(crate) struct Keeper {
    shared: Arc<Shared>,
    watches: Vec<Option<Watch>>,
    deaths: Deaths,
    /// How often results had been read at the last look, and when user threads were last seen to
    /// have read some.
    readings: u64,
    others_read_at: Option<Instant>,
}

impl Keeper {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            watches: (0..shared.settings.workers).map(|_| None).collect(),
            shared,
            deaths: Deaths::new(),
            readings: 0,
            others_read_at: None,
        }
    }

    /// Starts the workers, reports through `started` whether that worked, and looks after the pool
    /// until all workers have ended.
    pub(crate) fn run(mut self, started: &Sender<Result<()>>) {
        let _end = End::of(&self.shared);
        let first = self.fill_seats();
        let failed = first.is_err();
        // `Builder::build` waits for this.
        let _ = started.send(first);
        if failed {
            self.shared.lock().terminate();
        }
        while !self.turn(failed) {}
    }

    /// Handles everything that is new, then sleeps until more happens. Returns whether the pool is
    /// over.
    fn turn(&mut self, start_failed: bool) -> bool {
        self.look();
        if !start_failed && let Err(error) = self.fill_seats() {
            self.give_up_vacant(&error.to_string());
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let others_read = self.others_read(&state);
        if state.leaders == 0 && !others_read {
            shared.lead(&mut state);
            self.readings = state.readings;
        }
        if state.door == Door::Closed && state.slots.open() == 0 {
            dismiss(&mut state);
        }
        if state.door != Door::Open && state.seats.iter().all(|seat| seat.live.is_none()) {
            return true;
        }
        if !self.watches.iter().flatten().any(|watch| watch.stirred) {
            self.sleep(state, others_read);
        }
        false
    }

    /// Whether user threads that give many short tasks read the results too. Then the keeper leaves
    /// the reading to them.
    fn others_read(&mut self, state: &State) -> bool {
        let now = Instant::now();
        if std::mem::replace(&mut self.readings, state.readings) != state.readings {
            self.others_read_at = Some(now);
        }
        state.are_many() && self.others_read_at.is_some_and(|at| now - at < STAND_BACK)
    }

    /// Sleeps until a bell, a worker's message, a death, or the next time to look.
    fn sleep(&mut self, mut state: MutexGuard<'_, State>, others_read: bool) {
        let mut wake_at = wake_time(&state);
        let nap = if state.leaders == 0 { state.nap() } else { None };
        // Where workers poll, they need not ring for the keeper: ringing would delay their next
        // task.
        let polls = state.settings.busy_poll.is_some();
        state.keeper_naps = others_read || nap.is_some() || polls;
        if state.keeper_naps {
            if state.leaders == 0 {
                state.listen(Listener::None);
            }
            let nap = if others_read { STAND_BACK / 2 } else { nap.unwrap_or(TICK) };
            wake_at = Some(Instant::now() + nap);
        } else if state.leaders == 0 && state.slots.open() > 0 && !state.listen(Listener::Keeper) {
            return;
        }
        state.ticking = state.lopsided();
        let backed_up: Vec<bool> = state.seats.iter().map(Seat::is_backed_up).collect();
        drop(state);
        self.poll(wake_at, &backed_up);
    }

    /// Waits for the bell, the workers' sockets and their ends, up to `wake_at`; notes which
    /// workers have stirred.
    fn poll(&mut self, wake_at: Deadline, backed_up: &[bool]) {
        let closed = self.watches.iter().flatten().filter_map(|watch| watch.closed).min();
        let wake_at = match closed {
            Some(_) if !ENDS_ARE_SEEN => Some(Instant::now() + TICK),
            Some(since) => Some(wake_at.map_or(since + FAREWELL, |at| at.min(since + FAREWELL))),
            None => wake_at,
        };
        let mut fds = vec![PollFd::new(&self.shared.keeper, PollFlags::IN)];
        let mut whose = vec![None];
        for (index, watch) in self.watches.iter().enumerate() {
            let Some(watch) = watch else { continue };
            #[cfg(target_os = "linux")]
            fds.push(PollFd::new(&*watch.child, PollFlags::IN));
            if watch.closed.is_none() {
                let out = if backed_up[index] { PollFlags::OUT } else { PollFlags::empty() };
                fds.push(PollFd::from_borrowed_fd(watch.socket.as_fd(), PollFlags::IN | out));
            }
            whose.resize(fds.len(), Some(index));
        }
        // After a wait that has failed, everything is looked at.
        let failed = poll::poll(&mut fds, wake_at).is_err();
        let stirred: Vec<usize> = whose
            .into_iter()
            .zip(&fds)
            .filter(|(_, fd)| failed || !fd.revents().is_empty())
            .filter_map(|(index, _)| index)
            .collect();
        let rang = failed || !fds[0].revents().is_empty();
        drop(fds);
        for (index, watch) in self.watches.iter_mut().enumerate() {
            let Some(watch) = watch else { continue };
            watch.stirred = stirred.contains(&index) || (watch.closed.is_some() && !ENDS_ARE_SEEN);
        }
        if rang {
            self.shared.keeper.hush();
        }
    }

    /// Handles messages and ends of workers, and finds tasks that take too long or are stuck.
    fn look(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let mut changed = self.meet(&mut state);
        self.end_the_cut_off(&mut state);
        state.kill_silent_starts();
        if let Some(limit) = shared.settings.time_limit {
            changed |= state.kill_overdue(limit);
        }
        changed |= state.kill_silent();
        if changed {
            shared.announce(&state);
        }
        if state.lopsided() {
            state.rebalance();
        }
    }

    /// Kills workers that have closed their side and do not end: nothing can be said to them or
    /// heard from them.
    fn end_the_cut_off(&mut self, state: &mut State) {
        for (watch, seat) in self.watches.iter().zip(&mut state.seats) {
            let since = watch.as_ref().and_then(|watch| watch.closed);
            if since.is_some_and(|since| since.elapsed() >= FAREWELL) && seat.verdict.is_none() {
                let reason = "the worker was killed because it had closed its channel to the pool";
                kill(seat, Failure::Failed(reason.to_owned()));
            }
        }
    }

    /// Reads the messages of workers and handles the end of those that have ended. Returns whether
    /// a worker became ready or ended.
    fn meet(&mut self, state: &mut State) -> bool {
        let mut changed = false;
        for index in 0..self.watches.len() {
            if !self.watches[index].as_mut().is_some_and(|watch| std::mem::take(&mut watch.stirred))
            {
                continue;
            }
            changed |= self.hear(state, index);
            let Some(watch) = &self.watches[index] else { continue };
            if let Some(exit) = watch.child.try_reap() {
                self.watches[index] = None;
                self.bury(state, index, exit);
                changed = true;
            }
        }
        changed
    }

    /// Reads a worker's messages; returns whether it has become ready.
    fn hear(&mut self, state: &mut State, index: usize) -> bool {
        let Some(watch) = &mut self.watches[index] else { return false };
        let seat = &mut state.seats[index];
        let Some(live) = &mut seat.live else { return false };
        // Sending fails only when the worker has ended, and its end is noticed elsewhere.
        let _ = live.link.control.flush();
        let mut ready = false;
        let wanted = [Kind::Hello, Kind::Ready, Kind::Failed];
        while let Ok(Some(frame)) = live.link.frame(|frame| wanted.contains(&frame.kind)) {
            match frame.kind {
                Kind::Hello => seat.phase = Phase::Preparing,
                Kind::Ready => {
                    seat.phase = Phase::Ready;
                    ready = true;
                }
                _ => {
                    seat.verdict = Some(Failure::NeverStarted(
                        String::from_utf8_lossy(&frame.payload).into_owned(),
                    ));
                }
            }
        }
        if live.link.control.is_closed() {
            watch.closed.get_or_insert_with(Instant::now);
        }
        if ready {
            state.refill(index);
        }
        ready
    }

    /// Settles the tasks of a worker that has ended, and decides whether another takes its seat.
    fn bury(&mut self, state: &mut State, index: usize, exit: Exit) {
        state.drain_seat(index);
        let begun = state.recall(index, true);
        let seat = &mut state.seats[index];
        seat.flights.clear();
        seat.live = None;
        let phase = std::mem::replace(&mut seat.phase, Phase::Vacant);
        let verdict = seat.verdict.take();
        state.exits.push(exit);
        state.note(index);
        // The seat may stay empty, so the tasks that came back from it go to idle workers now.
        state.employ_idle();
        let failure = verdict.clone().unwrap_or_else(|| self.deaths.failure(exit));
        for tag in begun {
            state.fail(tag, failure.clone(), index);
        }
        let retired = phase == Phase::Leaving && exit.status.success();
        if state.door == Door::Terminated || retired {
            return;
        }
        let early = matches!(phase, Phase::Booting | Phase::Preparing);
        if let (true, Some(Failure::NeverStarted(reason))) = (early, verdict) {
            // The child itself refused to start, and the next one would refuse too.
            give_up(&self.shared, state, index, &reason);
        } else if !self.deaths.may_restart(&state.settings, early) {
            let what = if early { silent_start(exit) } else { failure.to_string() };
            give_up(
                &self.shared,
                state,
                index,
                &format!("too many workers died; the last one: {what}"),
            );
        }
    }

    /// Starts a worker for every vacant seat.
    fn fill_seats(&mut self) -> Result<()> {
        let vacant = |state: &State| {
            let needed =
                state.door == Door::Open || (state.door == Door::Closed && state.slots.open() > 0);
            state.seats.iter().position(|seat| needed && seat.phase == Phase::Vacant)
        };
        let total = self.watches.len();
        loop {
            let Some(index) = vacant(&self.shared.lock()) else { return Ok(()) };
            let up = self.watches.iter().flatten().count();
            let live = self.start(index).map_err(|error| match error {
                Error::Io { .. } | Error::Spawn { .. } if total > 1 => Error::NotUp {
                    reason: format!("{error} (worker {} of {total}; {up} run)", index + 1),
                },
                error => error,
            })?;
            let mut state = self.shared.lock();
            if state.door == Door::Terminated {
                return Ok(());
            }
            self.watches[index] = Some(Watch {
                child: Arc::clone(&live.child),
                socket: live.link.control.socket(),
                closed: None,
                // Its first message may have been read during the start, and then its socket stays
                // silent.
                stirred: true,
            });
            let settings = Arc::clone(&state.settings);
            state.seats[index].occupy(live, &settings);
            state.note(index);
        }
    }

    /// Starts the worker of one seat.
    fn start(&self, index: usize) -> Result<Live> {
        let settings = &self.shared.settings;
        let wiring = Wiring::new(settings.transport, &self.shared.keeper, self.shared.waiter())?;
        let copies = |fds: &[OwnedFd]| {
            fds.iter()
                .map(|fd| fd.try_clone().map_err(Error::io("duplicate a descriptor")))
                .collect::<Result<_>>()
        };
        let link = LinkPlan { transport: settings.transport, busy_poll: settings.busy_poll };
        let mut work = Vec::new();
        let start = WorkerStart { index: index as u32, body: settings.body.clone(), link };
        codec::encode(&start, &mut work)?;
        let launched = launch(Launch {
            name: &format!("{}-{index}", settings.name),
            work: Work::Worker(Bytes(work)),
            args: settings.init.clone(),
            own_fds: copies(&wiring.fds)?,
            arg_fds: copies(&settings.init_fds)?,
            method: settings.method,
            output: settings.output,
            lasting_thread: true,
        })?;
        let link = wiring.connect(launched.control);
        Ok(Live { link, child: Arc::new(launched.child), _lifeline: launched.lifeline })
    }

    fn give_up_vacant(&self, reason: &str) {
        let mut state = self.shared.lock();
        for index in 0..state.seats.len() {
            if state.seats[index].phase == Phase::Vacant {
                give_up(&self.shared, &mut state, index, reason);
            }
        }
        self.shared.announce(&state);
    }
}

/// Gives up a seat for good, for this reason.
fn give_up(shared: &Shared, state: &mut State, index: usize, reason: &str) {
    shared.lost.store(true, Release);
    state.seats[index].phase = Phase::Given(reason.to_owned());
    state.note(index);
    while let Some(tag) = state.seats[index].directed.front().map(|task| task.tag) {
        state.seats[index].directed.pop();
        state.fail(tag, Failure::NeverStarted(reason.to_owned()), index);
    }
    state.break_without_workers();
}

/// Tells all workers to end: there is nothing more to do.
fn dismiss(state: &mut State) {
    for index in 0..state.seats.len() {
        if state.seats[index].phase == Phase::Ready {
            state.seats[index].dismiss();
            state.note(index);
        }
    }
}
