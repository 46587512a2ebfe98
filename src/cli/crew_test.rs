//! `knee crew-test`: tests whether a helper for another language speaks the crew protocol.

use super::{Failure, Output, exit, written};
use crate::mode::helper::{Candidate, conformance};

/// Test whether a helper for another language speaks the crew protocol.
///
/// The helper is started many times. It is given good and bad orders, cut off and killed. The page
/// docs/crew-protocol.md says what it must do, and which functions it must call.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the test functions are, with {name} in place of a function's name, e.g.
    /// 'functions.rb:{name}'
    #[arg(long, value_name = "TEMPLATE")]
    functions: String,
    /// The helper and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn crew_test(args: &Args, output: Output) -> Result<u8, Failure> {
    if !args.functions.contains("{name}") {
        return Err(Failure::usage(format!(
            "--functions {}: write {{name}} where the name of a function stands",
            args.functions
        )));
    }
    let candidate = Candidate { command: args.command.clone(), functions: args.functions.clone() };
    let mut tests = Vec::new();
    let failed = conformance(&candidate, &mut |name, verdict| {
        if !output.json {
            let _ = match verdict {
                Ok(()) => output.result(&format!("ok      {name}\n")),
                Err(why) => output.result(&format!("FAILED  {name}: {why}\n")),
            };
        }
        tests.push(serde_json::json!({
            "name": name,
            "ok": verdict.is_ok(),
            "why": verdict.as_ref().err(),
        }));
    });
    let summary = if output.json {
        let document = serde_json::json!({ "schema_version": 1, "failed": failed, "tests": tests });
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    } else {
        format!("{} tests, {failed} failed\n", tests.len())
    };
    written(output.result(&summary))?;
    Ok(if failed == 0 { exit::OK } else { exit::FAILED })
}
