//! The usage of a crew in a round: read when measuring begins and when it ends.

use std::sync::Mutex;

use super::{Gate, Moment, Probe, Usage, Whom};

/// The usage of a crew over the span in which it is measured: begun by whoever opens the gate,
/// ended by whoever closes it.
#[derive(Debug)]
pub(super) struct Meter {
    whom: Whom,
    reading: Mutex<Reading>,
}

#[derive(Debug)]
enum Reading {
    NotBegun,
    Begun(Probe),
    Ended(Usage),
}

impl Meter {
    pub(super) fn new(whom: Whom) -> Self {
        Self { whom, reading: Mutex::new(Reading::NotBegun) }
    }

    /// Reads the counters and opens the gate.
    pub(super) fn open(&self, gate: &Gate) {
        *self.slot() = Reading::Begun(Probe::begin(self.whom.clone()));
        gate.open();
    }

    /// Does what is due at this moment.
    #[inline]
    pub(super) fn at(&self, moment: Moment, gate: &Gate) {
        match moment {
            Moment::Ordinary => {}
            Moment::AllWarm => self.open(gate),
            // Of children that come and go only the ended ones can be read: those under way must
            // end first.
            Moment::AllFinished if matches!(self.whom, Whom::Reaped) => {}
            // Later, workers that have no task any more would make the crew look idle.
            Moment::AllFinished => {
                self.end();
            }
        }
    }

    /// What was used; up to now, where nobody has ended it before.
    pub(super) fn end(&self) -> Usage {
        let mut reading = self.slot();
        if let Reading::Begun(probe) = &*reading {
            *reading = Reading::Ended(probe.end());
        }
        match *reading {
            Reading::Ended(usage) => usage,
            _ => Usage::default(),
        }
    }

    /// The same without the bytes that `others` hold in this process. Memory of other processes is
    /// nobody else's.
    pub(super) fn end_without(&self, others: u64) -> Usage {
        let mut usage = self.end();
        if matches!(self.whom, Whom::Ourselves) {
            usage.peak_memory = usage.peak_memory.map(|peak| peak.saturating_sub(others));
        }
        usage
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
