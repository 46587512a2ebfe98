//! `knee run`: measures, finds the optimum and shows it.

mod alternatives;
mod args;
mod camp;
mod figure;
mod files;
mod first;
mod function;
mod nodes;
mod outside;
mod own;
mod place;
mod serve;
mod session;
mod wishes;

use std::io;
use std::path::Path;

pub(super) use args::Args;

use super::{Failure, Output, exit, present};
use crate::machine::{Machine, Root, placement};
use crate::plan::{self, Candidates, Cores, Plan, Registry};
use crate::record;
use crate::run::{Outcome, Past};
use crate::units::plural;
pub(crate) use session::Session;

pub(crate) use camp::Camp;
pub(super) use place::unused_in_target;

pub(super) fn run(args: &Args, registry: Registry, output: Output) -> Result<u8, Failure> {
    if let Some(directory) = &args.resume {
        return resume(args, directory, registry, output);
    }
    function::meant(&args.workloads, registry)?;
    let request = args.request()?;
    let (limits, tolerance) = (args.wishes.limits()?, args.wishes.tolerance()?);
    let tariff = args.wishes.tariff()?;
    let outside = args.outside.named()?;
    if let Some(list) = &args.cpus {
        restrict(list)?;
    }
    let asked = args.nodes.asked()?;
    if let Some(written) = asked.as_ref().and_then(|asked| args.nodes.script(asked, output)) {
        return written;
    }
    let here = Machine::read(&Root::live());
    let mut early = None;
    if let Some(asked) = asked.filter(|_| !args.dry_run) {
        // Impossible requests are refused before anything is started.
        plan::expand(&request, registry, &Cores::of(&here), &mut |_, _| {})?;
        let camp = Camp::pitch(output)?;
        let cluster = asked.gather(&camp, output)?;
        early = Some((camp, cluster));
    }
    let (early, cluster) = early.unzip();
    let machine = cluster.as_ref().map_or(here, |cluster| cluster.nodes()[0].machine.clone());
    let mut skipped = Vec::new();
    let cores = Cores::of(&machine);
    let mut plan = plan::expand(&request, registry, &cores, &mut |name, reason| {
        skipped.push(format!("knee: {name} is left out: {reason}"));
    })?;
    args.own.fit(&mut plan, &request, &cores, args.modes_given())?;
    let mut camp = early;
    if plan.entries.iter().any(|entry| function::is_one(entry, registry)) {
        // Helpers of functions are the first processes that are started.
        let camp = match camp.take() {
            Some(early) => camp.insert(early),
            None => camp.insert(Camp::pitch(output)?),
        };
        function::Functions::fit(&mut plan, &request, &cores, args.modes_given(), registry, camp)?;
    }
    // Nodes must end before the camp is struck, so they are dropped first.
    let cluster = cluster;
    plan.limits = limits;
    if plan.arrivals.is_some() {
        plan::Arrivals::admit(&plan)?;
    }
    if let Some(cluster) = &cluster {
        files::compare(&plan, cluster)?;
    }
    plan.name_values();
    plan.tolerance = tolerance;
    plan.tariff = tariff;
    plan.outside = outside;
    if args.dry_run {
        let text = if output.json { document(&plan)? } else { outline(&plan) };
        return super::written(output.result(&text));
    }
    let camp = match camp {
        Some(camp) => camp,
        None => Camp::pitch(output)?,
    };
    let directory = place::new(args.out.as_deref())?;
    output.remark(&announcement(&plan, &directory));
    for line in &skipped {
        output.remark(line);
    }
    let show = || shown(args, &directory, output);
    let session = Session {
        plan: &plan,
        machine: &machine,
        directory: &directory,
        registry,
        output,
        hide_command: args.own.hide_command,
        cluster,
        show: &show,
    };
    let outcome = session.measure(camp, None);
    finish(args, &directory, outcome, output)
}

/// Continues an interrupted run with its own plan.
fn resume(
    args: &Args,
    directory: &Path,
    registry: Registry,
    output: Output,
) -> Result<u8, Failure> {
    // Locked before reading, so that no other run can write unseen.
    let writer = record::Writer::resume(directory);
    let busy = |error: &io::Error| error.kind() == io::ErrorKind::ResourceBusy;
    if let Some(error) = writer.as_ref().err().filter(|error| busy(error)) {
        return Err(Failure::usage(error));
    }
    let record = record::read(directory).map_err(Failure::usage)?;
    if record.end.as_ref().is_some_and(|end| !end.interrupted) {
        let shown = directory.display();
        return Err(Failure::usage(format!("{shown} is complete; knee report {shown} shows it")));
    }
    place::prove_writable(directory)?;
    let unwritten = |error: io::Error| Failure::unwritten(directory, &error);
    let mut writer = writer.map_err(unwritten)?;
    let plan = &record.header.plan;
    let asked = args.nodes.resumed(directory, &record.header)?;
    for entry in &plan.entries {
        registry.find(&entry.workload)?;
        if own::is_hidden(entry) {
            let what =
                "its command was kept out of the record by --hide-command, so it cannot go on";
            return Err(Failure::usage(format!("{}: {what}", directory.display())));
        }
    }
    let here = asked.is_none().then(|| same_machine(directory, &record.header.machine));
    let here = here.transpose()?;
    let camp = Camp::pitch(output)?;
    let cluster = asked.map(|asked| {
        let cluster = asked.gather(&camp, output)?;
        nodes::same(directory, &record.header.nodes, &cluster)?;
        files::compare(plan, &cluster)?;
        Ok::<_, Failure>(cluster)
    });
    // Nodes must end before the camp is struck, so they are dropped first.
    let cluster = cluster.transpose()?;
    let machine = here.unwrap_or_else(|| record.header.machine.clone());
    let past = Past::of(&record.samples);
    output.remark(&format!(
        "knee: going on after {} rounds; {}",
        record.samples.len(),
        announcement(plan, directory).trim_start_matches("knee: ")
    ));
    let show = || shown(args, directory, output);
    let session = Session {
        plan,
        machine: &machine,
        directory,
        registry,
        output,
        hide_command: false,
        cluster,
        show: &show,
    };
    writer.mend().map_err(unwritten)?;
    let outcome = session.measure(camp, Some((writer, &past)));
    finish(args, directory, outcome, output)
}

/// Checks that this is the machine on which a run began, and keeps to the CPUs that it began with.
fn same_machine(directory: &Path, then: &Machine) -> Result<Machine, Failure> {
    let other = |what: String| {
        let directory = directory.display();
        Failure::usage(format!(
            "{directory} was begun {what}; start a new run here and compare the two"
        ))
    };
    if let Some(cpus) = &then.budget.affinity {
        restrict(&cpus.to_string())
            .map_err(|failure| other(format!("within other CPUs ({failure})")))?;
    }
    let now = Machine::read(&Root::live());
    let (here, there) = (now.budget.usable(), then.budget.usable());
    if now.cpu_model != then.cpu_model {
        Err(other("on another machine".to_owned()))
    } else if (here - there).abs() > 1e-9 {
        Err(other(format!("with {there} usable CPUs, and here are {here}")))
    } else {
        Ok(now)
    }
}

/// Restricts this process and all its children to some of the usable CPUs.
fn restrict(list: &str) -> Result<(), Failure> {
    let allowed = placement::allowed_cpus().map_err(Failure::usage)?;
    let cpus = placement::parse_cpus(list, &allowed).map_err(Failure::usage)?;
    placement::restrict_process(&cpus).map_err(Failure::usage)
}

/// Shows the results and how the run went.
fn finish(
    args: &Args,
    directory: &Path,
    outcome: Result<Outcome, Failure>,
    output: Output,
) -> Result<u8, Failure> {
    let outcome = match outcome {
        // The results so far are worth showing even if no more can be written.
        Err(failure) if failure.code() == exit::UNWRITTEN => {
            if let Ok(record) = record::read(directory)
                && !record.samples.is_empty()
            {
                let _ = present::show(&record, output);
            }
            return Err(failure);
        }
        outcome => outcome?,
    };
    output.remark(&format!("knee: {} rounds in {:.1} s", outcome.measured, outcome.wall));
    let record = record::read(directory).map_err(|error| Failure::new(exit::UNWRITTEN, error))?;
    present::present(directory, &record, args.wishes.settings, output)
}

/// Shows what is left after an interrupt. Nothing else follows.
fn shown(args: &Args, directory: &Path, output: Output) -> u8 {
    let record = record::read(directory);
    let record = record.map_err(|error| Failure::new(exit::UNWRITTEN, error));
    let presented = record.and_then(|record| {
        if output.draws_progress() {
            output.remark("");
        }
        output.remark(&format!("knee: interrupted after {} rounds", record.samples.len()));
        present::present(directory, &record, args.wishes.settings, output)
    });
    presented.unwrap_or_else(|failure| {
        Output { quiet: false, ..output }.remark(&format!("knee: {failure}"));
        failure.code()
    })
}

fn announcement(plan: &Plan, directory: &Path) -> String {
    let main = plan.entries.iter().filter(|entry| entry.shorter_of.is_none());
    let workloads = plural(main.count() as u64, "workload", "workloads");
    let open = |candidates: &Candidates| matches!(candidates, Candidates::Search { .. });
    let searches =
        plan.entries.iter().flat_map(|entry| &entry.series).any(|series| open(&series.candidates));
    format!(
        "knee: {workloads}, {}{}, at most {:.0} s; results in {}",
        if searches { "at least " } else { "" },
        plural(plan.cells().len() as u64, "cell", "cells"),
        args::whole(plan.budget),
        directory.display()
    )
}

/// What `--dry-run --json` prints.
fn document(plan: &Plan) -> Result<String, Failure> {
    let document = serde_json::json!({
        "schema_version": 1,
        "seconds": args::whole(plan.budget),
        "cells": plan.cells().len(),
        "plan": plan,
    });
    let text = serde_json::to_string_pretty(&document);
    text.map(|text| text + "\n").map_err(|error| Failure::new(exit::FAILED, error))
}

/// What `--dry-run` shows: every series, with the counts that are certain to be measured.
fn outline(plan: &Plan) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for entry in &plan.entries {
        let _ = writeln!(text, "{}", entry.label);
        for series in &entry.series {
            let counts: Vec<String> =
                series.candidates.first().iter().map(ToString::to_string).collect();
            let more = match &series.candidates {
                Candidates::Search { most, .. } => format!(" .. searched up to {most}"),
                Candidates::Exactly { .. } => String::new(),
            };
            let _ = writeln!(text, "  {:16} {}{more}", series.mode, counts.join(" "));
        }
    }
    let cells = plan.cells().len();
    let _ = writeln!(
        text,
        "{cells} cells at least, in blocks of random order (seed {}), within {:.0} s",
        plan.seed,
        args::whole(plan.budget)
    );
    text
}
