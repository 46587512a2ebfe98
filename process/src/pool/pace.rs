//! How long results may gather before somebody reads them.
//!
//! A worker that must wake a reader for each result pays for that, and the reader takes a core from the workers each
//! time. While all workers have enough ahead of them nobody needs to look: whoever reads sleeps for a while, and no
//! worker rings.

use std::time::Duration;

use super::seat::Seat;
use super::state::State;

/// The shortest nap, in a rush of short tasks: results gather meanwhile, and no worker has to ring for them.
const SHORTEST: Duration = Duration::from_micros(10);
/// The longest: as long as a waiting thread may be kept from a result that is there.
const LONGEST: Duration = Duration::from_micros(250);
/// How much longer a nap takes than it was to take: the usual slack of timers, and waking up.
const OVERSLEPT_NS: f64 = 60_000.0;

/// One in so many workers may run out of tasks.
const MANY: usize = 10;

impl State {
    /// Whether many tasks have no outcome yet, and tasks have been very short.
    pub(crate) fn are_many(&self) -> bool {
        self.slots.open() >= 16 && self.seats.iter().any(Seat::rushes)
    }

    /// How long to leave the results alone now: until about half of what the least busy workers have ahead of them is
    /// done. `None` when a result may be wanted sooner, to give its worker more to do.
    pub(crate) fn nap(&self) -> Option<Duration> {
        let busy = self.seats.iter().filter(|seat| !seat.flights.is_empty());
        let mut ahead: Vec<f64> = busy.map(Seat::ahead_ns).collect();
        // Of many workers a few may be idle for a moment: that costs less than to wake up for each of them.
        let few = ahead.len() / MANY;
        if ahead.is_empty() {
            return None;
        }
        let (_, ahead, _) = ahead.select_nth_unstable_by(few, f64::total_cmp);
        let nap = Duration::from_nanos((*ahead / 2.0 - OVERSLEPT_NS).max(0.0) as u64).min(LONGEST);
        if nap > SHORTEST {
            return Some(nap);
        }
        let rushes = |seat: &Seat| seat.flights.len() >= 16 && seat.rushes();
        self.seats.iter().any(rushes).then_some(SHORTEST)
    }
}
