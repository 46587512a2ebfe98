//! The agreement of nodes on the moment at which they all open their windows.
//!
//! A node reports when all members of its crew are warm. It is then told a moment a little ahead.
//! The members keep loading the machine until that moment.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::gate;
use crate::clock;

/// The agreement on when the window of a round opens.
#[derive(Debug, Default)]
pub struct Opening {
    agreed: Mutex<Agreed>,
    told: Condvar,
}

/// The function that reports that all members are warm.
struct Say(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Say")
    }
}

#[derive(Debug, Default)]
struct Agreed {
    /// The number of the round under way; `None` if nodes do not agree on its moment.
    round: Option<u64>,
    /// The last moment that was told, with the number of its round.
    moment: Option<(u64, Instant)>,
    /// Called once when all members are warm.
    say: Option<Say>,
    /// The gate of a crew that is warm and waits: the instant from which it counts, and its opener.
    waits: Option<(Instant, Arc<AtomicU64>)>,
    /// When the window of this round opened.
    opened: Option<Instant>,
}

impl Agreed {
    /// The moment of the round under way, once it is known.
    fn at(&self) -> Option<Instant> {
        self.moment.filter(|(round, _)| self.round == Some(*round)).map(|(_, at)| at)
    }

    /// Opens the waiting gate at the moment of the round, if that is known.
    fn open(&mut self) {
        let Some(at) = self.at() else { return };
        if let Some((origin, gate)) = self.waits.take() {
            let opened = clock::now().max(at);
            self.opened = Some(opened);
            gate::open(&gate, origin, opened);
        }
    }
}

impl Opening {
    /// Begins a round on whose moment nodes agree. `say` is called once all members are warm.
    pub(super) fn expect(&self, round: u64, say: impl FnOnce() + Send + 'static) {
        let mut agreed = self.agreed();
        (agreed.round, agreed.say) = (Some(round), Some(Say(Box::new(say))));
        (agreed.waits, agreed.opened) = (None, None);
    }

    /// Ends that round. The next one opens without an agreement, unless it is expected too.
    pub(super) fn forget(&self) {
        self.agreed().round = None;
    }

    /// Sets the moment at which this round opens its window. A later call for the same round has no
    /// effect.
    pub(super) fn agree(&self, round: u64, at: Instant) {
        let mut agreed = self.agreed();
        if agreed.moment.is_none_or(|(known, _)| known < round) {
            agreed.moment = Some((round, at));
            agreed.open();
            self.told.notify_all();
        }
    }

    /// Waits until the moment of the round under way is known, but no longer than `patience`.
    pub(super) fn wait(&self, patience: Duration) -> Option<Instant> {
        let unknown = |agreed: &mut Agreed| agreed.at().is_none();
        let waited = self.told.wait_timeout_while(self.agreed(), patience, unknown);
        waited.unwrap_or_else(PoisonError::into_inner).0.at()
    }

    /// How much later than agreed the window opened; `None` if it never opened.
    pub(super) fn late(&self) -> Option<Duration> {
        let agreed = self.agreed();
        Some(agreed.opened?.saturating_duration_since(agreed.at()?))
    }

    /// Whether nodes agree on the moment of the round under way.
    pub(super) fn is_expected(&self) -> bool {
        self.agreed().round.is_some()
    }

    /// Gives up waiting for a moment: the round under way opens its window now.
    pub(super) fn go_on(&self) {
        let round = self.agreed().round;
        if let Some(round) = round {
            self.agree(round, clock::now());
        }
    }

    /// Reports that all members are warm. Their gate counts from the given instant and opens at the
    /// agreed moment. A crew without a gate calls [`wait`](Self::wait) instead.
    pub(super) fn warm(&self, gate: Option<(Instant, &Arc<AtomicU64>)>) {
        let mut agreed = self.agreed();
        agreed.waits = gate.map(|(origin, gate)| (origin, Arc::clone(gate)));
        agreed.open();
        let say = agreed.say.take();
        drop(agreed);
        if let Some(Say(say)) = say {
            say();
        }
    }

    /// Notes that the window opened without waiting for a moment.
    pub(super) fn opened(&self, at: Instant) {
        self.agreed().opened = Some(at);
    }

    fn agreed(&self) -> MutexGuard<'_, Agreed> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const AHEAD: Duration = Duration::from_secs(3);

    fn opening() -> (Opening, Arc<AtomicBool>) {
        let (opening, said) = (Opening::default(), Arc::new(AtomicBool::new(false)));
        let saying = Arc::clone(&said);
        opening.expect(7, move || saying.store(true, Ordering::Release));
        (opening, said)
    }

    #[test]
    fn who_is_warm_says_so_and_opens_at_the_moment_that_is_told() {
        let (opening, said) = opening();
        let (origin, gate) = (clock::now(), Arc::new(AtomicU64::new(0)));
        assert!(!said.load(Ordering::Acquire) && opening.is_expected());
        opening.warm(Some((origin, &gate)));
        assert!(said.load(Ordering::Acquire));
        opening.agree(6, origin + AHEAD);
        assert_eq!(gate.load(Ordering::Acquire), 0, "that was another round");
        assert_eq!(opening.wait(Duration::ZERO), None);
        opening.agree(7, origin + AHEAD);
        opening.agree(7, origin + 2 * AHEAD);
        assert_eq!(gate.load(Ordering::Acquire), AHEAD.as_nanos() as u64, "it is told once");
        assert_eq!(opening.late(), Some(Duration::ZERO));
        opening.forget();
        assert!(!opening.is_expected());
    }

    #[test]
    fn what_is_told_before_a_round_has_begun_is_kept_for_it() {
        let opening = Opening::default();
        let origin = clock::now();
        opening.agree(7, origin);
        opening.expect(7, || {});
        assert_eq!(opening.wait(Duration::ZERO), Some(origin));
        let gate = Arc::default();
        opening.warm(Some((origin, &gate)));
        let opened = Duration::from_nanos(gate.load(Ordering::Acquire));
        assert!(!opened.is_zero());
        assert_eq!(opening.late(), Some(opened), "all were warm after the moment");
        opening.expect(8, || {});
        assert_eq!(opening.wait(Duration::ZERO), None, "that was another round's");
        opening.go_on();
        assert!(opening.wait(Duration::ZERO).is_some(), "who is forsaken goes on");
    }
}
