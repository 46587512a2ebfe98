//! When windows open, where crews elsewhere open theirs at the same moment.
//!
//! A crew of a node says when all of its members are warm, and is told a moment that lies a little
//! ahead. Its members load the machine until then.

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

/// What is to be done when all members are warm.
struct Say(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Say")
    }
}

#[derive(Debug, Default)]
struct Agreed {
    /// The round under way, by its number; `None` while there is none that others agree on.
    round: Option<u64>,
    /// The last moment that was told, and for which round.
    moment: Option<(u64, Instant)>,
    /// What is to be done when all members are warm.
    say: Option<Say>,
    /// The gate of those who are all warm and wait: from when it counts, and what opens it.
    waits: Option<(Instant, Arc<AtomicU64>)>,
    /// When the window of this round opened.
    opened: Option<Instant>,
}

impl Agreed {
    /// The moment of the round under way, once it is known.
    fn at(&self) -> Option<Instant> {
        self.moment.filter(|(round, _)| self.round == Some(*round)).map(|(_, at)| at)
    }

    /// Lets the gate that waits open, once it is known when.
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
    /// The next round is this one, and others agree on its moment: once all members are warm,
    /// `say` is called.
    pub(super) fn expect(&self, round: u64, say: impl FnOnce() + Send + 'static) {
        let mut agreed = self.agreed();
        (agreed.round, agreed.say) = (Some(round), Some(Say(Box::new(say))));
        (agreed.waits, agreed.opened) = (None, None);
    }

    /// That round is over: the next one is nobody else's business.
    pub(super) fn forget(&self) {
        self.agreed().round = None;
    }

    /// This round opens its window at this moment, or as soon as it can.
    pub(super) fn agree(&self, round: u64, at: Instant) {
        let mut agreed = self.agreed();
        if agreed.moment.is_none_or(|(known, _)| known < round) {
            agreed.moment = Some((round, at));
            agreed.open();
            self.told.notify_all();
        }
    }

    /// Waits until it is known when the round under way opens its window; for `patience` at most.
    pub(super) fn wait(&self, patience: Duration) -> Option<Instant> {
        let unknown = |agreed: &mut Agreed| agreed.at().is_none();
        let waited = self.told.wait_timeout_while(self.agreed(), patience, unknown);
        waited.unwrap_or_else(PoisonError::into_inner).0.at()
    }

    /// How much later the window opened than was agreed; `None` where it was never opened.
    pub(super) fn late(&self) -> Option<Duration> {
        let agreed = self.agreed();
        Some(agreed.opened?.saturating_duration_since(agreed.at()?))
    }

    pub(super) fn is_expected(&self) -> bool {
        self.agreed().round.is_some()
    }

    /// Nobody says when: the round under way opens its window now.
    pub(super) fn go_on(&self) {
        let round = self.agreed().round;
        if let Some(round) = round {
            self.agree(round, clock::now());
        }
    }

    /// All members are warm. Their gate, which counts from this moment, opens when that is agreed
    /// on; those who have none [wait](Self::wait).
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

    /// The window has opened by itself.
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
