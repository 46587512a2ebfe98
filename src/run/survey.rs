//! Before the first block: runs each workload serially once. After the last block: reports what
//! could not be measured.

use std::collections::BTreeSet;

use super::steer::Steer;
use super::{Event, Failure, Observer, Run, RunError};
use crate::mode;
use crate::plan::{Candidates, Cell};
use crate::units::Quantity;

impl Run<'_> {
    /// Runs each workload serially once.
    pub(super) fn survey(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        for entry in 0..self.plan.entries.len() {
            if self.interrupted() {
                break;
            }
            match mode::reference(self.site, &self.job(entry), self.smallest(entry)) {
                Ok(reference) => {
                    observer.observe(&Event::Surveyed { entry, reference: &reference })?;
                    self.references.insert(entry, reference);
                }
                Err(_) if self.interrupted() => break,
                Err(error) => {
                    let reason = mode::advised(error.to_string());
                    self.outcome.failed += 1;
                    let failure = Failure { cell: None, entry, block: 0, reason };
                    observer.observe(&Event::Failed(&failure))?;
                }
            }
        }
        Ok(())
    }

    /// Reports what the budget was too small for, with the budget that would suffice: workloads
    /// without any measurement, and counts that the user listed.
    pub(super) fn name_the_unmeasured(
        &mut self,
        steer: &Steer,
        observer: &mut dyn Observer,
    ) -> Result<(), RunError> {
        if self.interrupted() {
            return Ok(());
        }
        let seconds = |value: f64| Quantity::Duration.text(value);
        let entries: BTreeSet<usize> = self.told.iter().map(|cell| cell.entry).collect();
        for (&entry, reference) in &self.references {
            // A search for the best pair leaves out values on purpose.
            let in_pairs = self.plan.is_searched_in_pairs(entry)
                && self.plan.company(entry).iter().any(|one| entries.contains(one));
            if in_pairs {
                continue;
            }
            if !entries.contains(&entry) {
                let least = steer.least(entry, &|cell| self.cost(cell, self.pace.shortest()))
                    + self.launch_cost(entry);
                let reason = format!(
                    "a task takes {}, too long for any round within the budget; measuring it takes \
                     about {}: give a larger --budget, fewer --workers or --modes",
                    seconds(reference.task),
                    seconds(least)
                );
                self.outcome.failed += 1;
                observer.observe(&Event::Failed(&Failure {
                    cell: None,
                    entry,
                    block: 0,
                    reason,
                }))?;
                continue;
            }
            for cell in self.listed(entry).into_iter().filter(|cell| !self.told.contains(cell)) {
                let cost =
                    self.cost(cell, self.pace.shortest()) + self.pace.launch(cell, reference);
                let budget = self.plan.budget + 2.0 * cost;
                let reason = format!(
                    "it was not measured: one round takes about {}, for which the budget was too \
                     small; --budget {}s would hold it",
                    seconds(cost),
                    budget.ceil()
                );
                self.outcome.failed += 1;
                observer.observe(&Event::Failed(&Failure {
                    cell: Some(cell),
                    entry,
                    block: 0,
                    reason,
                }))?;
            }
        }
        Ok(())
    }

    /// The smallest count to measure for an entry. A program that is told its count may have a
    /// least one.
    fn smallest(&self, entry: usize) -> usize {
        let series = self.plan.entries[entry].series.iter();
        series.filter_map(|series| series.candidates.first().first().copied()).min().unwrap_or(1)
    }

    /// The cells that the user listed for an entry.
    fn listed(&self, entry: usize) -> Vec<Cell> {
        let mut cells = Vec::new();
        for series in &self.plan.entries[entry].series {
            if let Candidates::Exactly { counts } = &series.candidates {
                let cell = |&workers| Cell { entry, mode: series.mode, workers };
                cells.extend(counts.iter().map(cell));
            }
        }
        cells
    }
}
