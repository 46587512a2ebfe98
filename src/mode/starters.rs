//! Shared by the two modes that start something anew for each task: N starters, released together,
//! each with a closed loop.

use std::sync::Arc;
use std::thread;

use knee_workloads::{Aside, Work};

use super::line::StartingLine;
use super::{Gate, Ground, Lane, Lap, Meter, ModeError, Round, Whom, Window, gather};
use crate::clock;

/// What to measure in one round.
pub(super) struct Order {
    /// How many tasks run at once.
    pub(super) active: usize,
    pub(super) window: Window,
    /// The processes whose usage counts.
    pub(super) whom: Whom,
    /// Bytes of this process that do not belong to the round.
    pub(super) others: u64,
}

/// Measures a round in which worker `w` does task `n` by calling `task(w, n)`. The call starts the
/// worker, runs the task and waits for the worker's end.
pub(super) fn round(
    ground: &Ground,
    order: Order,
    task: impl Fn(usize, u64) -> Result<(Work, Aside), ModeError> + Sync,
) -> Result<Round, ModeError> {
    let Order { active, window, whom, others } = order;
    let (gate, meter) = (ground.gate(window, active), Meter::new(whom));
    let line = StartingLine::new(active + 1);
    let lap = |worker| lap(ground.lane(&gate, worker, active), worker, &gate, &meter, &task);
    let (laps, span) = thread::scope(|scope| {
        let (lap, line) = (&lap, &line);
        let begin = |worker| {
            let body = move || {
                line.wait(|| {});
                lap(worker)
            };
            let thread = thread::Builder::new().name(format!("starter-{worker}"));
            thread.spawn_scoped(scope, body).map_err(|error| {
                // The starters that already exist must not wait for this one.
                gate.stop();
                line.pass(|| {});
                ModeError::Launch {
                    what: "a thread could not be started",
                    reason: error.to_string(),
                }
            })
        };
        let starters: Vec<_> = (0..active).map(begin).collect();
        if gate.is_open_from_start() {
            meter.open(&gate);
        }
        // The clock is read before the release, because this thread may be scheduled last
        // afterwards.
        let start = clock::now();
        line.wait(|| {});
        let laps = starters.into_iter().map(|starter| super::joined(starter?)).collect();
        (laps, clock::since(start))
    });
    let usage = meter.end_without(others);
    Ok(Round::new(gather(&gate, laps)?, usage, span))
}

fn lap(
    mut lane: Lane,
    worker: usize,
    gate: &Arc<Gate>,
    meter: &Meter,
    task: &impl Fn(usize, u64) -> Result<(Work, Aside), ModeError>,
) -> Result<Lap, ModeError> {
    lane.start();
    while let Some(number) = lane.take() {
        let (work, aside) = task(worker, number).inspect_err(|_| gate.stop())?;
        lane.set_aside(aside);
        meter.at(lane.done(number, work), gate);
    }
    Ok(lane.finish())
}
