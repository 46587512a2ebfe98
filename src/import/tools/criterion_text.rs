//! criterion's console output: `pool/threads/8  time: [1.97 ms 1.98 ms 1.99 ms]`.

use super::super::gather::Gather;
use super::super::layouts::cell::{self, Beside, Cell, Decimal};
use super::super::words::units::Unit;
use super::super::{Fault, Observation, Request, Series, positive};
use super::criterion::workers;

/// Marks a line with a time.
const TIME: &str = "time:";
/// Marks the line below, with what was done per time.
const THROUGHPUT: &str = "thrpt:";

pub(super) fn is_text(text: &str) -> bool {
    text.lines()
        .any(|line| in_brackets(line, TIME).is_some_and(|(_, middle)| seconds(middle).is_some()))
}

/// Reads the middle of the three estimates of each benchmark.
pub(super) fn read(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let mut gather = Gather::default();
    let mut warnings = Vec::new();
    let mut above = "";
    let mut lines = (1..).zip(request.text.lines()).peekable();
    while let Some((number, line)) = lines.next() {
        let Some((before, middle)) = in_brackets(line, TIME) else {
            above = line.trim();
            continue;
        };
        // Times below `change:` compare with an earlier run.
        let (Some(seconds), false) = (seconds(middle), above == "change:") else { continue };
        let id = if before.is_empty() { above } else { before };
        let place = || format!("line {number}");
        let (workers, name) =
            workers(id, request.param, &mut warnings).map_err(|what| Fault::at(place(), what))?;
        let next = lines.peek().and_then(|(_, line)| in_brackets(line, THROUGHPUT));
        let (throughput, counted) = next
            .and_then(|(_, middle)| rate(middle))
            .unwrap_or((seconds.recip(), "iterations".to_owned()));
        positive(throughput)
            .map_err(|what| Fault::at(place(), format!("as a throughput {what}")))?;
        gather.add(&name, &counted, Observation { workers, throughput, repetition: None });
    }
    Ok(gather.finish(&warnings))
}

/// The text before a word, and the middle of the three estimates after it.
fn in_brackets<'l>(line: &'l str, word: &str) -> Option<(&'l str, &'l str)> {
    let (before, after) = line.split_once(word)?;
    let inside = after.trim().strip_prefix('[')?.split_once(']')?.0;
    let mut blanks = inside.match_indices(' ').map(|(at, _)| at);
    let (from, to) = (blanks.nth(1)?, blanks.nth(1)?);
    // Three pairs of a number and a unit.
    (inside.split(' ').count() == 6).then(|| (before.trim(), inside[from..to].trim()))
}

fn number(text: &str) -> Option<cell::Figure> {
    match cell::parse(text, Decimal::Point) {
        Cell::Number(figure) => Some(figure),
        _ => None,
    }
}

fn seconds(text: &str) -> Option<f64> {
    number(text).filter(|figure| figure.unit == Beside::Time).map(|figure| figure.value)
}

/// Reads `99.0 Kelem/s` as 99 000 elements per second.
fn rate(text: &str) -> Option<(f64, String)> {
    let (value, unit) = text.split_once(' ')?;
    let value: f64 = value.parse().ok()?;
    if let Some(prefix) = unit.strip_suffix("elem/s") {
        let factor = match prefix {
            "" => 1.0,
            "K" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            _ => return None,
        };
        return Some((value * factor, "elements".to_owned()));
    }
    match Unit::parse(unit)? {
        Unit::Rate { factor, what } => Some((value * factor, what)),
        Unit::Time { .. } => None,
    }
}
