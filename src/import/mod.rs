#![doc = include_str!("README.md")]

mod gather;
mod guess;
mod layouts;
mod merge;
mod source;
mod table;
mod tools;
mod words;

use std::fmt;
use std::path::Path;

use gather::Gather;
pub use guess::{About, Guess};
pub use merge::{Sourced, merge};
use source::Document;
pub use tools::{Format, Preset, formats, presets};
pub(crate) use words::vocabulary::mode_in;

/// The most measurements of a table. If it has more, means of batches are kept: no analysis needs
/// as many.
pub const MOST_OBSERVATIONS: usize = 1_000_000;
/// Tables with more rows are refused.
pub const MOST_ROWS: usize = 50_000_000;
/// Curves with more worker counts are refused.
pub const MOST_COUNTS: usize = 4096;
/// Files with more curves are refused.
pub const MOST_SERIES: usize = 1000;

/// Figures outside of this range are refused. Within it, neither squares nor ratios overflow.
const POSSIBLE: std::ops::RangeInclusive<f64> = 1e-75..=1e75;

/// One measurement made elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The worker count, or a fractional load. Finite and above 0.
    pub workers: f64,
    /// Units per second, all workers together. Finite and above 0.
    pub throughput: f64,
    /// The repetition of the sweep that it belongs to, if the file says so.
    pub repetition: Option<u32>,
}

/// The noise of one figure, as a file states it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Standard deviation as a share of the figure.
    pub sd: f64,
    /// Degrees of freedom behind it.
    pub df: f64,
}

/// Throughput over workers, measured elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The name that the file gives it.
    pub name: String,
    /// Name of several units of what is counted per second (`runs`, `bytes`).
    pub unit: String,
    /// Every measurement, in the order of the file.
    pub observations: Vec<Observation>,
    /// The noise that the file states beside its figures.
    pub noise: Option<Noise>,
    /// What the file does not say, with the assumptions made instead.
    pub guessed: Vec<Guess>,
    /// Whether it is the report of a single run. A sweep needs several of them.
    pub is_run: bool,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

/// How to read files.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The format; recognised by content if not given.
    pub format: Option<Format>,
    /// The name of the parameter, column or metadata that holds the number of workers.
    pub param: Option<String>,
    /// A second column that counts workers: a curve for each of its values.
    pub by: Option<String>,
    /// The columns of figures.
    pub values: Vec<String>,
    /// The unit of the figures.
    pub unit: Option<String>,
    /// Whether the figures are times.
    pub lower_is_better: bool,
    /// Whether every worker does the work of a whole run, so that the work grows with the workers.
    pub work_per_worker: bool,
    /// The encoding of text that is not UTF-8.
    pub encoding: Option<String>,
}

/// Why a file cannot be used: one line with the place and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct ImportError {
    file: String,
    fault: Fault,
}

/// What is wrong, and where in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    /// The place, such as `line 3` or `results[2].times[0]`; empty for the whole file.
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

/// What an importer needs to know.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    /// The file's name without directory and ending. Curves without a name get it.
    stem: &'a str,
    /// The file's content as text.
    text: &'a str,
    param: Option<&'a str>,
    by: Option<&'a str>,
    values: &'a [String],
    unit: Option<&'a str>,
    lower_is_better: bool,
    work_per_worker: bool,
}

impl<'a> Request<'a> {
    fn of(document: &'a Document, options: &'a Options) -> Self {
        let given =
            |text: &'a Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty());
        Self {
            stem: &document.stem,
            text: &document.text,
            param: given(&options.param),
            by: given(&options.by),
            values: &options.values,
            unit: given(&options.unit),
            lower_is_better: options.lower_is_better,
            work_per_worker: options.work_per_worker,
        }
    }

    /// An option that only has a meaning for tables.
    fn for_tables(self) -> Option<&'static str> {
        match self {
            Self { by: Some(_), .. } => Some("--by"),
            Self { unit: Some(_), .. } => Some("--unit"),
            Self { lower_is_better: true, .. } => Some("--lower-is-better"),
            Self { values, .. } if !values.is_empty() => Some("--value"),
            _ => None,
        }
    }
}

/// Reads the curves in a file, in a directory with a record or with results, or from standard input
/// (`-`).
///
/// # Errors
/// The file cannot be read, is not of a known format, or holds something that is not a measurement.
pub fn read(path: &Path, options: &Options) -> Result<Vec<Series>, ImportError> {
    if let Some(found) = tools::in_directory(path, options) {
        let file = path.display().to_string();
        return found.and_then(checked).map_err(|fault| ImportError { file, fault });
    }
    let document = source::open(path, options.encoding.as_deref())?;
    parse(&document, options).map_err(|fault| ImportError { file: document.name.clone(), fault })
}

/// Reads the curves in the bytes of a file called `name`.
///
/// # Errors
/// The bytes are not of a known format, or hold something that is not a measurement.
pub fn read_bytes(name: &str, bytes: &[u8], options: &Options) -> Result<Vec<Series>, ImportError> {
    let encoding = options.encoding.as_deref();
    let document = source::document(Path::new(name), bytes.to_vec(), encoding)?;
    parse(&document, options).map_err(|fault| ImportError { file: name.to_owned(), fault })
}

fn parse(document: &Document, options: &Options) -> Result<Vec<Series>, Fault> {
    let mut series = checked(tools::read(Request::of(document, options), options.format)?)?;
    for one in &mut series {
        one.warnings.extend(document.remark.clone());
        if options.work_per_worker {
            for observation in &mut one.observations {
                observation.throughput *= observation.workers;
            }
        }
    }
    Ok(series)
}

/// Refuses measurements that no analysis can use, so that later code need not check.
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

/// Checks that a figure is above 0 and of a possible size.
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
