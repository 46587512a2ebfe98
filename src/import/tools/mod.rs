//! Who wrote a file: a table of tools, told from what stands in the file and never from its name.

mod criterion;
mod criterion_directory;
mod detect;
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
mod named_tables;
mod own;
mod pyperf;
mod pytest_benchmark;
mod records;
mod run_reports;
mod will_it_scale;

use std::fmt::{self, Write as _};
use std::path::Path;

use serde_json::Value;

use super::layouts::{LAYOUTS, Table};
use super::{Fault, Options, Request, Series, source, table};
use detect::Content;

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of tools below says what each is")]
pub enum Format {
    Csv,
    Records,
    Hyperfine,
    GoogleBenchmark,
    Jmh,
    Pyperf,
    PytestBenchmark,
    WillItScale,
    Criterion,
    GoBench,
    BenchmarkDotNet,
    LlamaBench,
    Sysbench,
    Pgbench,
    Wrk,
    ApacheBench,
    Hey,
    Fio,
    K6,
    Jube,
    Reframe,
    Knee,
}

/// A tool, as `knee fit --formats` lists it.
#[derive(Debug, Clone, Copy)]
struct Tool {
    format: Format,
    /// The name on the command line.
    name: &'static str,
    /// What is read.
    what: &'static str,
    /// A line of such a file.
    example: &'static str,
}

const fn tool(
    format: Format,
    name: &'static str,
    what: &'static str,
    example: &'static str,
) -> Tool {
    Tool { format, name, what, example }
}

/// All tools, in the order in which they are listed.
const TOOLS: [Tool; 22] = [
    tool(
        Format::Csv,
        "csv",
        "tables: CSV, Markdown, psql, LaTeX, aligned text, quoted mail",
        "threads,time_s",
    ),
    tool(
        Format::Records,
        "records",
        "JSON: records, lines of records, columns of arrays",
        r#"[{"threads": 8, "time": 1.98}]"#,
    ),
    tool(
        Format::Hyperfine,
        "hyperfine",
        "hyperfine --export-json, --export-csv, --export-markdown",
        r#"{"results": [{"command": "make -j 8", "times": [1.98]}]}"#,
    ),
    tool(
        Format::GoogleBenchmark,
        "google-benchmark",
        "Google Benchmark: JSON, CSV, console",
        "BM_Lock/threads:8   125 ns   998 ns   5600000",
    ),
    tool(
        Format::Jmh,
        "jmh",
        "JMH: -rf json, -rf csv, and its text",
        "Queue.offer  thrpt  5  38000.1 \u{b1} 120.4  ops/s",
    ),
    tool(
        Format::Pyperf,
        "pyperf",
        "pyperf -o FILE.json",
        r#"{"benchmarks": [{"runs": [{"values": [0.25]}]}]}"#,
    ),
    tool(
        Format::PytestBenchmark,
        "pytest-benchmark",
        "pytest --benchmark-json",
        r#"{"benchmarks": [{"name": "test_pool[8]", "stats": {"data": [0.3]}}]}"#,
    ),
    tool(
        Format::WillItScale,
        "will-it-scale",
        "will-it-scale's runtest.py",
        "tasks,processes,processes_idle,threads,threads_idle,linear",
    ),
    tool(
        Format::Criterion,
        "criterion",
        "target/criterion, raw.csv, cargo-criterion messages",
        "target/criterion/pool/threads/8/new/sample.json",
    ),
    tool(
        Format::GoBench,
        "go-bench",
        "go test -bench . -cpu 1,2,4",
        "BenchmarkPut-8   20010031   59.80 ns/op",
    ),
    tool(
        Format::BenchmarkDotNet,
        "benchmarkdotnet",
        "BenchmarkDotNet: CSV and Markdown",
        "Method;Threads;Mean;Error;StdDev",
    ),
    tool(
        Format::LlamaBench,
        "llama-bench",
        "llama-bench -o csv, -o md",
        "| llama 7B | 8 | tg128 | 24.90 \u{b1} 0.10 |",
    ),
    tool(
        Format::Sysbench,
        "sysbench",
        "sysbench run, one report per count",
        "Number of threads: 8",
    ),
    tool(Format::Pgbench, "pgbench", "pgbench -c N, one report per count", "number of clients: 8"),
    tool(Format::Wrk, "wrk", "wrk -c N, one report per count", "4 threads and 64 connections"),
    tool(Format::ApacheBench, "ab", "ab -c N, one report per count", "Concurrency Level:      8"),
    tool(
        Format::Hey,
        "hey",
        "hey -c N, one report per count, with the count in the file's name",
        "Requests/sec: 3290.1",
    ),
    tool(
        Format::Fio,
        "fio",
        "fio --output-format=json, one report per count",
        r#"{"fio version": "fio-3.36", "jobs": [{"read": {"iops": 3290.1}}]}"#,
    ),
    tool(
        Format::K6,
        "k6",
        "k6 --summary-export and k6's own summary, one per count",
        "http_reqs......: 98703  3290.1/s",
    ),
    tool(
        Format::Jube,
        "jube",
        "jube result",
        "| nodes | taskspernode | threadspertask | runtime_avg[s] |",
    ),
    tool(
        Format::Reframe,
        "reframe",
        "ReFrame's perflogs and tables",
        "job_completion_time|version|display_name|num_tasks|perf_value|perf_unit",
    ),
    tool(
        Format::Knee,
        "knee",
        "records, samples and findings of knee itself",
        r#"{"schema_version": 1, "curves": []}"#,
    ),
];

impl Format {
    /// All of them.
    pub const ALL: [Self; 22] = {
        let mut all = [Self::Csv; 22];
        let mut at = 0;
        while at < all.len() {
            all[at] = TOOLS[at].format;
            at += 1;
        }
        all
    };

    fn tool(self) -> &'static Tool {
        TOOLS.iter().find(|tool| tool.format == self).expect("every format has a row")
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.tool().name
    }

    /// Whether its files are tables, whose columns a user can name.
    fn has_columns(self) -> bool {
        matches!(
            self,
            Self::Csv
                | Self::Records
                | Self::BenchmarkDotNet
                | Self::LlamaBench
                | Self::Jube
                | Self::Reframe
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Everything that can be read, with an example line each.
pub fn formats() -> String {
    let mut text =
        "Tools, recognised by what stands in their files (--format forces one):\n".to_owned();
    for tool in &TOOLS {
        let Tool { name, what, example, .. } = tool;
        let _ = writeln!(text, "  {name:<17} {what}\n  {:<17}   {example}", "");
    }
    text.push_str("\nLayouts of tables:\n");
    for layout in &LAYOUTS {
        let _ = writeln!(text, "  {:<17} {}", layout.name, layout.example);
    }
    text
}

/// No tool writes more bytes before the first line that shows who it is.
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

/// All ways, the first that fits counts. What fits everything stands last.
const WAYS: [(Format, Way); 31] = [
    (Format::Reframe, Way::Text(named_tables::is_reframe_report, named_tables::reframe_report)),
    (Format::Sysbench, Way::Text(run_reports::is_sysbench, run_reports::sysbench)),
    (Format::Pgbench, Way::Text(run_reports::is_pgbench, run_reports::pgbench)),
    (Format::Wrk, Way::Text(run_reports::is_wrk, run_reports::wrk)),
    (Format::ApacheBench, Way::Text(run_reports::is_ab, run_reports::ab)),
    (Format::Hey, Way::Text(run_reports::is_hey, run_reports::hey)),
    (Format::K6, Way::Text(k6::is_text, k6::read_text)),
    (Format::GoBench, Way::Text(go_bench::is_text, go_bench::read)),
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

/// The part of a text in which the signs of tools are looked for.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(LOOKED_THROUGH)]
}

/// Reads a file's content as the format that was asked for, or as the one that it shows.
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
    let content = Content::of(request.text)?;
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
        // What the user forces is tried, so that its reader says what is wrong.
        (Some(_), Some(read)) => read(),
        (Some(format), None) => {
            Err(Fault::whole(format!("is {}, which {format} never writes", content.kind())))
        }
        (None, _) => Err(detect::unknown(&content)),
    }
}

impl Format {
    /// Whether it is read as another one is.
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

/// Options for columns mean nothing where there are none.
fn unfit(format: Format, request: Request<'_>) -> Result<(), Fault> {
    match request.for_tables().filter(|_| !format.has_columns()) {
        Some(option) => Err(Fault::whole(format!(
            "is {format}'s, which says by itself what its figures are: {option} is for tables only"
        ))),
        None => Ok(()),
    }
}

/// Reads a directory that a tool left; `None` where the path is something else.
pub(super) fn in_directory(path: &Path, options: &Options) -> Option<Read> {
    let ours = path.join(crate::record::FILE_NAME).is_file();
    if ours || source::is_descriptor(path) || !path.is_dir() {
        return None;
    }
    criterion_directory::read(path, options)
}

/// A refusal that names the tool, and what would do.
fn refused(format: Format, what: &str, wants: &str) -> Fault {
    Fault::whole(format!("this is {format}'s report, but {what}; {wants}"))
}

/// A plain table, read as such.
fn as_table(table: &Table, request: Request<'_>) -> Read {
    table::read(table, request)
}
