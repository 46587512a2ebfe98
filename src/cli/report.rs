//! `knee report DIR` makes the report of a run again from its raw record. `knee report --index DIR`
//! makes a table of several runs.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::prices::Prices;
use super::{Failure, Output, exit, present, share, written};
use crate::analysis;
use crate::analysis::findings::{Findings, SCHEMA_VERSION};
use crate::record::{self, FILE_NAME, Readers};
use crate::report::settings::Dialect;
use crate::report::{index, write_file};

/// Make the report of a run again from its raw record.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory of the run, or its record
    #[arg(value_name = "DIR")]
    run: PathBuf,
    /// Write the report to another directory
    #[arg(long, value_name = "DIR", conflicts_with = "index")]
    out: Option<PathBuf>,
    /// Instead, make a table of all runs in DIR, and put it into DIR/README.md if that has a place
    /// for it
    #[arg(long)]
    index: bool,
    /// What a recommended count may cost against the best, as a share of throughput [default: as
    /// when it was measured]
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    tolerance: Option<String>,
    #[command(flatten)]
    prices: Prices,
    /// Print the answer as settings to paste: env, gunicorn, make, rayon, nginx or k8s
    #[arg(long, value_name = "FOR")]
    settings: Option<Dialect>,
}

pub(super) fn report(args: &Args, output: Output) -> Result<u8, Failure> {
    if args.index {
        return table(&args.run, output);
    }
    let mut record = record::read(&args.run).map_err(Failure::usage)?;
    if let Some(text) = &args.tolerance {
        record.header.plan.tolerance = share::tolerance(text)?;
    }
    if let Some(tariff) = args.prices.tariff()? {
        record.header.plan.tariff = Some(tariff);
    }
    let own = if args.run.is_dir() { &args.run } else { args.run.parent().unwrap_or(&args.run) };
    let directory = args.out.as_deref().unwrap_or(own);
    std::fs::create_dir_all(directory).map_err(|error| Failure::unwritten(directory, &error))?;
    present::present(directory, &record, args.settings, output)
}

/// The table of the runs in a directory, ordered by name.
fn table(directory: &Path, output: Output) -> Result<u8, Failure> {
    let entries = std::fs::read_dir(directory)
        .map_err(|error| Failure::usage(format!("{}: {error}", directory.display())))?;
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(FILE_NAME).exists())
        .collect();
    paths.sort();
    let mut runs = Vec::new();
    for path in &paths {
        let record = record::read(path).map_err(Failure::usage)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        runs.push((name, analysis::analyse(&record)));
    }
    let text = index::table(&runs);
    let page = directory.join("README.md");
    let spliced = std::fs::read_to_string(&page).ok().and_then(|old| index::spliced(&old, &text));
    if let Some(new) = spliced {
        write_file(&page, new.as_bytes(), Readers::All)
            .map_err(|error| Failure::new(exit::UNWRITTEN, error))?;
    }
    if output.json {
        let row = |(name, findings): &(String, Findings)| {
            let answers = findings
                .workloads
                .iter()
                .map(|workload| json!({"workload": workload.label, "verdict": workload.verdict}));
            json!({
                "name": name,
                "machine": findings.run.machine,
                "usable_cpus": findings.run.usable_cpus,
                "quiet": findings.quiet,
                "answers": answers.collect::<Vec<_>>(),
            })
        };
        let rows: Vec<_> = runs.iter().map(row).collect();
        let answer = json!({"schema_version": SCHEMA_VERSION, "runs": rows});
        return written(output.result(&format!("{answer:#}\n")));
    }
    written(output.result(&text))
}
