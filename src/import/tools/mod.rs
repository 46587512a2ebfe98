//! Which tool wrote a file: a table of tools. The content of the file decides, never its name.

mod criterion;
mod criterion_directory;
mod criterion_text;
mod detect;
mod figures;
mod fio;
mod go_bench;
mod google_benchmark;
mod google_text;
mod hyperfine;
mod hyperfine_csv;
mod jmh;
mod jmh_csv;
mod jmh_text;
mod k6;
mod known;
mod named_tables;
mod own;
mod pyperf;
mod pytest_benchmark;
mod records;
mod run_reports;
mod will_it_scale;

use std::path::Path;

use serde_json::Value;

use super::layouts::{Table, lines};
use super::{Fault, Options, Request, Series, source, table};
use detect::Content;
pub use figures::{Preset, presets};
use known::TOOLS;
pub use known::{Format, formats};

/// The line that shows the tool is within this many bytes of the start.
const LOOKED_THROUGH: usize = 8 << 20;

type Read = Result<Vec<Series>, Fault>;

/// One way to recognise and read a tool's file.
#[derive(Clone, Copy)]
enum Way {
    Text(fn(&str) -> bool, fn(Request<'_>) -> Read),
    Json(fn(&Value) -> bool, fn(&Value, Request<'_>) -> Read),
    Lines(fn(&[(usize, Value)]) -> bool, fn(&[(usize, Value)], Request<'_>) -> Read),
    Table(fn(&Table) -> bool, fn(&Table, Request<'_>) -> Read),
}

/// All ways; the first that fits is used. Those that fit everything come last.
const WAYS: [(Format, Way); 32] = [
    (Format::Reframe, Way::Text(named_tables::is_reframe_report, named_tables::reframe_report)),
    (Format::Sysbench, Way::Text(run_reports::is_sysbench, run_reports::sysbench)),
    (Format::Pgbench, Way::Text(run_reports::is_pgbench, run_reports::pgbench)),
    (Format::Wrk, Way::Text(run_reports::is_wrk, run_reports::wrk)),
    (Format::ApacheBench, Way::Text(run_reports::is_ab, run_reports::ab)),
    (Format::Hey, Way::Text(run_reports::is_hey, run_reports::hey)),
    (Format::K6, Way::Text(k6::is_text, k6::read_text)),
    (Format::GoBench, Way::Text(go_bench::is_text, go_bench::read)),
    (Format::Criterion, Way::Text(criterion_text::is_text, criterion_text::read)),
    (Format::Jmh, Way::Text(jmh_text::is_text, jmh_text::read)),
    (Format::GoogleBenchmark, Way::Text(google_text::is_csv, google_text::read_csv)),
    (Format::GoogleBenchmark, Way::Text(google_text::is_console, google_text::read_console)),
    (Format::Jmh, Way::Json(detect::is_jmh, jmh::read)),
    (Format::Hyperfine, Way::Json(detect::is_hyperfine, hyperfine::read)),
    (Format::Pyperf, Way::Json(detect::is_pyperf, pyperf::read)),
    (Format::PytestBenchmark, Way::Json(pytest_benchmark::is_json, pytest_benchmark::read)),
    (Format::GoogleBenchmark, Way::Json(detect::is_google_benchmark, google_benchmark::read)),
    (Format::Fio, Way::Json(fio::is_json, fio::read)),
    (Format::K6, Way::Json(k6::is_json, k6::read_json)),
    (Format::Knee, Way::Json(detect::is_findings, own::read_findings)),
    (Format::Criterion, Way::Json(detect::is_message, criterion::read_message)),
    (Format::Records, Way::Json(records::is_json, records::read)),
    (Format::Knee, Way::Lines(detect::is_record, own::read_record)),
    (Format::Criterion, Way::Lines(detect::are_messages, criterion::read_messages)),
    (Format::Records, Way::Lines(records::are_lines, records::read_lines)),
    (Format::WillItScale, Way::Table(will_it_scale::is_table, will_it_scale::read)),
    (Format::Criterion, Way::Table(criterion::is_table, criterion::read_table)),
    (Format::Hyperfine, Way::Table(hyperfine_csv::is_table, hyperfine_csv::read)),
    (Format::Jmh, Way::Table(jmh_csv::is_table, jmh_csv::read)),
    (Format::Knee, Way::Table(own::is_table, own::read_rows)),
    (Format::LlamaBench, Way::Table(named_tables::is_llama, named_tables::llama)),
    (Format::Csv, Way::Table(|_| true, named_tables::read)),
];

/// The part of a text in which the signs of tools are searched.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_THROUGH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Reads a file's content in the format that the user named, or in the one that it shows.
pub(super) fn read(request: Request<'_>, asked: Option<Format>) -> Read {
    let is_asked =
        |format: Format| asked.is_none_or(|asked| asked == format || asked.is_kind_of(format));
    let beginning = beginning(request.text);
    for (format, way) in &WAYS {
        if let Way::Text(fits, read) = way
            && is_asked(*format)
            && fits(beginning)
        {
            unfit(*format, request)?;
            return read(request);
        }
    }
    let content = match (Content::of(request.text), is_asked(Format::Csv)) {
        (Err(fault), true) => return said_in_lines(request).unwrap_or(Err(fault)),
        (content, _) => content?,
    };
    let mut forced = None;
    for (format, way) in WAYS.iter().filter(|(format, _)| is_asked(*format)) {
        let (fits, read): (bool, Box<dyn Fn() -> Read>) = match (way, &content) {
            (Way::Json(fits, read), Content::Json(json)) => {
                (fits(json), Box::new(move || read(json, request)))
            }
            (Way::Lines(fits, read), Content::Lines(lines)) => {
                (fits(lines), Box::new(move || read(lines, request)))
            }
            (Way::Table(fits, read), Content::Table(table)) => {
                (fits(table), Box::new(move || read(table, request)))
            }
            _ => continue,
        };
        if fits {
            let named = asked.or_else(|| named_tables::tool_of(&content)).unwrap_or(*format);
            unfit(named, request)?;
            return read();
        }
        forced = forced.or(Some(read));
    }
    match (asked, forced) {
        // If the user names a format, it is tried, so that its reader says what is wrong.
        (Some(_), Some(read)) => read(),
        (Some(format), None) => {
            Err(Fault::whole(format!("is {}, which {format} never writes", content.kind())))
        }
        (None, _) => Err(detect::unknown(&content)),
    }
}

impl Format {
    /// Whether it is read like another format.
    fn is_kind_of(self, other: Self) -> bool {
        other == Self::Csv
            && matches!(
                self,
                Self::BenchmarkDotNet
                    | Self::Jube
                    | Self::Reframe
                    | Self::Hyperfine
                    | Self::LlamaBench
            )
    }
}

/// Refuses options for columns if the format has no columns.
fn unfit(format: Format, request: Request<'_>) -> Result<(), Fault> {
    match request.for_tables().filter(|_| !format.has_columns()) {
        Some(option) => Err(Fault::whole(format!(
            "is {format}'s, which says by itself what its figures are: {option} is for tables only"
        ))),
        None => Ok(()),
    }
}

/// Reads a directory that a tool left; `None` if the path is something else.
pub(super) fn in_directory(path: &Path, options: &Options) -> Option<Read> {
    let ours = path.join(crate::record::FILE_NAME).is_file();
    if ours || source::is_descriptor(path) || !path.is_dir() {
        return None;
    }
    criterion_directory::read(path, options)
}

/// A refusal that names the tool, and what to give instead.
fn refused(format: Format, what: &str, wants: &str) -> Fault {
    Fault::whole(format!("this is {format}'s report, but {what}; {wants}"))
}

/// Reads lines that say what they hold, if a text is no table; `None` if it is neither.
fn said_in_lines(request: Request<'_>) -> Option<Read> {
    let table = lines::table(request.text)?;
    Some(table::read(&table, request))
}

/// Reads a plain table.
fn as_table(table: &Table, request: Request<'_>) -> Read {
    table::read(table, request)
}
