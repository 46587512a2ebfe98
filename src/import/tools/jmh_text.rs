//! The table at the end of JMH's output, with the number of threads that is named above it.

use super::super::gather::Gather;
use super::super::words::axis::{self, Candidate};
use super::super::words::units::Unit;
use super::super::words::words;
use super::super::{Fault, Noise, Observation, Request, Series, positive};
use super::{Format, refused};

const WANTS: &str =
    "write JSON (-rf json), or sweep the threads by a parameter or one call each (-t 1, -t 2, ..)";

/// A row of the table.
#[derive(Debug)]
struct Entry<'t> {
    line: usize,
    benchmark: &'t str,
    params: Vec<&'t str>,
    mode: &'t str,
    score: f64,
    error: Option<f64>,
    unit: Unit,
    /// The number of threads that was named last above it.
    threads: Option<f64>,
}

pub(super) fn is_text(text: &str) -> bool {
    text.lines().any(|line| heading(line).is_some())
}

/// The names of the parameters in the heading of the table.
fn heading(line: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mode = words.iter().position(|word| *word == "Mode")?;
    let ends =
        words.ends_with(&["Score", "Error", "Units"]) || words.ends_with(&["Score", "Units"]);
    let params = words.get(1..mode)?;
    let named = params.iter().all(|word| word.starts_with('(') && word.ends_with(')'));
    (words[0] == "Benchmark" && ends && named)
        .then(|| params.iter().map(|word| word.trim_matches(['(', ')'])).collect())
}

/// Reads the rows of the tables, one table per call of JMH.
pub(super) fn read(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let (mut names, mut entries, mut threads) = (Vec::new(), Vec::new(), None);
    let mut inside = false;
    for (number, line) in (1..).zip(request.text.lines()) {
        if let Some(rest) = line.trim().strip_prefix("# Threads:") {
            threads = rest.split_whitespace().next().and_then(|word| word.parse().ok());
        } else if let Some(found) = heading(line) {
            (names, inside) = (found, true);
        } else if inside {
            match entry(number, line, names.len()) {
                Some(one) => entries.push(Entry { threads, ..one }),
                None => inside = line.trim().is_empty() && inside,
            }
        }
    }
    if entries.is_empty() {
        return Err(refused(Format::Jmh, "its table has no rows that can be read", WANTS));
    }
    let candidates: Vec<Candidate<'_>> = names
        .iter()
        .enumerate()
        .map(|(at, name)| Candidate {
            name,
            values: entries.iter().map(|one| one.params.get(at)?.parse().ok()).collect(),
        })
        .collect();
    let own = request.param.is_some_and(|param| words(param) == ["threads"])
        && !names.contains(&"threads");
    let axis = if own { None } else { axis::choose(&candidates, request.param, "parameter")? };
    let several = entries.iter().any(|one| one.mode != entries[0].mode);
    let mut gather = Gather::default();
    let mut spread: Vec<(String, f64)> = Vec::new();
    for one in &entries {
        let stated = axis.and_then(|at| one.params.get(at)?.parse().ok());
        let in_name = || axis::in_text(request.stem, None).map(|found| found.workers);
        let workers = stated.or(one.threads).or_else(in_name).ok_or_else(|| {
            refused(
                Format::Jmh,
                "neither a parameter nor a line \"# Threads:\" states the number of threads",
                WANTS,
            )
        })?;
        let threads = if stated.is_some() { one.threads.unwrap_or(1.0) } else { workers };
        let others = names.iter().zip(&one.params).enumerate().filter(|(at, _)| Some(*at) != axis);
        let mut parts: Vec<String> = others
            .filter(|(_, (_, value))| **value != "N/A")
            .map(|(_, (name, value))| format!("{name}={value}"))
            .collect();
        if several {
            parts.push(one.mode.to_owned());
        }
        let rest =
            if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let name = format!("{}{rest}", one.benchmark);
        let place = || format!("line {}", one.line);
        let workers = positive(workers)
            .map_err(|what| Fault::at(place(), format!("the number of threads {what}")))?;
        let throughput = one.unit.throughput(one.score, 1.0, threads);
        positive(throughput)
            .map_err(|what| Fault::at(place(), format!("the score as a throughput {what}")))?;
        gather.add(
            &name,
            &one.unit.counted(),
            Observation { workers, throughput, repetition: None },
        );
        // JMH's error is half of a 99.9 % interval: 3.3 standard errors.
        spread.extend(one.error.map(|error| (name, error / one.score / 3.3)));
    }
    let mut series = gather.finish(&[
        "only the score of each benchmark is in the text; write JSON (-rf json) to keep the \
         iterations"
            .to_owned(),
    ]);
    for one in &mut series {
        let own: Vec<f64> =
            spread.iter().filter(|(name, _)| *name == one.name).map(|(_, sd)| *sd).collect();
        let square = own.iter().map(|sd| sd * sd).sum::<f64>() / own.len().max(1) as f64;
        one.noise = (square > 0.0 && square.is_finite())
            .then(|| Noise { sd: square.sqrt(), df: 4.0 * own.len() as f64 });
        one.is_run = axis.is_none() && one.observations.len() == 1;
    }
    Ok(series)
}

/// `Queue.offer  64  thrpt  5  123.4 ± 1.2  ops/s`.
fn entry(line: usize, text: &str, params: usize) -> Option<Entry<'_>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let modes = ["thrpt", "avgt", "sample", "ss"];
    let mode = words.iter().position(|word| modes.contains(word)).filter(|at| *at == params + 1)?;
    // Secondary results are below, with a colon in their names.
    if words[0].contains(":\u{b7}") || words[0].contains(":p0") {
        return None;
    }
    let unit = Unit::parse(words.last()?)?;
    let mark = words.iter().position(|word| *word == "\u{b1}" || *word == "?");
    let score = match mark {
        Some(at) => words.get(at.checked_sub(1)?)?,
        None => words.get(words.len().checked_sub(2)?)?,
    };
    Some(Entry {
        line,
        benchmark: words[0],
        params: words[1..mode].to_vec(),
        mode: words[mode],
        score: number(score).filter(|score| *score > 0.0)?,
        error: mark.and_then(|at| number(words.get(at + 1)?)),
        unit,
        threads: None,
    })
}

/// JMH writes numbers in the user's locale.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| text.replace(',', ".").parse().ok())
}
