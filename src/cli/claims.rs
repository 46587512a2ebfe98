//! `knee claims`: tests common claims about threads and processes on this machine.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::run::{Camp, unused_in_target};
use super::{Failure, Output, exit, written};
use crate::claims::{self, Finding, Verdict};
use crate::machine::{Machine, Root};
use crate::plan::Registry;
use crate::record::Readers;
use crate::report::write_file;

/// Test common claims about threads and processes on this machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these claims, by name; all if none is named
    #[arg(value_name = "CLAIM")]
    names: Vec<String>,
    /// The directory for the page and the JSON [default: target/knee/claims-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Name the claims and test nothing
    #[arg(long)]
    list: bool,
}

/// The findings as JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answers<'f> {
    /// The version of this document.
    schema_version: u32,
    /// The machine, in one line.
    machine: String,
    /// One entry per claim.
    claims: &'f [Finding],
}

pub(super) fn claims(args: &Args, registry: Registry, output: Output) -> Result<u8, Failure> {
    if args.list {
        let lines: Vec<String> =
            claims::list().map(|(id, claim)| format!("{id:10} {claim}\n")).collect();
        return written(output.result(&lines.concat()));
    }
    known(&args.names)?;
    let machine = Machine::read(&Root::live());
    let camp = Camp::pitch(output)?;
    let site = camp.site(registry, &machine, Vec::new());
    let test = || {
        claims::run(&args.names, site, &machine, &mut |claim| {
            output.remark(&format!("knee: {claim} ..."));
        })
    };
    let findings = camp.interruptible(test, || exit::INTERRUPTED);
    let interrupted = camp.is_interrupted();
    let document = Answers { schema_version: 1, machine: machine.summary(), claims: &findings };
    let json = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new(exit::FAILED, error))?;
    if output.json {
        written(output.result(&format!("{json}\n")))?;
    } else {
        written(output.result(&claims::text(&findings, &output.style())))?;
    }
    keep(args, &findings, &machine, &json, output)?;
    let open = findings.iter().any(|finding| finding.verdict == Verdict::CannotTell);
    Ok(match (interrupted, open) {
        (true, _) => exit::INTERRUPTED,
        (false, true) => exit::INCONCLUSIVE,
        (false, false) => exit::OK,
    })
}

/// Refuses names that do not belong to a claim.
fn known(names: &[String]) -> Result<(), Failure> {
    let ids = || claims::list().map(|(id, _)| id);
    match names.iter().find(|name| !ids().any(|id| id == name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let all: Vec<&str> = ids().collect();
            Err(Failure::usage(format!(
                "no claim is called {name:?}; there are {}",
                all.join(", ")
            )))
        }
    }
}

/// Writes the page and the JSON.
fn keep(
    args: &Args,
    findings: &[Finding],
    machine: &Machine,
    json: &str,
    output: Output,
) -> Result<(), Failure> {
    let directory = args.out.clone().unwrap_or_else(|| unused_in_target("claims-"));
    let unwritten = |error: &dyn std::fmt::Display| {
        Failure::new(exit::UNWRITTEN, format!("{} cannot be written: {error}", directory.display()))
    };
    std::fs::create_dir_all(&directory).map_err(|error| unwritten(&error))?;
    let page = directory.join("claims.html");
    let html = claims::html(findings, &machine.summary());
    write_file(&page, html.as_bytes(), Readers::All).map_err(|error| unwritten(&error))?;
    write_file(&directory.join("claims.json"), json.as_bytes(), Readers::All)
        .map_err(|error| unwritten(&error))?;
    output.remark(&format!("knee: {}", page.display()));
    Ok(())
}
