//! Taking back tasks that a worker has not begun: because it died, or because it is busy for long and others are idle.

use super::state::State;

impl State {
    /// Takes back the tasks that a seat's worker has not begun; they are next in line. Those that it has, or may have,
    /// are returned.
    pub(crate) fn recall(&mut self, index: usize) -> Vec<u64> {
        let seat = &mut self.seats[index];
        let Some(live) = &mut seat.live else { return Vec::new() };
        // With damaged positions nobody knows what was begun: then all may have been.
        let mut position = live.link.revoke().unwrap_or(u64::MAX);
        let begun = seat.flights.iter().take_while(|flight| flight.end <= position).count();
        let recalled = seat.flights.split_off(begun);
        let mut whole = Vec::with_capacity(recalled.len());
        for flight in &recalled {
            let mut bytes = Vec::new();
            match live.link.reread(position, &mut bytes) {
                Ok(Some((tag, next))) if tag == flight.tag => position = next,
                _ => break,
            }
            whole.push(bytes);
        }
        let mut begun: Vec<u64> = seat.flights.iter().map(|flight| flight.tag).collect();
        begun.extend(recalled.iter().skip(whole.len()).map(|flight| flight.tag));
        for (flight, bytes) in recalled.iter().zip(whole).rev() {
            seat.given = seat.given.saturating_sub(1);
            let queue = if flight.directed { &mut seat.directed } else { &mut self.backlog };
            queue.push_front(flight.tag, bytes);
        }
        begun
    }

    /// Whether tasks lie behind others while a worker has nothing to do.
    pub(crate) fn lopsided(&self) -> bool {
        self.backlog.is_empty()
            && self.idle.next(0).is_some()
            && self.seats.iter().any(|seat| seat.flights.len() > 1)
    }

    /// Takes back what lies behind a task that has not ended since the last look, and gives it to idle workers.
    pub(crate) fn rebalance(&mut self) {
        for index in 0..self.seats.len() {
            let oldest = self.seats[index].flights.front().map(|flight| flight.tag);
            let stuck = self.seats[index].flights.len() > 1 && self.seats[index].seen == oldest;
            self.seats[index].seen = oldest;
            if stuck {
                self.recall(index);
                self.seats[index].depth = 1;
                self.note(index);
            }
        }
        while let Some(index) = self.idle.next(self.turn).filter(|_| !self.backlog.is_empty()) {
            self.turn = index + 1;
            self.refill(index);
        }
    }
}
