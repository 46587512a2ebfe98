//! `knee schema [NAME]`: prints the JSON Schema of knee's output, or lists the schemas.

use clap::ValueEnum;
use schemars::Schema;

use super::claims::Answers;
use super::fit::Fit;
use super::{Failure, Output, machine, written};
use crate::analysis::compare::check::Check;
use crate::analysis::comparison::Comparison;
use crate::analysis::findings::Findings;
use crate::record;

/// Print the JSON Schema of knee's output; without a name, list the schemas.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The document
    #[arg(value_enum)]
    of: Option<Document>,
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
    let Some(document) = args.of else { return list(output) };
    let text = serde_json::to_string_pretty(&document.schema()).expect("a schema is plain data");
    written(output.result(&format!("{text}\n")))
}

/// Lists the schemas: a name and a sentence per line, or a JSON object of them.
fn list(output: Output) -> Result<u8, Failure> {
    let values = Document::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let documents: Vec<(String, String)> = values
        .map(|value| {
            let help = value.get_help().map(ToString::to_string).unwrap_or_default();
            (value.get_name().to_owned(), help)
        })
        .collect();
    let text = if output.json {
        let documents: serde_json::Map<_, _> =
            documents.into_iter().map(|(name, help)| (name, help.into())).collect();
        let answer = serde_json::json!({ "schema_version": 1, "schemas": documents });
        format!("{answer:#}\n")
    } else {
        let lines = documents.iter().map(|(name, help)| format!("{name:<12}{help}"));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    written(output.result(&text))
}
