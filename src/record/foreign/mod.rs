#![doc = include_str!("README.md")]

mod axis;
mod criterion;
mod detect;
mod google_benchmark;
mod hyperfine;
mod hyperfine_csv;
mod jmh;
mod jmh_csv;
mod json;
mod merge;
mod own;
mod plain;
mod plain_columns;
mod pyperf;
mod rate;
mod source;
mod table;
mod will_it_scale;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use detect::Content;
use source::Document;

pub use merge::{Sourced, merge};

/// More measurements in one file are refused: no sweep makes as many.
pub const MOST_OBSERVATIONS: usize = 1_000_000;
/// More worker counts in one curve are refused.
pub const MOST_COUNTS: usize = 4096;
/// More curves in one file are refused.
pub const MOST_SERIES: usize = 1000;

/// Figures outside are refused: within, neither squares nor ratios leave the range of a number.
const POSSIBLE: std::ops::RangeInclusive<f64> = 1e-75..=1e75;

/// One measurement made elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// How many workers, or a fractional load. Finite and above 0.
    pub workers: f64,
    /// Units per second of all workers together. Finite and above 0.
    pub throughput: f64,
    /// Which repetition of the sweep it belongs to, where the file says so.
    pub repetition: Option<u32>,
}

/// Throughput over workers, as somebody else measured it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What was measured, as the file calls it.
    pub name: String,
    /// What is counted per second: several of them (`runs`, `bytes`).
    pub unit: String,
    /// Every measurement, in the order of the file.
    pub observations: Vec<Observation>,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Plain tables.
    Csv,
    /// hyperfine's JSON of both schemas, and its CSV.
    Hyperfine,
    /// Google Benchmark's JSON.
    GoogleBenchmark,
    /// JMH's JSON.
    Jmh,
    /// pyperf's JSON.
    Pyperf,
    /// will-it-scale's CSV.
    WillItScale,
    /// criterion's `raw.csv`, and the messages of cargo-criterion.
    Criterion,
    /// Our own records and findings.
    Knee,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Csv,
        Self::Hyperfine,
        Self::GoogleBenchmark,
        Self::Jmh,
        Self::Pyperf,
        Self::WillItScale,
        Self::Criterion,
        Self::Knee,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Hyperfine => "hyperfine",
            Self::GoogleBenchmark => "google-benchmark",
            Self::Jmh => "jmh",
            Self::Pyperf => "pyperf",
            Self::WillItScale => "will-it-scale",
            Self::Criterion => "criterion",
            Self::Knee => "knee",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How files are to be read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The format; recognised by content where it is not given.
    pub format: Option<Format>,
    /// The name of the parameter, column or metadata that holds the number of workers.
    pub param: Option<String>,
}

/// Why a file cannot be used: one line that says where and what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct ImportError {
    file: String,
    fault: Fault,
}

/// What is wrong, and in which place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    /// `line 3`, `results[2].times[0]`; empty where it is the whole file.
    place: String,
    what: String,
}

impl Fault {
    fn whole(what: impl Into<String>) -> Self {
        Self { place: String::new(), what: what.into() }
    }

    fn at(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.place, self.what)
        }
    }
}

/// What an importer needs to know beside the content.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    /// The file's name without directory and ending: the name of curves that have none.
    stem: &'a str,
    /// The file's content as text.
    text: &'a str,
    /// The `--param` of the command line.
    param: Option<&'a str>,
}

/// Reads the curves in one file, in a directory that holds a record, or in standard input (`-`).
///
/// # Errors
/// The file cannot be read, is not of a known format, or holds something that is not a measurement.
pub fn read(path: &Path, options: &Options) -> Result<Vec<Series>, ImportError> {
    let document = source::open(path)?;
    parse(&document, options).map_err(|fault| ImportError { file: document.name.clone(), fault })
}

/// Reads the curves in the bytes of a file called `name`.
///
/// # Errors
/// The bytes are not of a known format, or hold something that is not a measurement.
pub fn read_bytes(name: &str, bytes: &[u8], options: &Options) -> Result<Vec<Series>, ImportError> {
    let document = source::document(Path::new(name), bytes)?;
    parse(&document, options).map_err(|fault| ImportError { file: name.to_owned(), fault })
}

fn parse(document: &Document, options: &Options) -> Result<Vec<Series>, Fault> {
    let content = Content::of(&document.text)?;
    let format = match options.format {
        Some(format) => format,
        None => detect::format(&content)?,
    };
    let request = Request {
        stem: &document.stem,
        text: &document.text,
        param: options.param.as_deref().map(str::trim).filter(|param| !param.is_empty()),
    };
    let series = match (format, &content) {
        (Format::Csv, Content::Table(table)) => plain::read(table, request),
        (Format::Hyperfine, Content::Json(json)) => hyperfine::read(json, request),
        (Format::Hyperfine, Content::Table(table)) => hyperfine_csv::read(table, request),
        (Format::GoogleBenchmark, Content::Json(json)) => google_benchmark::read(json, request),
        (Format::Jmh, Content::Json(json)) => jmh::read(json, request),
        (Format::Jmh, Content::Table(table)) => jmh_csv::read(table, request),
        (Format::Pyperf, Content::Json(json)) => pyperf::read(json, request),
        (Format::WillItScale, Content::Table(table)) => will_it_scale::read(table),
        (Format::Criterion, Content::Table(table)) => criterion::read_table(table, request),
        (Format::Criterion, Content::Lines(lines)) => criterion::read_messages(lines, request),
        (Format::Criterion, Content::Json(json)) => {
            criterion::read_messages(&[(1, json.clone())], request)
        }
        (Format::Knee, Content::Lines(_)) => own::read_record(request),
        (Format::Knee, Content::Json(json)) => own::read_findings(json),
        (Format::Knee, Content::Table(table)) => own::read_rows(table),
        (format, content) => {
            Err(Fault::whole(format!("is {}, which {format} never writes", content.kind())))
        }
    }?;
    checked(series)
}

/// Refuses what no analysis could use, so that nothing later has to.
fn checked(series: Vec<Series>) -> Result<Vec<Series>, Fault> {
    if series.iter().all(|series| series.observations.is_empty()) {
        return Err(Fault::whole("holds no measurement"));
    }
    if series.len() > MOST_SERIES {
        let what = format!("holds {} curves; at most {MOST_SERIES} can be read", series.len());
        return Err(Fault::whole(what));
    }
    for one in &series {
        let mut counts: Vec<f64> = one.observations.iter().map(|o| o.workers).collect();
        counts.sort_by(f64::total_cmp);
        counts.dedup();
        if counts.len() > MOST_COUNTS {
            let (name, many) = (&one.name, counts.len());
            let what =
                format!("{name:?} has {many} worker counts; at most {MOST_COUNTS} can be read");
            return Err(Fault::whole(what));
        }
    }
    Ok(series.into_iter().filter(|series| !series.observations.is_empty()).collect())
}

/// Collects measurements into curves by name, in the order in which the names first appear.
#[derive(Debug, Default)]
struct Gather {
    series: Vec<Series>,
    places: HashMap<String, usize>,
    warnings: Vec<(String, String)>,
}

impl Gather {
    /// The curve of this name.
    fn series(&mut self, name: &str, unit: &str) -> &mut Series {
        let next = self.series.len();
        let place = *self.places.entry(name.to_owned()).or_insert(next);
        if place == next {
            let (name, unit) = (name.to_owned(), unit.to_owned());
            let (observations, warnings) = (Vec::new(), Vec::new());
            self.series.push(Series { name, unit, observations, warnings });
        }
        &mut self.series[place]
    }

    /// One more measurement of the curve of this name.
    fn add(&mut self, name: &str, unit: &str, observation: Observation) {
        self.series(name, unit).observations.push(observation);
    }

    /// What a reader of the curve of this name must know; where there is no such curve in the end, whoever reads the others.
    fn warn(&mut self, name: &str, text: impl Into<String>) {
        self.warnings.push((name.to_owned(), text.into()));
    }

    /// All curves, each with its own warnings and with these; nothing is said twice.
    fn finish(mut self, warnings: &[String]) -> Vec<Series> {
        let mut general: Vec<String> = Vec::new();
        for (name, text) in std::mem::take(&mut self.warnings) {
            let (warnings, text) = match self.places.get(&name) {
                Some(&place) => (&mut self.series[place].warnings, text),
                None => (&mut general, format!("{name} is left out: {text}")),
            };
            if !warnings.contains(&text) {
                warnings.push(text);
            }
        }
        general.extend_from_slice(warnings);
        for series in &mut self.series {
            series.warnings.extend_from_slice(&general);
        }
        self.series
    }
}

/// A figure that must be above 0 and of a possible size, or what is wrong with it.
fn positive(value: f64) -> Result<f64, String> {
    if !value.is_finite() {
        Err("is not a finite number".to_owned())
    } else if value <= 0.0 {
        Err(format!("is {value}, but must be above 0"))
    } else if !POSSIBLE.contains(&value) {
        Err(format!("is {value:e}, beyond anything that can be measured"))
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
