//! will-it-scale's `tasks,processes,processes_idle,threads,threads_idle,linear`: our own question, asked of the kernel.

use super::text::number;
use super::{ForeignError, Result, Row, Series};

const HEADER: &str = "tasks,processes,processes_idle,threads,threads_idle,linear";

pub(super) fn is_header(line: &str) -> bool {
    line.replace(' ', "").eq_ignore_ascii_case(HEADER)
}

pub(super) fn read(text: &str) -> Result<Vec<Series>> {
    let mut lines = text.lines().enumerate();
    if !lines.next().is_some_and(|(_, head)| is_header(head.trim())) {
        return Err(ForeignError::at(1, format!("will-it-scale begins with {HEADER}")));
    }
    let mut both = ["processes", "threads"].map(|name| Series {
        name: name.to_owned(),
        unit: "operations".to_owned(),
        rows: Vec::new(),
        notes: Vec::new(),
    });
    let mut failed = [0, 0];
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<Option<f64>> = line.split(',').map(|cell| number(cell, false)).collect();
        let column = |column: usize| cells.get(column).copied().flatten();
        let bad = || ForeignError::at(at + 1, "six numbers are wanted");
        let workers = column(0).ok_or_else(bad)?;
        for (which, cell) in [1, 3].into_iter().enumerate() {
            let throughput = column(cell).ok_or_else(bad)?;
            // A test that failed is written as -1; the first row is all zero.
            if throughput < 0.0 {
                failed[which] += 1;
            } else if workers > 0.0 {
                both[which].rows.push(Row { workers, throughput, repetition: None });
            }
        }
    }
    for (series, failed) in both.iter_mut().zip(failed) {
        if failed > 0 {
            series.notes.push(format!("{failed} failed measurement(s) (-1) left out"));
        }
    }
    Ok(both.to_vec())
}
