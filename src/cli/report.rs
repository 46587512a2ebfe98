//! `knee report DIR`: everything anew from the raw record.

use std::path::PathBuf;

use super::{Failure, Output, present};
use crate::record;
use crate::report::settings::Dialect;

/// Make a run's report anew from its raw record.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run's directory, or its record
    #[arg(value_name = "DIR")]
    run: PathBuf,
    /// Write the report to another directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the answer as settings to paste: env, gunicorn, make, rayon or k8s
    #[arg(long, value_name = "FOR")]
    settings: Option<Dialect>,
}

pub(super) fn report(args: &Args, output: Output) -> Result<u8, Failure> {
    let record = record::read(&args.run).map_err(Failure::usage)?;
    let own = if args.run.is_dir() { &args.run } else { args.run.parent().unwrap_or(&args.run) };
    let directory = args.out.as_deref().unwrap_or(own);
    std::fs::create_dir_all(directory).map_err(|error| {
        Failure::usage(format!("{} cannot be written: {error}", directory.display()))
    })?;
    present::present(directory, &record, args.settings, output)
}
