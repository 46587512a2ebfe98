//! Taking back tasks that a worker has not begun: because it died, or because it is busy for long
//! and others are idle.

use super::state::State;

impl State {
    /// Takes back the tasks that a seat's worker has not begun, and puts them at the head of their
    /// queue. Returns the tags of the tasks that it has begun or may have begun.
    pub(crate) fn recall(&mut self, index: usize, has_ended: bool) -> Vec<u64> {
        let seat = &mut self.seats[index];
        let Some(live) = &mut seat.live else { return Vec::new() };
        let revoked = if has_ended { live.link.unbegun() } else { live.link.revoke() };
        let mut revoked = revoked.unwrap_or_default();
        let begun = seat.flights.len().saturating_sub(revoked.len());
        let last = seat.flights.iter().skip(begun).map(|(number, _)| number);
        if !last.eq(revoked.iter().map(|(number, _)| *number)) {
            // A damaged ring does not tell which tasks were begun, so all count as begun.
            revoked.clear();
        }
        for (_, bytes) in revoked.into_iter().rev() {
            let Some(flight) = seat.flights.pop_back() else { break };
            seat.given = seat.given.saturating_sub(1);
            let queue = if flight.directed { &mut seat.directed } else { &mut self.backlog };
            queue.push_front(flight.tag, bytes);
        }
        seat.flights.iter().map(|(_, flight)| flight.tag).collect()
    }

    /// Whether tasks wait behind another one in a worker's queue while some worker is idle.
    pub(crate) fn lopsided(&self) -> bool {
        self.backlog.is_empty()
            && self.idle.next(0).is_some()
            && self.seats.iter().any(|seat| seat.flights.len() > 1)
    }

    /// Where the oldest task of a worker is the same as at the last look, takes back the tasks
    /// behind it and gives them to idle workers.
    pub(crate) fn rebalance(&mut self) {
        for index in 0..self.seats.len() {
            let oldest = self.seats[index].flights.front().map(|flight| flight.tag);
            let stuck = self.seats[index].flights.len() > 1 && self.seats[index].seen == oldest;
            self.seats[index].seen = oldest;
            if stuck {
                self.recall(index, false);
                self.seats[index].depth = 1;
                self.note(index);
            }
        }
        self.employ_idle();
    }

    /// Gives waiting tasks to idle workers, which do not fetch tasks by themselves.
    pub(crate) fn employ_idle(&mut self) {
        while let Some(index) = self.idle.next(self.turn).filter(|_| !self.backlog.is_empty()) {
            self.turn = index + 1;
            self.refill(index);
        }
    }
}
