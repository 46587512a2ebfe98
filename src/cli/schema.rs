//! `knee schema NAME`: the JSON Schema of what knee writes.

use schemars::Schema;

use super::claims::Answers;
use super::fit::Fit;
use super::{Failure, Output, machine, written};
use crate::analysis::compare::check::Check;
use crate::analysis::comparison::Comparison;
use crate::analysis::findings::Findings;
use crate::record;

/// Print the JSON Schema of what knee writes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of what
    #[arg(value_enum)]
    of: Document,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Document {
    /// A line of record.jsonl.
    Record,
    /// findings.json, and the answer of `knee run --json`.
    Findings,
    /// The answer of `knee fit --json`.
    Fit,
    /// The answer of `knee compare --json`.
    Comparison,
    /// The answer of `knee check --json`.
    Check,
    /// claims.json, and the answer of `knee claims --json`.
    Claims,
    /// The answer of `knee machine --json`.
    Machine,
}

impl Document {
    fn schema(self) -> Schema {
        match self {
            Self::Record => record::schema(),
            Self::Findings => schemars::schema_for!(Findings),
            Self::Fit => schemars::schema_for!(Fit),
            Self::Comparison => schemars::schema_for!(Comparison),
            Self::Check => schemars::schema_for!(Check),
            Self::Claims => schemars::schema_for!(Answers<'static>),
            Self::Machine => schemars::schema_for!(machine::Answer<'static>),
        }
    }
}

pub(super) fn schema(args: &Args, output: Output) -> Result<u8, Failure> {
    let text = serde_json::to_string_pretty(&args.of.schema()).expect("a schema is plain data");
    written(output.result(&format!("{text}\n")))
}
