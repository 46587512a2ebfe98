//! The lane: how one worker measures. It detects warm-up, counts whole tasks and keeps the latency
//! of each.
//!
//! A lane costs one clock reading and one histogram entry per task. It is the same in every mode:
//! the loop that runs tasks asks the lane for the next task number and gives it the result.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use knee_workloads::{Aside, Figure, Work};

use super::gate::{Extent, Gate, Hold, Moment};
use super::lap::Lap;
use super::schedule::{Due, Schedule};
use super::share::Share;
use crate::clock;

/// Warm-up ends when the rates of two successive slices differ by less than this share.
const AGREEMENT: f64 = 0.05;
/// Length of the first slice of a warm-up.
const FIRST_SLICE: Duration = Duration::from_micros(500);
/// While a worker waits for a task to become due, it checks this often whether the round is over.
const LOOK: Duration = Duration::from_millis(5);

/// The state of one worker's measurement.
#[derive(Debug)]
pub struct Lane {
    gate: Hold,
    /// The next task number. This worker's numbers are `number`, `number + stride` and so on, so
    /// workers share nothing to get the next one.
    number: u64,
    stride: u64,
    /// Tasks with numbers below this are compared with serial.
    checked: u64,
    phase: Phase,
    /// When the current task began, which is when the previous one ended.
    began: Instant,
    /// Time that the current task spent on itself, outside its work, before it began.
    untimed: Duration,
    /// When its window began. The window includes the time that tasks spend on themselves.
    window_began: Instant,
    /// When the worker was released, from the gate's origin. Without a warm-up, measuring begins
    /// then.
    released: Duration,
    share: Share,
    /// The figures that the program of the current task printed.
    figure: Option<Figure>,
    /// When the current task was due, where tasks arrive at a rate.
    due: Option<Due>,
    lap: Lap,
}

#[derive(Debug)]
enum Phase {
    /// Warming up, until two slices in a row agree.
    Warming { slice: Slice, previous: Option<f64> },
    /// Warm, and loading the machine until all workers are warm.
    Waiting,
    /// Measuring.
    Measuring { start: Instant },
    /// Finished, and loading the machine until all workers have finished.
    Loading,
}

#[derive(Debug)]
struct Slice {
    start: Instant,
    length: Duration,
    tasks: u64,
}

impl Lane {
    /// The lane of worker `worker` out of `workers`. It keeps the checksums of tasks with numbers
    /// below `checked`.
    pub fn new(gate: &Arc<Gate>, worker: usize, workers: usize, checked: u64) -> Self {
        let now = clock::now();
        let phase = if gate.is_open_from_start() {
            Phase::Measuring { start: now }
        } else {
            let slice = Slice { start: now, length: FIRST_SLICE, tasks: 0 };
            Phase::Warming { slice, previous: None }
        };
        Self {
            gate: Hold::of(gate),
            number: worker as u64,
            stride: workers as u64,
            checked,
            phase,
            began: now,
            untimed: Duration::ZERO,
            window_began: now,
            released: Duration::ZERO,
            share: Share::default(),
            figure: None,
            due: None,
            lap: Lap::nothing(),
        }
    }

    /// Restarts the clock of the current task. Called when all workers are ready and released
    /// together.
    pub fn start(&mut self) {
        let now = clock::now();
        (self.began, self.window_began) = (now, now);
        match &mut self.phase {
            Phase::Warming { slice, .. } => slice.start = now,
            Phase::Measuring { start } => *start = now,
            Phase::Waiting | Phase::Loading => {}
        }
        self.released = now.duration_since(self.gate.origin());
    }

    /// The number of the next task; `None` when this worker must stop.
    #[inline]
    pub fn take(&mut self) -> Option<u64> {
        if self.gate.stopped() {
            return None;
        }
        match self.gate.window().extent {
            Extent::Tasks(tasks) => return self.gate.take(tasks),
            Extent::Arrivals { .. } => return self.await_due(),
            Extent::Time(_) => {}
        }
        if self.gate.all_finished() {
            return None;
        }
        let number = self.number;
        self.number += self.stride;
        Some(number)
    }

    /// The next task in the queue. Waits until the task is due.
    fn await_due(&mut self) -> Option<u64> {
        let gate = self.gate.gate();
        let schedule = gate.schedule()?;
        let due = schedule.take(gate.now())?;
        loop {
            let now = gate.now();
            if now >= due.at {
                return Some(self.begin(due, schedule));
            }
            if gate.stopped() || schedule.is_late(due) && schedule.is_over(now) {
                return None;
            }
            thread::sleep(due.at.saturating_sub(now).min(LOOK));
        }
    }

    /// The next task in the queue, after somebody else has waited until it is due.
    pub(super) fn take_due(&mut self) -> Option<u64> {
        let gate = self.gate.gate();
        let schedule = gate.schedule().filter(|_| !gate.stopped())?;
        let due = schedule.take(gate.now())?;
        Some(self.begin(due, schedule))
    }

    fn begin(&mut self, due: Due, schedule: &Schedule) -> u64 {
        self.began = clock::now();
        let now = self.began.saturating_duration_since(self.gate.origin());
        let (opened, closed) = schedule.window();
        self.lap.waited[0] += u64::from(due.at < opened && now >= opened);
        self.lap.waited[1] += u64::from(due.at < closed && now >= closed);
        self.due = Some(due);
        due.number
    }

    /// Books a task that arrived at a rate. Its latency counts from when it was due.
    fn done_due(&mut self, due: Due, untimed: Duration, now: Instant, work: Work) -> Moment {
        let gate = self.gate.gate();
        let Some(schedule) = gate.schedule() else { return Moment::Ordinary };
        let [began, now] = self.since_origin([self.began, now]);
        self.share.part(work.units, untimed, (began, now), schedule.window());
        let took = now.saturating_sub(began);
        self.lap.served.0 += took;
        self.lap.served_squares += took.as_secs_f64().powi(2);
        self.lap.served.1 += 1;
        if due.measured {
            self.lap.tasks += 1;
            self.lap.units = self.lap.units.saturating_add(work.units);
            let latency = now.saturating_sub(due.at).as_nanos() as u64;
            self.lap.latency.saturating_record(latency.max(1));
            schedule.done();
        }
        schedule.moment(now)
    }

    /// Subtracts what the current task did beside its work. Call it before [`done`](Self::done).
    #[inline]
    pub fn set_aside(&mut self, aside: Aside) {
        self.lap.peak_memory = self.lap.peak_memory.max(aside.peak_memory);
        self.figure = aside.figure;
        if aside.untimed.is_zero() {
            return;
        }
        // Every span that began before the preparation is shortened by the preparation.
        self.untimed = aside.untimed;
        self.began += aside.untimed;
        match &mut self.phase {
            Phase::Warming { slice, .. } => slice.start += aside.untimed,
            Phase::Measuring { start } => *start += aside.untimed,
            Phase::Waiting | Phase::Loading => {}
        }
    }

    /// Books the end of task `number`, now. Returns what that means for the crew.
    #[inline]
    #[must_use]
    pub fn done(&mut self, number: u64, work: Work) -> Moment {
        self.done_at(clock::now(), number, work)
    }

    /// Books the end of task `number` at a moment that may be past. Where several ends are read at
    /// once, each counts at its own moment.
    #[inline]
    #[must_use]
    pub fn done_at(&mut self, now: Instant, number: u64, work: Work) -> Moment {
        // No task may end before it begins. That could seem so, because a preparation that is set
        // aside moves the beginning, and because two processes read the clock a little apart.
        let now = now.max(self.began);
        let began = self.began;
        let took = now.duration_since(began);
        let untimed = std::mem::take(&mut self.untimed);
        if number < self.checked {
            self.lap.checks.push((number, work.checksum));
        }
        if let Some(due) = self.due.take() {
            return self.done_due(due, untimed, now, work);
        }
        self.began = now;
        match &mut self.phase {
            Phase::Measuring { start } => {
                let start = *start;
                match self.gate.closed() {
                    None => self.share.whole(work.units, untimed),
                    // A straggler of a crowd: measuring ended without it.
                    Some(closed) => {
                        let [began, now] = self.since_origin([began, now]);
                        let edges = (Duration::ZERO, closed);
                        self.share.part(work.units, untimed, (began, now), edges);
                    }
                }
                self.count(start, now, took, work)
            }
            Phase::Warming { .. } if self.gate.opened().is_none() => self.warm(now),
            Phase::Warming { .. } | Phase::Waiting => {
                let [began, now] = self.since_origin([began, now]);
                if let Some(opened) = self.gate.opened().filter(|opened| now >= *opened) {
                    let closed = self.gate.closed().unwrap_or(Duration::MAX);
                    self.share.part(work.units, untimed, (began, now), (opened, closed));
                    if matches!(self.phase, Phase::Warming { .. }) {
                        self.lap.warm_up = opened;
                    }
                    self.phase = Phase::Measuring { start: self.began };
                    self.window_began = self.began;
                    if self.gate.has_come() {
                        return Moment::AllWarm;
                    }
                }
                Moment::Ordinary
            }
            Phase::Loading => {
                let closed = self.gate.closed().unwrap_or(Duration::MAX);
                let [began, now] = self.since_origin([began, now]);
                self.share.part(work.units, untimed, (began, now), (Duration::ZERO, closed));
                Moment::Ordinary
            }
        }
    }

    fn since_origin(&self, moments: [Instant; 2]) -> [Duration; 2] {
        moments.map(|moment| moment.saturating_duration_since(self.gate.origin()))
    }

    /// The lap of this worker; for a batch, its part of the batch.
    pub fn finish(mut self) -> Lap {
        if let Some(schedule) = self.gate.schedule() {
            let (opened, closed) = schedule.window();
            let wall = closed.saturating_sub(opened);
            let rate = self.share.rate(wall);
            return Lap { rate, wall, ended: closed, warm_up: opened, ..self.lap };
        }
        if matches!(self.gate.window().extent, Extent::Tasks(_)) {
            self.lap.ended = self.began.duration_since(self.gate.origin());
        }
        let opened = if self.gate.is_open_from_start() { None } else { self.gate.opened() };
        let opened = opened.unwrap_or(self.released);
        self.lap.rate = match self.gate.closed() {
            Some(closed) => self.share.rate(closed.saturating_sub(opened)),
            // A batch, or a round that was stopped early: only its own tasks count.
            None => self.share.rate(self.lap.wall),
        };
        if let Some(rate) = self.lap.printed_rate() {
            self.lap.rate = rate;
        }
        self.lap
    }

    #[inline]
    fn count(&mut self, start: Instant, now: Instant, took: Duration, work: Work) -> Moment {
        self.lap.tasks += 1;
        self.lap.units = self.lap.units.saturating_add(work.units);
        match self.figure {
            // The duration of a program says nothing about the latency of what it measures.
            Some(figure) => self.lap.printed.push(figure),
            None => self.lap.latency.saturating_record((took.as_nanos() as u64).max(1)),
        }
        let wall = now.duration_since(start);
        self.lap.wall = wall;
        if let Extent::Time(length) = self.gate.window().extent
            && now.duration_since(self.window_began) >= length
        {
            self.lap.ended = now.duration_since(self.gate.origin());
            self.phase = Phase::Loading;
            if self.gate.finished() {
                return Moment::AllFinished;
            }
        }
        Moment::Ordinary
    }

    /// Slices double in length until two in a row agree or the limit is reached.
    fn warm(&mut self, now: Instant) -> Moment {
        let Phase::Warming { slice, previous } = &mut self.phase else { return Moment::Ordinary };
        slice.tasks += 1;
        let length = now.duration_since(slice.start);
        let limit = self.gate.window().warm_up;
        let total = now.duration_since(self.gate.origin());
        if length < slice.length && total < limit {
            return Moment::Ordinary;
        }
        let rate = slice.tasks as f64 / length.as_secs_f64();
        let agrees = previous.is_some_and(|earlier| (rate / earlier - 1.0).abs() < AGREEMENT);
        if agrees || total >= limit {
            self.lap.warm_up = total;
            self.phase = Phase::Waiting;
            return if self.gate.warmed() { Moment::AllWarm } else { Moment::Ordinary };
        }
        *previous = Some(rate);
        *slice = Slice { start: now, length: slice.length * 2, tasks: 0 };
        Moment::Ordinary
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::Window;

    #[test]
    fn a_straggler_that_is_not_warm_when_the_gate_opens_counts_from_then_on() {
        let length = Duration::from_secs(1);
        let window = Window { extent: Extent::Time(length), warm_up: Duration::from_millis(100) };
        let gate = Arc::new(Gate::new(window, 1, &Arc::default()));
        let mut lane = Lane::new(&gate, 0, 1, 0);
        lane.start();
        gate.open();
        let opened = gate.origin() + gate.opened().expect("it is open");
        let work = Work { units: 10, checksum: 0 };
        let mut done = |seconds: f64| {
            let number = lane.take().expect("it goes on");
            lane.done_at(opened + Duration::from_secs_f64(seconds), number, work)
        };
        assert_eq!(done(2.0), Moment::Ordinary, "it began before the opening");
        assert_eq!(done(2.5), Moment::Ordinary);
        assert_eq!(done(3.5), Moment::AllFinished);
        let lap = lane.finish();
        assert_eq!((lap.tasks, lap.units), (2, 20));
        assert!(lap.warm_up < Duration::from_secs(1), "{lap:?}");
    }

    #[test]
    fn measuring_ends_without_the_last_straggler_of_a_crowd() {
        const WORKERS: usize = 200;
        let length = Duration::from_secs(1);
        let window = Window { extent: Extent::Time(length), warm_up: Duration::ZERO };
        let gate = Arc::new(Gate::new(window, WORKERS, &Arc::default()));
        gate.open();
        let origin = gate.origin();
        let work = Work { units: 10, checksum: 0 };
        let mut lanes: Vec<Lane> =
            (0..WORKERS).map(|worker| Lane::new(&gate, worker, WORKERS, 0)).collect();
        let numbers: Vec<u64> =
            lanes.iter_mut().map(|lane| lane.take().expect("it is open")).collect();
        let mut straggler = lanes.pop().expect("there are workers");
        for (at, (lane, number)) in lanes.iter_mut().zip(&numbers).enumerate() {
            let last = at + 2 == WORKERS;
            let moment = lane.done_at(origin + 2 * length, *number, work);
            assert_eq!(moment == Moment::AllFinished, last, "{at}");
        }
        assert!(straggler.take().is_none(), "all go home");
        let late = straggler.done_at(origin + Duration::from_secs(3600), numbers[199], work);
        assert_eq!(late, Moment::Ordinary);
        let (own, others) = (straggler.finish().rate, lanes.remove(0).finish().rate);
        assert!(own < others / 2.0, "a small part of its task lies inside: {own}, {others}");
    }
}
