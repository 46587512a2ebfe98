//! Compares a run with an earlier one of the same benchmark, cell by cell.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::plan::Mode;
use crate::record::Record;
use crate::stats::compare::{Ratio, log_mean, welch};

/// Smaller changes are not reported: two runs differ more than rounds of one run do.
const NOISE: f64 = 0.02;

/// One cell of both runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) mode: Mode,
    pub(super) workers: usize,
    /// New throughput over old.
    pub(super) ratio: Ratio,
}

/// Every cell that both runs measured at least twice.
pub(super) fn changes(old: &Record, new: &Record) -> Vec<Change> {
    let (old, new) = (throughputs(old), throughputs(new));
    let both = new.iter().filter_map(|(cell, rates)| {
        let ratio = welch(log_mean(rates)?, log_mean(old.get(cell)?)?);
        Some(Change { mode: cell.0, workers: cell.1, ratio })
    });
    both.collect()
}

/// The rounds of each cell. A benchmark's record has one entry.
fn throughputs(record: &Record) -> BTreeMap<(Mode, usize), Vec<f64>> {
    let mut cells: BTreeMap<(Mode, usize), Vec<f64>> = BTreeMap::new();
    for sample in record.samples.iter().filter(|sample| sample.throughput > 0.0) {
        cells.entry((sample.cell.mode, sample.cell.workers)).or_default().push(sample.throughput);
    }
    cells
}

impl Change {
    /// Whether it is certainly slower by more than this share.
    pub(super) fn is_slower_by(&self, share: f64) -> bool {
        self.ratio.high < 1.0 - share
    }

    fn verdict(&self) -> &'static str {
        if self.ratio.low > 1.0 + NOISE {
            "faster"
        } else if self.is_slower_by(NOISE) {
            "slower"
        } else {
            "no change to be told"
        }
    }
}

/// A table of the changes.
pub(super) fn told(changes: &[Change], name: &str) -> String {
    let mut text = format!("against baseline {name} (throughput, 1 = the same):\n");
    for Change { mode, workers, ratio } in changes {
        let change = Change { mode: *mode, workers: *workers, ratio: *ratio };
        let _ = writeln!(
            text,
            "  {mode:16} {workers:>4}  {:.3}  [{:.3}, {:.3}]  {}",
            ratio.ratio,
            ratio.low,
            ratio.high,
            change.verdict()
        );
    }
    if changes.is_empty() {
        text.push_str("  no cell was measured twice in both runs; a larger --budget would do\n");
    }
    text
}
