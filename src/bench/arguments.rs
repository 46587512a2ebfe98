//! The command line of a benchmark program, as given by cargo, nextest and users.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Color, exit};

/// Scaling benchmarks by knee.
#[derive(Debug, Clone, Default, Parser)]
#[command(max_term_width = 100)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    /// Only benchmarks whose names contain one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Filters are whole names
    #[arg(long)]
    exact: bool,
    /// Leave out benchmarks whose names contain this
    #[arg(long, value_name = "FILTER")]
    skip: Vec<String>,
    /// List the benchmarks and measure nothing
    #[arg(long)]
    pub(super) list: bool,
    /// How to list: pretty or terse
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    pub(super) format: String,
    /// Only ignored benchmarks, of which there are none
    #[arg(long)]
    pub(super) ignored: bool,
    /// Measure; cargo bench passes this
    #[arg(long, hide = true)]
    bench: bool,
    /// Run each benchmark for a moment and measure nothing
    #[arg(long)]
    test: bool,
    /// How to run tasks, comma separated; or all
    #[arg(long, value_name = "LIST")]
    pub(super) modes: Option<String>,
    /// How many workers to try: `1,2,4`, `1-8`, or auto
    #[arg(long, value_name = "COUNTS")]
    pub(super) workers: Option<String>,
    /// How long each benchmark may take, e.g. `10s`
    #[arg(long, value_name = "DURATION")]
    pub(super) budget: Option<String>,
    /// A quarter of the time, for a first impression
    #[arg(long)]
    pub(super) quick: bool,
    /// The seed of orders, work and resampling
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Keep the results under this name
    #[arg(long, value_name = "NAME")]
    pub(super) save_baseline: Option<String>,
    /// Compare with the results kept under this name
    #[arg(long, value_name = "NAME", conflicts_with = "baseline_lenient")]
    pub(super) baseline: Option<String>,
    /// Compare with the results kept under this name, if there are any
    #[arg(long, value_name = "NAME")]
    pub(super) baseline_lenient: Option<String>,
    /// End with exit code 3 if a cell is certainly this much slower than the baseline
    #[arg(long, value_name = "PERCENT")]
    pub(super) fail_if_slower: Option<f64>,
    /// Print findings as JSON, one document per benchmark
    #[arg(long)]
    pub(super) json: bool,
    /// Show no progress and no remarks
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    #[command(flatten)]
    ignored_options: Ignored,
}

/// Options of libtest that mean nothing here. They are accepted because cargo and nextest pass them
/// to every target.
#[derive(Debug, Clone, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Ignored {
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    no_capture: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    #[arg(long = "include-ignored", hide = true)]
    run_all: bool,
    #[arg(long, hide = true)]
    test_threads: Option<String>,
}

impl Arguments {
    /// Reads a command line. Help and mistakes return an exit code.
    pub(super) fn read(args: impl Iterator<Item = OsString>) -> Result<Self, ExitCode> {
        Self::try_parse_from(args).map_err(|error| {
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK })
        })
    }

    /// Whether to measure: `cargo bench` says so, `cargo test` does not.
    pub(super) fn measures(&self) -> bool {
        self.bench && !self.test
    }

    /// Whether a benchmark of this name is asked for.
    pub(super) fn selects(&self, name: &str) -> bool {
        let matches = |filter: &String| {
            if self.exact { name == filter } else { name.contains(filter.as_str()) }
        };
        !self.ignored
            && (self.filters.is_empty() || self.filters.iter().any(matches))
            && !self.skip.iter().any(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Arguments {
        let words = std::iter::once("bench").chain(words.split_whitespace());
        Arguments::read(words.map(OsString::from)).expect("the arguments are valid")
    }

    #[test]
    fn cargo_bench_measures_and_cargo_test_does_not() {
        assert!(read("--bench").measures());
        assert!(read("foo --exact --bench").measures());
        assert!(!read("").measures());
        assert!(!read("--bench --test").measures());
    }

    #[test]
    fn filters_select_by_part_or_whole() {
        assert!(read("um").selects("sum") && !read("um").selects("sort"));
        assert!(!read("um --exact").selects("sum") && read("sum --exact").selects("sum"));
        assert!(!read("--skip su").selects("sum") && read("--skip su").selects("sort"));
        assert!(!read("--ignored").selects("sum") && read("--include-ignored").selects("sum"));
    }

    #[test]
    fn what_nextest_passes_is_accepted() {
        assert!(read("--list --format terse --ignored").list);
        assert!(read("sum --nocapture --exact --bench").selects("sum"));
    }
}
