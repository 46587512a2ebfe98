//! The blocks of a workload whose tasks arrive at a rate.

use crate::plan::Cell;

use super::course::Course;
use super::group::{Cost, ENOUGH, Group};
use super::standing::Way;
use super::turn::{Turn, Wanted};

impl Group {
    /// The next block where tasks arrive at a rate: every listed count, and the counts that the
    /// first undecided mode asks for. Modes go one after another, because a count that holds the
    /// rate spares later modes all counts of that size and above.
    pub(super) fn wanted_at_rate(&self) -> Vec<Wanted> {
        let rank = |way: &Way| way.1.description().rank;
        let holds = self.courses.iter().filter_map(|(way, course)| match course {
            Course::Holding(hold) => Some((hold.holds()?, rank(way), *way)),
            _ => None,
        });
        let best = holds.min();
        let mut cells = Vec::new();
        let mut is_busy = false;
        for (way, course) in &self.courses {
            let counts = match course {
                Course::Listed(counts) if self.blocks < ENOUGH => counts.clone(),
                Course::Holding(hold) if !is_busy => hold.next_block(match best {
                    Some((_, _, leading)) if leading == *way => usize::MAX,
                    // A simpler mode may use as many workers, and so may another way to do the
                    // work.
                    Some((count, beside, leading)) => {
                        count - usize::from(way.0 == leading.0 && rank(way) >= beside)
                    }
                    None => usize::MAX,
                }),
                _ => Vec::new(),
            };
            is_busy |= matches!(course, Course::Holding(_)) && !counts.is_empty();
            let wanted = |workers, rate| {
                let cell = Cell { entry: way.0, mode: way.1, workers };
                Wanted { cell, confirms: true, rate }
            };
            cells.extend(counts.into_iter().map(|count| wanted(count, None)));
            if let Course::Climbing(climbs) = course {
                let rates = climbs.iter().filter_map(|(n, climb)| Some((*n, climb.next_rate()?)));
                cells.extend(rates.map(|(count, rate)| wanted(count, Some(rate))));
            }
        }
        cells
    }

    pub(super) fn cells_at_rate(&mut self, turn: &Turn, cost: Cost<'_>) -> Vec<Wanted> {
        let cells = self.wanted_at_rate();
        let price: f64 = cells.iter().map(|wanted| cost(wanted.cell)).sum();
        self.exhausted = self.blocks > 0 && price > turn.left;
        if cells.is_empty() || self.exhausted {
            return Vec::new();
        }
        self.blocks += 1;
        cells
    }
}
