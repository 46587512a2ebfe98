#![doc = include_str!("README.md")]

mod axis;
mod criterion;
mod google_benchmark;
mod hyperfine;
mod jmh;
mod json;
mod load;
mod pyperf;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod will_it_scale;

pub use load::load;

/// One curve measured elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is called there; empty where it has no name.
    pub name: String,
    /// What its throughput counts, in the plural: `runs`, `operations`.
    pub unit: String,
    /// Every measurement, in the order of the file.
    pub rows: Vec<Row>,
    /// How throughputs came about, and what was left out.
    pub notes: Vec<String>,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Workers, or load. Above 0.
    pub workers: f64,
    /// Per second. Above 0.
    pub throughput: f64,
    /// Which repetition of the whole sweep, where the file says so.
    pub repetition: Option<u32>,
}

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns of numbers.
    Csv,
    /// hyperfine, JSON of either schema or CSV.
    Hyperfine,
    /// Google Benchmark's JSON.
    GoogleBenchmark,
    /// The Java Microbenchmark Harness's JSON.
    Jmh,
    /// pyperf's JSON.
    Pyperf,
    /// will-it-scale's CSV.
    WillItScale,
    /// criterion's raw CSV or cargo-criterion's lines.
    Criterion,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Csv,
        Self::Hyperfine,
        Self::GoogleBenchmark,
        Self::Jmh,
        Self::Pyperf,
        Self::WillItScale,
        Self::Criterion,
    ];

    /// The word for it on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Hyperfine => "hyperfine",
            Self::GoogleBenchmark => "google-benchmark",
            Self::Jmh => "jmh",
            Self::Pyperf => "pyperf",
            Self::WillItScale => "will-it-scale",
            Self::Criterion => "criterion",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|format| format.name()).collect();
            format!("no format is called {text:?}; there are {}", all.join(", "))
        })
    }
}

/// Why measurements could not be read: one line that says where and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ForeignError(String);

impl ForeignError {
    fn new(message: impl Into<String>) -> Self {
        // Whatever the file holds, the message stays one line.
        let line: String =
            message.into().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self(line)
    }

    fn at(line: usize, message: impl std::fmt::Display) -> Self {
        Self::new(format!("line {line}: {message}"))
    }
}

type Result<T> = std::result::Result<T, ForeignError>;

/// Reads measurements; `param` names what holds the worker count where that is not plain.
///
/// # Errors
/// The bytes are no measurements of any known format, or malformed.
pub fn read(bytes: &[u8], format: Option<Format>, param: Option<&str>) -> Result<Vec<Series>> {
    let unpacked = load::unpack(bytes)?;
    let text = text::decode(&unpacked)?;
    let format = match format {
        Some(format) => format,
        None => recognise(text)?,
    };
    let series = match format {
        Format::Csv => table::read(text, param),
        Format::Hyperfine => hyperfine::read(text, param),
        Format::GoogleBenchmark => google_benchmark::read(text, param),
        Format::Jmh => jmh::read(text, param),
        Format::Pyperf => pyperf::read(text, param),
        Format::WillItScale => will_it_scale::read(text),
        Format::Criterion => criterion::read(text, param),
    }?;
    let series: Vec<Series> = series.into_iter().filter_map(sound).collect();
    if series.is_empty() {
        return Err(ForeignError::new(format!(
            "it holds no measurement that can be used (read as {})",
            format.name()
        )));
    }
    Ok(series)
}

/// Leaves out rows that say nothing of scaling, with a note of how many.
fn sound(mut series: Series) -> Option<Series> {
    let before = series.rows.len();
    series.rows.retain(|row| row.workers > 0.0);
    let idle = before - series.rows.len();
    series.rows.retain(|row| row.throughput > 0.0);
    let nothing = before - idle - series.rows.len();
    if idle > 0 {
        series.notes.push(format!("{idle} row(s) of zero workers left out"));
    }
    if nothing > 0 {
        series.notes.push(format!("{nothing} row(s) of zero throughput left out"));
    }
    (!series.rows.is_empty()).then_some(series)
}

fn recognise(text: &str) -> Result<Format> {
    if text.starts_with(['{', '[']) {
        return json::recognise(text);
    }
    let head = text.lines().next().unwrap_or_default().trim();
    Ok(match head {
        _ if will_it_scale::is_header(head) => Format::WillItScale,
        _ if hyperfine::is_csv_header(head) => Format::Hyperfine,
        _ if criterion::is_csv_header(head) => Format::Criterion,
        _ => Format::Csv,
    })
}
