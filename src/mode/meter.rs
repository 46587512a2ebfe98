//! The usage of a crew in a round, read when measuring begins and when it ends.

use std::sync::Mutex;

use super::{Gate, Moment, Probe, Usage, Whom};

/// Measures the usage of a crew. The worker that opens the gate begins it, and the worker that
/// closes the gate ends it.
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
        whom.forget_peak_memory();
        Self { whom, reading: Mutex::new(Reading::NotBegun) }
    }

    /// Reads the counters and opens the gate.
    pub(super) fn open(&self, gate: &Gate) {
        *self.slot() = Reading::Begun(Probe::begin(self.whom.clone()));
        gate.open();
    }

    /// Reads the counters if this moment begins or ends the measurement.
    #[inline]
    pub(super) fn at(&self, moment: Moment, gate: &Gate) {
        match moment {
            Moment::Ordinary => {}
            Moment::AllWarm => self.open(gate),
            // Usage of short-lived children can be read only after they have ended, so the current
            // ones must end first.
            Moment::AllFinished if matches!(self.whom, Whom::Reaped) => {}
            // At a later moment, workers without tasks would make the crew look idle.
            Moment::AllFinished => {
                self.end();
            }
        }
    }

    /// The usage, up to now unless it was ended before.
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

    /// The usage without the bytes that `others` hold in this process. Memory of other processes
    /// belongs to the crew alone.
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
