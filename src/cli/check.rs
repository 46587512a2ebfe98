//! `knee check RUN --baseline B`: for CI, with three different results.

use std::fmt::Write;

use super::{Failure, Output, exit, share, sides, written};
use crate::analysis::compare::RUN_TO_RUN;
use crate::analysis::compare::check::{self, Answer, Check, Limits};
use crate::report;

/// Check a run against a baseline: exit code 0 if it keeps the limits, 3 if it breaks one, 5 if the
/// data cannot tell.
///
/// Three things are compared with the baseline: throughput at the knee, efficiency at the
/// baseline's knee, and the knee itself. A limit counts as kept or broken with 95 % confidence.
/// Several runs on either side (a directory of run directories) make the answer sharper.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run, or a directory of runs of one machine
    #[arg(value_name = "RUN")]
    run: String,
    /// The run to compare with, or a directory of runs of one machine
    #[arg(long, value_name = "PATH")]
    baseline: String,
    /// Largest loss of throughput at the knee that is allowed
    #[arg(long, value_name = "SHARE", default_value = "5%", allow_hyphen_values = true)]
    max_slowdown: String,
    /// Largest loss of efficiency at the baseline's knee that is allowed [default: as
    /// --max-slowdown]
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    max_efficiency_loss: Option<String>,
    /// Assumed standard deviation between runs of one machine, for a side with only one run
    #[arg(long, value_name = "SHARE", default_value_t = format!("{}%", RUN_TO_RUN * 100.0),
          allow_hyphen_values = true)]
    run_to_run: String,
    /// What a recommended count may cost against the best, as a share of throughput [default: as
    /// when it was measured]
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    tolerance: Option<String>,
}

pub(super) fn check(args: &Args, output: Output) -> Result<u8, Failure> {
    let max_slowdown = share::parse(&args.max_slowdown, "--max-slowdown")?;
    let max_efficiency_loss = match &args.max_efficiency_loss {
        Some(text) => share::parse(text, "--max-efficiency-loss")?,
        None => max_slowdown,
    };
    let run_to_run = share::parse(&args.run_to_run, "--run-to-run")?;
    let tolerance = args.tolerance.as_deref().map(share::tolerance).transpose()?;
    let named = [format!("baseline={}", args.baseline), format!("run={}", args.run)];
    let mut skip = |message: String| output.remark(&format!("knee: left out: {message}"));
    let sides = sides::read(&named, tolerance, &mut skip)?;
    let [baseline, run] = sides.as_slice() else {
        return Err(Failure::usage("one run and one baseline are needed"));
    };
    let limits = Limits { max_slowdown, max_efficiency_loss };
    let found = check::check(run, baseline, limits, run_to_run).map_err(Failure::usage)?;
    let text = if output.json {
        report::json::check(&found).map_err(|error| Failure::new(exit::FAILED, error))?
    } else {
        text(&found)
    };
    for warning in &found.warnings {
        output.remark(&format!("knee: {}; {}", warning.text, warning.remedy));
    }
    written(output.result(&text))?;
    Ok(match found.answer {
        Answer::Pass => exit::OK,
        Answer::Fail => exit::BROKEN,
        Answer::Inconclusive => exit::INCONCLUSIVE,
    })
}

fn text(found: &Check) -> String {
    let word = |answer| match answer {
        Answer::Pass => "pass",
        Answer::Fail => "FAIL",
        Answer::Inconclusive => "inconclusive",
    };
    let mut text = String::new();
    for verdict in &found.verdicts {
        let workload = crate::plot::label::visible(&verdict.workload);
        let said = crate::plot::label::visible(&verdict.text);
        let _ = writeln!(text, "{:12} {workload}: {said}", word(verdict.answer));
    }
    let _ = writeln!(text, "{}", word(found.answer));
    text
}
