//! Turns a record into everything that is shown of it. `knee run` ends with this, and `knee report`
//! repeats it.

use std::path::Path;

use knee_workloads::foreign::figure::MISSING;

use super::{Failure, Output, exit, written};
use crate::analysis::{self, findings::Findings};
use crate::record::Record;
use crate::report::settings::Dialect;
use crate::report::{self, terminal};

/// Analyses a record and writes its report into `directory`. Then prints the findings, or only the
/// answer as settings to paste.
///
/// # Errors
/// The report or standard output cannot be written.
pub(crate) fn present(
    directory: &Path,
    record: &Record,
    settings: Option<Dialect>,
    output: Output,
) -> Result<u8, Failure> {
    let findings = analysis::analyse(record);
    let unwritten = |error: &dyn std::fmt::Display| Failure::new(exit::UNWRITTEN, error);
    let machine: Vec<(String, String)> = record
        .header
        .machine
        .facts()
        .into_iter()
        .map(|fact| (fact.label.to_owned(), fact.value))
        .collect();
    let readers = record.header.readers();
    let files = report::write_all(directory, &findings, &machine, readers);
    let rows = report::samples(record).map_err(|error| Failure::new(exit::FAILED, error))?;
    let samples = report::write_file(&directory.join("samples.csv"), &rows, readers);
    // The findings are printed even if they cannot be written.
    let printed = match settings {
        Some(dialect) => {
            written(output.result(&report::settings::settings(&findings, dialect))).map(drop)
        }
        None => print(&findings, directory, files.as_deref().unwrap_or_default(), output),
    };
    // If a terminal was closed, there is no point in reporting that.
    if !findings.run.interrupted {
        printed?;
    }
    files.map_err(|error| unwritten(&error))?;
    samples.map_err(|error| unwritten(&error))?;
    Ok(verdict(&findings))
}

/// Prints the findings of a record whose report cannot be written.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn show(record: &Record, output: Output) -> Result<(), Failure> {
    print(&analysis::analyse(record), Path::new(""), &[], output)
}

fn print(
    findings: &Findings,
    directory: &Path,
    files: &[std::path::PathBuf],
    output: Output,
) -> Result<(), Failure> {
    if output.json {
        let text =
            report::json::findings(findings).map_err(|error| Failure::new(exit::FAILED, error))?;
        return written(output.result(&text)).map(|_| ());
    }
    let style = output.style();
    let mut text = Vec::new();
    terminal::write(&mut text, findings, &style)
        .and_then(|()| terminal::files(&mut text, directory, files, &style))
        .expect("writing to memory does not fail");
    written(output.result(&String::from_utf8_lossy(&text))).map(|_| ())
}

/// Whether programs ran correctly but printed no figure.
fn lacks_figures(findings: &Findings) -> bool {
    let mut failures = findings.workloads.iter().flat_map(|workload| &workload.failures).peekable();
    failures.peek().is_some() && failures.all(|failure| failure.reason.contains(MISSING))
}

/// The exit code that follows from the findings.
fn verdict(findings: &Findings) -> u8 {
    let failed = findings.workloads.iter().any(|workload| !workload.failures.is_empty());
    // If pairs were searched together, the pair is the answer.
    let own = findings.workloads.iter().filter(|workload| !workload.in_pairs);
    let own = own.filter_map(|workload| workload.verdict.as_ref()).map(|one| one.conclusive);
    let mut settled = own.chain(findings.axes.iter().map(|axis| axis.conclusive));
    if findings.run.interrupted {
        exit::INTERRUPTED
    } else if findings.warnings.iter().any(|one| one.code == analysis::BUDGET_CHANGED) {
        // Two different machines were measured; an answer about one of them is useless on the
        // other.
        exit::INCONCLUSIVE
    } else if findings.run.rounds == 0 && !lacks_figures(findings) {
        exit::FAILED
    } else if failed {
        exit::INCOMPLETE
    } else if !settled.any(|is_settled| is_settled) {
        // No question was answered.
        exit::INCONCLUSIVE
    } else {
        exit::OK
    }
}
