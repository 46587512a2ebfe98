//! What is left out of a table, and the warnings about it.

use super::super::Fault;
use super::super::layouts::Row;
use super::super::words::{axis, words};

/// The most failed figures that are kept apart.
const MOST_FAILED: usize = 1000;
/// The most rows that are named.
const MOST_SHOWN: usize = 5;

/// Words in place of a number of workers that mark a row outside of the sweep.
const NO_COUNTS: [&str; 18] = [
    "serial",
    "sequential",
    "seq",
    "baseline",
    "base",
    "reference",
    "ref",
    "total",
    "sum",
    "mean",
    "average",
    "avg",
    "median",
    "geomean",
    "min",
    "max",
    "std",
    "speedup",
];

/// Whether these words, in place of a number of workers, mark a row outside of the sweep.
pub(super) fn is_no_count(text: &str) -> bool {
    words(text).first().is_some_and(|word| NO_COUNTS.contains(&word.as_str()))
}

/// What is left out of a table.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    zeros: usize,
    /// Worker counts without a figure, with the text in its place.
    failed: Vec<(String, String)>,
    /// Rows without a number of workers.
    rows: Vec<String>,
    first: Option<Fault>,
}

impl LeftOut {
    /// Notes a row with 0 workers.
    pub(super) fn zero(&mut self, row: Row<'_>, header: &str) {
        self.zeros += 1;
        self.first.get_or_insert_with(|| row.fault(header, "is 0, but must be above 0"));
    }

    /// Notes a row without a number of workers, by its text or its line.
    pub(super) fn row(&mut self, what: impl FnOnce() -> String) {
        if self.rows.len() < MOST_SHOWN {
            self.rows.push(what());
            self.rows.dedup();
        }
    }

    /// Notes a figure that was not measured.
    pub(super) fn figure(&mut self, row: Row<'_>, header: &str, text: &str, workers: &str) {
        if self.failed.len() < MOST_FAILED {
            self.failed.push((workers.to_owned(), text.to_owned()));
        }
        let what = match text {
            "" => "is empty, and no other row has a figure".to_owned(),
            text => format!("{text:?} is not a measurement, and no other row has one"),
        };
        self.first.get_or_insert_with(|| row.fault(header, what));
    }

    /// The error if nothing remains.
    pub(super) fn fault(self) -> Fault {
        self.first.unwrap_or_else(|| Fault::whole("holds no measurement"))
    }

    /// Reports what is left out.
    pub(super) fn say(&self, warnings: &mut Vec<String>) {
        if self.zeros > 0 {
            warnings.push(
                "0 workers is left out: it means that the main program works alone, which is not \
                 a number of workers"
                    .to_owned(),
            );
        }
        if !self.failed.is_empty() {
            let mut counts: Vec<&str> =
                self.failed.iter().map(|(workers, _)| workers.as_str()).collect();
            counts.dedup();
            let mut said: Vec<&str> = self.failed.iter().map(|(_, text)| text.as_str()).collect();
            said.sort_unstable();
            said.dedup();
            let (more, shown) = (counts.len().saturating_sub(8), counts.iter().take(8).copied());
            let mut shown: Vec<String> = shown.map(str::to_owned).collect();
            if more > 0 {
                shown.push(format!("{more} more"));
            }
            let last = shown.pop().unwrap_or_default();
            let counts =
                if shown.is_empty() { last } else { format!("{} and {last}", shown.join(", ")) };
            let said = axis::list(said.into_iter());
            warnings
                .push(format!("{counts} workers failed and are left out: the file says {said}"));
        }
        if !self.rows.is_empty() {
            let rows = self.rows.join(", ");
            warnings.push(format!("rows without a number of workers are left out: {rows}"));
        }
    }
}
