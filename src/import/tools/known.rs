//! The tools whose files are read, each with an example line.

use std::fmt::{self, Write as _};

use super::super::layouts::{LAYOUTS, lines::SAYS};

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of tools below says what each is")]
#[non_exhaustive]
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
pub(super) struct Tool {
    format: Format,
    /// The name on the command line.
    pub(super) name: &'static str,
    /// What is read of it.
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
pub(super) const TOOLS: [Tool; 22] = [
    tool(
        Format::Csv,
        "csv",
        "tables: CSV, Markdown, psql, LaTeX, HTML, MediaWiki, aligned text, quoted mail",
        "threads,time_s",
    ),
    tool(
        Format::Records,
        "records",
        "JSON, or what Python prints: records, lines of records, columns of arrays",
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
        "target/criterion, raw.csv, cargo-criterion messages, console",
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
    pub(super) fn has_columns(self) -> bool {
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
    text.push_str("\nFigures that programs print about themselves, for knee run --figure NAME:\n");
    for super::Preset { name, call, .. } in super::presets() {
        let _ = writeln!(text, "  {name:<17} {call}");
    }
    text.push_str("\nLayouts of tables:\n");
    for layout in &LAYOUTS {
        let _ = writeln!(text, "  {:<17} {}", layout.name, layout.example);
    }
    for says in &SAYS {
        let _ = writeln!(text, "  {:<17} {}", says.name, says.example);
    }
    text
}
