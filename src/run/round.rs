//! One round: measured, with a look at the machine before and after, checked against serial, and
//! reported to the observer.

use std::io;

use super::crews::Measured;
use super::sample::Place;
use super::steer::Steer;
use super::turn::Wanted;
use super::{Event, Failure, Observer, Run, RunError, Sample, pace};
use crate::machine::outside::members;
use crate::machine::{Ledger, process_cpu_time};
use crate::mode::server::proportional;
use crate::mode::{self, ModeError, Probe, Reference, Round, Usage, Whom};
use crate::plan::Cell;

/// One round to be measured.
pub(super) struct Order {
    pub(super) wanted: Wanted,
    pub(super) block: u32,
    /// Length of the window, in seconds.
    pub(super) window: f64,
    /// The disturbed round that this one repeats.
    pub(super) repeats: Option<u32>,
}

impl Run<'_> {
    /// Measures one cell once. Returns the number of the round if it was disturbed.
    pub(super) fn round(
        &mut self,
        order: &Order,
        steer: &mut Steer,
        observer: &mut dyn Observer,
    ) -> Result<Option<u32>, RunError> {
        let (cell, began) = (order.wanted.cell, self.elapsed());
        let result = self.watched(order);
        let took = self.elapsed() - began;
        // A round in which knee stood still says nothing about the cost of the next one.
        if !result.as_ref().is_ok_and(Sample::was_stopped) {
            let measured = result.as_ref().ok().map(|sample| sample.usage.span);
            self.pace.learn(cell, took, order.window, measured);
            steer.spend(cell.entry, took);
        }
        match result {
            Ok(sample) => {
                self.told.insert(cell);
                steer.observe(&sample);
                self.outcome.measured += 1;
                self.rounds += 1;
                observer.observe(&Event::Measured(&sample))?;
                Ok(sample.is_disturbed().then_some(sample.round))
            }
            Err(error) => {
                self.fail(cell, order.block, &error, steer, observer)?;
                Ok(None)
            }
        }
    }

    /// Reports that a cell gave no result. After its second failure it is not measured again.
    pub(super) fn fail(
        &mut self,
        cell: Cell,
        block: u32,
        error: &ModeError,
        steer: &mut Steer,
        observer: &mut dyn Observer,
    ) -> io::Result<()> {
        // A task that the interrupt cut short has not failed.
        if self.interrupted() || matches!(error, ModeError::Interrupted) {
            return Ok(());
        }
        self.told.insert(cell);
        let times = self.failures.entry(cell).or_default();
        *times += 1;
        if *times > 1 {
            steer.fail(cell);
        }
        self.outcome.failed += 1;
        let (entry, reason) = (cell.entry, mode::advised(error.to_string()));
        observer.observe(&Event::Failed(&Failure { cell: Some(cell), entry, block, reason }))
    }

    /// Measures with a look at the machine before and after. The use of knee itself, of its ended
    /// children and of the crew's processes is knee's own, not a disturbance.
    fn watched(&mut self, order: &Order) -> Result<Sample, ModeError> {
        let job = self.job(order.wanted.cell.entry);
        if job.nodes.is_some() {
            // Each node watches its own machine.
            return self.measure(order);
        }
        let crews = self.crews.cpu_time(&job);
        let outside = self.outside()?;
        let (before, own) = (self.watch.snapshot(), process_cpu_time().ok());
        let mut sample = self.measure(order)?;
        let used = process_cpu_time().ok().zip(own).map(|(after, before)| after - before);
        let after = self.watch.snapshot();
        if let Some((probe, named)) = outside {
            let memory = proportional(&named);
            let used = Usage { peak_memory: memory, ..probe.end() };
            (sample.usage, sample.outside) = (sample.usage.with(&used), Some(used));
        }
        // The crew's own usage already holds the processes that its members start and reap.
        let crews = self.crews.cpu_time(&job) - crews;
        let used = used.map(|used| (used + crews).max(sample.usage.cpu()));
        sample.ledger = used.map(|used| Ledger::between(&before, &after, used));
        Ok(sample)
    }

    /// Processes that knee did not start but that belong to the work, with their use so far.
    fn outside(&self) -> Result<Option<(Probe, Vec<u32>)>, ModeError> {
        let named = &self.plan.outside;
        if named.is_empty() {
            return Ok(None);
        }
        let members = members(&named.pids, &named.groups).map_err(|reason| ModeError::Launch {
            what: "a process that belongs to the work is gone",
            reason,
        })?;
        Ok(Some((Probe::begin(Whom::Workers(members.clone())), members)))
    }

    fn measure(&mut self, order: &Order) -> Result<Sample, ModeError> {
        let Order { wanted: Wanted { cell, confirms, rate }, block, window, repeats } = *order;
        let job = self.job(cell.entry);
        let reference = &self.references[&cell.entry];
        let fresh = self.crews.is_fresh(cell, &job);
        let shape = match self.plan.arrivals {
            Some(arrivals) => {
                let arrivals = arrivals.at(rate.unwrap_or(arrivals.rate));
                let seed = knee_workloads::mix(self.plan.seed, u64::from(block));
                pace::shape_at(arrivals, seed, window)
            }
            None => pace::shape(self.plan.batch, reference, window, fresh),
        };
        let at = self.elapsed();
        let limit = pace::limit(self.cost(cell, window), self.plan.batch, reference);
        let measured: Measured = self.crews.round(cell, &job, shape, limit)?;
        verify(&measured.round, reference).inspect_err(|_| self.crews.discard(cell, &job))?;
        let place = Place { block, round: self.rounds, at, repeats, confirms };
        Ok(Sample::new(cell, shape, &measured, place))
    }
}

/// Every mode must return what serial returned, or the cell is void.
pub(crate) fn verify(round: &Round, reference: &Reference) -> Result<(), ModeError> {
    for lap in &round.laps {
        for &(number, checksum) in &lap.checks {
            if reference.checksums.get(number as usize) != Some(&checksum) {
                let reason = match reference.function {
                    // A function may return the id of its process, or a hash with a random seed.
                    Some(_) => {
                        "it returned something else than in the serial mode. A result may depend \
                         on the number of the task, but not on the process or thread that \
                         computed it; return None to compare nothing"
                    }
                    None => "its checksum is not the one that serial returned",
                };
                return Err(ModeError::Task { number, reason: reason.to_owned() });
            }
        }
    }
    Ok(())
}
