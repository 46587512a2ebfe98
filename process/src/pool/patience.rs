//! How long the keeper may sleep, and how long workers may be silent.

use std::time::{Duration, Instant};

use super::seat::Phase;
use super::state::{State, kill};
use crate::outcome::Failure;
use crate::spawn::START_LIMIT;

/// How often to look for tasks behind a long one while a worker is idle.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// How much longer a silent worker has after its time is up, because this program itself may have
/// been stopped meanwhile.
const GRACE: Duration = Duration::from_secs(2);

/// How long workers may be silent. A worker is silent while it ends no task.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    pub(super) until: Instant,
    /// The oldest task of each worker when the time was up; `None` before.
    seen: Option<Vec<Option<u64>>>,
}

impl Patience {
    /// A limit that starts now; `None` where it is too long to have an end.
    pub(crate) fn new(limit: Duration) -> Option<Self> {
        Some(Self { limit, until: Instant::now().checked_add(limit)?, seen: None })
    }
}

impl State {
    /// Kills the workers that have ended no task for [`GRACE`] after the time was up. Returns
    /// whether results were read on the way.
    pub(super) fn kill_silent(&mut self) -> bool {
        let now = Instant::now();
        let Some(mut patience) = self.patience.take_if(|patience| patience.until <= now) else {
            return false;
        };
        let found = self.drain() > 0;
        let at = self.seats.iter().map(|seat| seat.flights.front().map(|flight| flight.tag));
        let at: Vec<Option<u64>> = at.collect();
        match patience.seen.take() {
            None => {
                (patience.until, patience.seen) = (now + GRACE, Some(at));
                self.patience = Some(patience);
            }
            Some(seen) => {
                for (seat, (before, now)) in self.seats.iter_mut().zip(seen.iter().zip(&at)) {
                    if now.is_some() && before == now && seat.verdict.is_none() {
                        kill(seat, Failure::TimedOut { after: patience.limit });
                    }
                }
            }
        }
        found
    }
}

/// When to look again at the latest.
pub(super) fn wake_time(state: &State) -> Option<Instant> {
    let now = Instant::now();
    let busy = state.slots.open() > 0;
    let overdue = state
        .settings
        .time_limit
        .filter(|_| busy)
        .map(|limit| now + (limit / 10).clamp(TICK, Duration::from_millis(100)));
    let tick = state.lopsided().then(|| now + TICK);
    let booting =
        state.seats.iter().any(|seat| seat.phase == Phase::Booting).then(|| now + START_LIMIT / 10);
    let silent = state.patience.as_ref().map(|patience| patience.until);
    [overdue, tick, booting, silent].into_iter().flatten().min()
}
