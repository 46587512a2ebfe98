//! Reports of single runs under load. The table has a row per tool, with the words beside its
//! figures. A sweep is several reports, in one file or in many.

use super::super::gather::Gather;
use super::super::words::axis;
use super::super::{Fault, Observation, Request, Series, positive};
use super::{Format, refused};

/// Where a figure is in a line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// The first number after these words at the start of a line.
    Behind(&'static str),
    /// The number in brackets after these words: `transactions: 9999 (610.2 per sec.)`.
    InBrackets(&'static str),
    /// The number before these words: `64 connections`.
    Before(&'static str),
}

/// How a tool reports a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) format: Format,
    /// A line that begins with this begins a report.
    start: &'static str,
    counts: &'static [Place],
    pub(super) rates: &'static [Place],
    /// What is counted per second, in the order of the rates.
    pub(super) units: &'static [&'static str],
    wants: &'static str,
}

use Place::{Before, Behind, InBrackets};

pub(super) const SYSBENCH: Report = Report {
    format: Format::Sysbench,
    start: "sysbench ",
    counts: &[Behind("Number of threads:")],
    rates: &[
        InBrackets("transactions:"),
        Behind("events per second:"),
        Behind("events/s (eps):"),
        InBrackets("Total operations:"),
        InBrackets("Operations performed:"),
    ],
    units: &["transactions", "events", "events", "operations", "operations"],
    wants: "give the whole reports of all counts: knee fit run-*.log",
};
pub(super) const PGBENCH: Report = Report {
    format: Format::Pgbench,
    start: "pgbench (",
    counts: &[Behind("number of clients:")],
    rates: &[Behind("tps =")],
    units: &["transactions"],
    wants: "give the whole reports of all counts: knee fit run-*.txt",
};
pub(super) const WRK: Report = Report {
    format: Format::Wrk,
    start: "Running ",
    counts: &[Before("connections")],
    rates: &[Behind("Requests/sec:")],
    units: &["requests"],
    wants: "give the whole reports of all counts: knee fit run-*.txt",
};
pub(super) const AB: Report = Report {
    format: Format::ApacheBench,
    start: "This is ApacheBench",
    counts: &[Behind("Concurrency Level:")],
    rates: &[Behind("Requests per second:")],
    units: &["requests"],
    wants: "give the whole reports of all counts: knee fit run-*.txt",
};
pub(super) const HEY: Report = Report {
    format: Format::Hey,
    start: "Summary:",
    counts: &[],
    rates: &[Behind("Requests/sec:")],
    units: &["requests"],
    wants: "give the reports of all counts, each with its count in the file's name: knee fit \
        clients-*.txt",
};

fn says(text: &str, all: &[&str]) -> bool {
    all.iter().all(|words| text.contains(words))
}

pub(super) fn is_sysbench(text: &str) -> bool {
    text.lines().take(200).any(|line| line.starts_with("sysbench ") && line.contains('.'))
        || says(text, &["Number of threads:", "General statistics:"])
        || says(text, &["Running the test with following options:", "Number of threads:"])
}

pub(super) fn is_pgbench(text: &str) -> bool {
    let starts = text.lines().take(50).any(|line| line.starts_with("pgbench ("));
    starts
        || says(text, &["number of clients:", "tps ="])
        || says(text, &["transaction type:", "number of clients:"])
}

pub(super) fn is_wrk(text: &str) -> bool {
    let starts =
        text.lines().take(50).any(|line| line.starts_with("Running ") && line.contains("test @"));
    starts || says(text, &["Thread Stats", "Requests/sec:"])
}

pub(super) fn is_ab(text: &str) -> bool {
    says(text, &["This is ApacheBench"])
        || says(text, &["Concurrency Level:", "Requests per second:"])
}

pub(super) fn is_hey(text: &str) -> bool {
    says(text, &["Summary:", "Requests/sec:", "Latency distribution:"])
        || says(text, &["Summary:", "Requests/sec:", "Response time histogram:"])
}

pub(super) fn sysbench(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    read(&SYSBENCH, request)
}

pub(super) fn pgbench(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    read(&PGBENCH, request)
}

pub(super) fn wrk(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    read(&WRK, request)
}

pub(super) fn ab(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    read(&AB, request)
}

pub(super) fn hey(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    read(&HEY, request)
}

/// What one run reported.
#[derive(Debug, Default)]
struct Run {
    line: usize,
    workers: Option<f64>,
    /// The rate, and the index of that rate in the report.
    rate: Option<(usize, f64)>,
}

fn read(report: &Report, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let runs = runs(report, request.text);
    let complete = runs.iter().filter(|run| run.rate.is_some()).count();
    let tell = |what: &str| refused(report.format, what, report.wants);
    if complete == 0 {
        return Err(tell("the figure that it ends with is missing"));
    }
    let mut gather = Gather::default();
    let name = report.format.name();
    for run in &runs {
        let Some((at, rate)) = run.rate else {
            gather.warn(
                name,
                format!(
                    "the report that begins in line {} has no figure at its end; left out",
                    run.line
                ),
            );
            continue;
        };
        let in_name =
            || (complete == 1).then(|| axis::in_name(request.stem, request.param)).flatten();
        let workers = match run.workers {
            Some(workers) => workers,
            None => in_name().ok_or_else(|| {
                tell(
                    "neither it nor the file's name (run-8-threads.txt) states the number of \
                     workers",
                )
            })?,
        };
        let place = || format!("line {}", run.line);
        positive(workers)
            .map_err(|what| Fault::at(place(), format!("the number of workers {what}")))?;
        positive(rate).map_err(|what| Fault::at(place(), format!("the rate {what}")))?;
        gather.add(
            name,
            report.units[at],
            Observation { workers, throughput: rate, repetition: None },
        );
    }
    let mut series = gather.finish(&[]);
    for one in &mut series {
        one.is_run = runs.len() == 1;
        let mut counts = one.observations.iter().map(|o| o.workers.to_bits());
        let first = counts.next();
        if counts.all(|count| Some(count) == first) {
            one.warnings.push(format!("this is {name}'s report of one count; {}", report.wants));
        }
    }
    Ok(series)
}

/// All runs of a text. A run begins on every line that begins a report, and at a second count
/// without such a line.
fn runs(report: &Report, text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim().trim_start_matches('>').trim_start();
        let count = report.counts.iter().find_map(|place| place.find(line));
        let is_new = line.starts_with(report.start)
            || runs.is_empty()
            || (count.is_some() && runs.last().is_some_and(|run| run.workers.is_some()));
        // Text before the first report is not a run.
        if is_new && !(runs.len() == 1 && runs[0].workers.is_none() && runs[0].rate.is_none()) {
            runs.push(Run { line: number, ..Run::default() });
        }
        let Some(run) = runs.last_mut() else { continue };
        run.workers = run.workers.or(count);
        let found =
            report.rates.iter().enumerate().find_map(|(at, place)| Some((at, place.find(line)?)));
        // If a report has several rates, the first kind is used. Of pgbench's two, it is the one
        // without connecting.
        if let Some((at, rate)) = found {
            let better = run.rate.is_none_or(|(before, _)| {
                at < before || (at == before && is_without_connecting(line))
            });
            if better {
                run.rate = Some((at, rate));
            }
        }
    }
    runs
}

fn is_without_connecting(line: &str) -> bool {
    line.contains("excluding connections") || line.contains("without initial connection")
}

impl Place {
    fn find(self, line: &str) -> Option<f64> {
        match self {
            Self::Behind(words) => number(line.strip_prefix(words)?),
            Self::InBrackets(words) => number(line.strip_prefix(words)?.split_once('(')?.1),
            Self::Before(words) => {
                let before = line[..line.find(words)?].trim_end();
                let start = before.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
                before.get(start..)?.parse().ok()
            }
        }
    }
}

/// The number at the start of a text: `3290.10`, `2.65k`.
fn number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let value: f64 = text[..end].parse().ok()?;
    Some(match text[end..].chars().next() {
        Some('k' | 'K') => value * 1e3,
        Some('M') => value * 1e6,
        _ => value,
    })
}
