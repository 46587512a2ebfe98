//! How long results may gather before they are read.
//!
//! Waking the reader for each result costs the worker time, and the reader takes a core from the
//! workers each time. While all workers have enough tasks ahead of them, no result is needed at
//! once. So the reading thread naps, and no worker rings.

use std::time::Duration;

use super::seat::Seat;
use super::state::State;

/// The shortest nap, in a rush of short tasks: results gather meanwhile, and no worker has to ring
/// for them.
const SHORTEST_NS: f64 = 10_000.0;
/// The longest nap. A result that is there may be read this much later.
const LONGEST_NS: f64 = 250_000.0;
/// How much longer a nap takes than asked for: the slack of timers, and waking up.
const OVERSLEPT_NS: f64 = 60_000.0;

/// A nap must bring at least so many results. With fewer, being woken for each costs no more.
const WORTH_IT: f64 = 2.0;
/// One in so many workers may run out of tasks.
const MANY: usize = 10;

impl State {
    /// Whether many tasks have no outcome yet, and tasks have been very short.
    pub(crate) fn are_many(&self) -> bool {
        self.slots.open() >= 16 && self.seats.iter().any(Seat::rushes)
    }

    /// How long the reading thread may nap now: until the least busy workers have done about half
    /// of the tasks ahead of them. `None` when a worker may need more tasks sooner, and when so few
    /// results will come that it is better to be woken.
    pub(crate) fn nap(&self) -> Option<Duration> {
        let busy = || self.seats.iter().filter(|seat| !seat.flights.is_empty());
        let mut ahead: Vec<f64> = busy().map(Seat::ahead_ns).collect();
        // Of many workers a few may be idle for a moment, which costs less than waking up for each
        // of them.
        let few = ahead.len() / MANY;
        if ahead.is_empty() {
            return None;
        }
        let (_, ahead, _) = ahead.select_nth_unstable_by(few, f64::total_cmp);
        let nap = (*ahead / 2.0 - OVERSLEPT_NS).clamp(0.0, LONGEST_NS);
        let to_come: f64 = busy().map(|seat| (nap + OVERSLEPT_NS) / seat.mean_ns()).sum();
        if nap > SHORTEST_NS && to_come >= WORTH_IT {
            return Some(Duration::from_nanos(nap as u64));
        }
        let rushes = |seat: &Seat| seat.flights.len() >= 16 && seat.rushes();
        self.seats.iter().any(rushes).then_some(Duration::from_nanos(SHORTEST_NS as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::pool::settings::Settings;

    /// The nap in microseconds where workers have so many tasks of so many microseconds; 0 for
    /// none.
    fn nap(seats: &[(usize, f64)]) -> u128 {
        let settings = Settings::of_nothing(seats.len());
        let mut state = State::new(Arc::new(settings));
        for (seat, (flights, microseconds)) in state.seats.iter_mut().zip(seats) {
            seat.imagine(*flights, microseconds * 1000.0);
        }
        state.nap().map_or(0, |nap| nap.as_micros())
    }

    #[test]
    fn results_gather_only_while_all_workers_have_enough_ahead() {
        assert_eq!(nap(&[(9, 50.0), (9, 50.0)]), 140, "half of 400 us, and what is overslept");
        assert_eq!(nap(&[(9, 50.0), (1, 50.0)]), 0, "one would run dry");
        assert_eq!(nap(&[(9, 50.0), (0, 50.0)]), 140, "one without work waits for nothing");
        assert_eq!(nap(&[(9, 0.0), (9, 0.0)]), 0, "nobody knows how long they take");
        assert_eq!(nap(&[(1, 5.0), (1, 5.0)]), 0, "each result is waited for");
        assert_eq!(nap(&[]), 0);
    }

    #[test]
    fn few_results_are_worth_being_woken_for() {
        assert_eq!(nap(&[(2, 10_000.0), (2, 10_000.0)]), 0);
        assert_eq!(nap(&[(2, 1_000.0); 64]), 250, "64 workers end one each 16 us");
    }

    #[test]
    fn a_few_of_many_workers_may_run_dry() {
        let mut seats = [(2, 1_000.0); 64];
        seats[..6].fill((1, 1_000.0));
        assert_eq!(nap(&seats), 250);
        seats[..7].fill((1, 1_000.0));
        assert_eq!(nap(&seats), 0);
    }

    #[test]
    fn a_rush_of_the_shortest_tasks_is_worth_a_short_nap() {
        assert_eq!(nap(&[(3000, 0.03), (2, 0.03)]), 10);
    }
}
