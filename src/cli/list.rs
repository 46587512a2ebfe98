//! `knee list`: what can be run.

use std::fmt::Write;

use serde::Serialize;

use super::{Failure, Output, written};
use crate::plan::{Mode, Registry};

/// Show the workloads with their parameters, defaults and units.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

#[derive(Serialize)]
struct Listing {
    schema_version: u32,
    modes: Vec<&'static str>,
    workloads: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    name: &'static str,
    summary: &'static str,
    kind: &'static str,
    unit: &'static str,
    parameters: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    name: &'static str,
    help: &'static str,
    default: &'static str,
    takes: String,
}

pub(super) fn list(_: &Args, registry: Registry, output: Output) -> Result<u8, Failure> {
    let workloads: Vec<Item> = registry
        .iter()
        .map(|workload| {
            let meta = workload.meta();
            let parameters = meta.params.iter().map(|param| Parameter {
                name: param.name,
                help: param.help,
                default: param.default,
                takes: param.form.to_string(),
            });
            Item {
                name: meta.name,
                summary: meta.summary,
                kind: meta.kind.name(),
                unit: meta.unit.one,
                parameters: parameters.collect(),
            }
        })
        .collect();
    let modes = Mode::all().map(Mode::name).collect();
    let listing = Listing { schema_version: 1, modes, workloads };
    if output.json {
        let json = serde_json::to_string_pretty(&listing).expect("a listing is plain data");
        return written(output.result(&format!("{json}\n")));
    }
    written(output.result(&text(&listing)))
}

fn text(listing: &Listing) -> String {
    let mut text = String::new();
    for item in &listing.workloads {
        let _ = writeln!(
            text,
            "{:10} {} ({}; unit: {})",
            item.name, item.summary, item.kind, item.unit
        );
        for parameter in &item.parameters {
            let set = format!("{}={}", parameter.name, parameter.default);
            let _ = writeln!(text, "             {set:22} {}; {}", parameter.help, parameter.takes);
        }
    }
    let _ = writeln!(text, "\nmodes: {}", listing.modes.join(", "));
    text
}
