//! Output of `go test -bench`: a line per benchmark and count, `BenchmarkPut-8  20010031  59.80
//! ns/op`.
//!
//! `ns/op` is wall time over the operations of all goroutines together. The number after the last
//! dash is GOMAXPROCS; there is no dash if that is 1.

use super::super::gather::Gather;
use super::super::words::axis;
use super::super::words::units::Unit;
use super::super::{Fault, Observation, Request, Series, positive};
use super::{Format, refused};

const WANTS: &str = "give what go test -bench . -cpu 1,2,4,8 printed";

/// One line of results.
#[derive(Debug)]
struct Line<'t> {
    number: usize,
    /// The name without `Benchmark` and without the number of processors.
    name: &'t str,
    processors: f64,
    throughput: f64,
}

pub(super) fn is_text(text: &str) -> bool {
    text.lines().take(2000).any(|line| line.starts_with("Benchmark") && line.contains("ns/op"))
        || text.lines().take(20).any(|line| line.starts_with("goos: "))
}

/// Reads the lines with results and skips all others.
pub(super) fn read(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let mut lines = Vec::new();
    for (number, text) in (1..).zip(request.text.lines()) {
        lines.extend(line(number, text)?);
    }
    if lines.is_empty() {
        return Err(refused(Format::GoBench, "it has no line with ns/op", WANTS));
    }
    let first = lines[0].processors;
    let swept = lines.iter().any(|line| line.processors.total_cmp(&first).is_ne());
    let stated = |line: &Line<'_>| axis::in_text(line.name, request.param);
    let by_name =
        request.param.is_some() || (!swept && lines.iter().any(|line| stated(line).is_some()));
    let mut gather = Gather::default();
    let mut left_out = Vec::new();
    for line in &lines {
        let (workers, name) = match stated(line) {
            Some(found) if by_name => (found.workers, found.rest),
            None if by_name => {
                left_out.push(line.name);
                continue;
            }
            _ => (line.processors, line.name.to_owned()),
        };
        positive(workers).map_err(|what| {
            Fault::at(format!("line {}", line.number), format!("the number of workers {what}"))
        })?;
        let observation = Observation { workers, throughput: line.throughput, repetition: None };
        gather.add(&name, "ops", observation);
    }
    let mut warnings = Vec::new();
    if !left_out.is_empty() {
        let names = axis::list(left_out.into_iter());
        warnings.push(format!("left out, because they state no number of workers: {names}"));
    }
    if !swept && !by_name {
        warnings.push(
            "all results are of one number of processors; sweep it with -cpu 1,2,4,8".to_owned(),
        );
    }
    Ok(gather.finish(&warnings))
}

/// `None` for lines without a result.
fn line(number: usize, text: &str) -> Result<Option<Line<'_>>, Fault> {
    let Some(rest) = text.trim().strip_prefix("Benchmark") else { return Ok(None) };
    let mut words = rest.split_whitespace();
    let Some(full) = words.next() else { return Ok(None) };
    let cells: Vec<&str> = words.collect();
    let Some(at) = cells.iter().position(|cell| *cell == "ns/op") else { return Ok(None) };
    let fault = |what: String| Fault::at(format!("line {number}"), what);
    let figure = at.checked_sub(1).map_or("", |before| cells[before]);
    let figure: f64 =
        figure.parse().map_err(|_| fault(format!("{figure:?} is not a number of ns/op")))?;
    let unit = Unit::Time { seconds: 1e-9, what: String::new() };
    let figure = positive(figure).map_err(&fault)?;
    let throughput = positive(unit.throughput(figure, 1.0, 1.0)).map_err(&fault)?;
    let split = full.rsplit_once('-').and_then(|(name, n)| Some((name, n.parse::<u32>().ok()?)));
    let (name, processors) = split.map_or((full, 1.0), |(name, n)| (name, f64::from(n)));
    Ok(Some(Line { number, name, processors, throughput }))
}
