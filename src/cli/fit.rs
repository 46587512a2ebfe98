//! `knee fit FILE..`: the same findings for measurements made elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Failure, Output, exit, share, written};
use crate::analysis::findings::{
    self, Curve, Findings, Quiet, RunSummary, Usl, UslIntervals, WorkloadFindings,
};
use crate::analysis::{self, Input, Observation};
use crate::clock;
use crate::plan::TOLERANCE;
use crate::plot::label::shortened;
use crate::record::foreign::{self, Format, Options, Series, Sourced};
use crate::report;
use crate::report::terminal::{self, Style};
use crate::units::{Quantity, coefficient, workers};

/// A message longer than this many columns is no help to anyone.
const LONGEST_MESSAGE: usize = 400;

/// A name longer than this many columns is cut where only figures matter.
const LONGEST_NAME: usize = 40;

/// Find optimum, law and bound in measurements made elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Formats: csv (long, wide or two bare columns), hyperfine (JSON and CSV), google-benchmark, jmh, pyperf, will-it-scale, criterion (raw.csv, \
cargo-criterion messages), knee (records, findings).

Times become throughputs by one rule: throughput = work of a run x runs made at once / time per run. A run that uses all workers itself is made \
once at a time (hyperfine, pyperf, criterion, CSV); where every worker makes runs of its own (JMH, Google Benchmark), as many as there are workers.

Exit code: 0 with findings, also where they are inconclusive (the findings say so); 2 for files that cannot be used; 6 where the report cannot be \
written.")]
pub(super) struct Args {
    /// The files, or - for standard input; compressed ones too
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The format of all files; recognised by content if not given
    #[arg(long, value_name = "NAME")]
    format: Option<Format>,
    /// The column, parameter, counter or metadata that holds the number of workers
    #[arg(long, value_name = "NAME")]
    param: Option<String>,
    /// Write page, plots, summary and findings into DIR
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What a recommended count may cost against the best, as a share of throughput
    #[arg(long, value_name = "SHARE", default_value = "5%", allow_hyphen_values = true)]
    tolerance: String,
    /// The seed of resampling
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

/// What `knee fit --json` writes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(super) struct Fit {
    /// The version of this form.
    pub schema_version: u32,
    /// One entry per curve, in the order of the files.
    pub curves: Vec<FitCurve>,
}

/// A curve with what is known of its origin.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(super) struct FitCurve {
    /// What was found.
    #[serde(flatten)]
    pub curve: Curve,
    /// What is counted per second: several of them.
    pub unit: String,
    /// The files that it comes from.
    pub files: Vec<String>,
}

pub(super) fn fit(args: &Args, output: Output) -> Result<u8, Failure> {
    let curves = curves(args)?;
    if let Some(directory) = &args.out {
        std::fs::create_dir_all(directory).map_err(|error| {
            let what = format!("{} cannot be written: {error}", directory.display());
            Failure::new(exit::UNWRITTEN, what)
        })?;
    }
    let fit = Fit { schema_version: findings::SCHEMA_VERSION, curves };
    // Plots take a hundred times longer than all the rest, so that they are painted for --out only.
    let findings = findings(&fit, args);
    let files = args.out.as_deref().map(|directory| report::write_all(directory, &findings, &[]));
    let shown = if output.json {
        let text = serde_json::to_string_pretty(&fit)
            .map_err(|error| Failure::new(exit::FAILED, error))?;
        format!("{text}\n")
    } else {
        let written = files.as_ref().and_then(|files| files.as_ref().ok());
        text(&findings, args.out.as_deref().zip(written.map(Vec::as_slice)), output)
    };
    // What was found is printed even where it cannot be kept.
    let printed = written(output.result(&shown))?;
    match files {
        Some(Err(error)) => Err(Failure::new(exit::UNWRITTEN, error)),
        _ => Ok(printed),
    }
}

/// All curves of all files, analysed.
fn curves(args: &Args) -> Result<Vec<FitCurve>, Failure> {
    let stdin = args.files.iter().filter(|file| file.as_os_str() == "-").count();
    if stdin > 1 {
        return Err(Failure::usage("standard input can be read only once; give - once"));
    }
    let tolerance = share::tolerance(&args.tolerance)?;
    let options = Options { format: args.format, param: args.param.clone() };
    let names = names(&args.files);
    let mut files = Vec::new();
    for (path, name) in args.files.iter().zip(names) {
        let series = foreign::read(path, &options)
            .map_err(|error| Failure::usage(shortened(&error.to_string(), LONGEST_MESSAGE)))?;
        files.push((name, series));
    }
    Ok(foreign::merge(files).into_iter().map(|one| curve(one, tolerance, args.seed)).collect())
}

fn curve(Sourced { files, series }: Sourced, tolerance: f64, seed: u64) -> FitCurve {
    let Series { name, unit, observations, mut warnings } = series;
    let observations = observations
        .iter()
        .map(|one| Observation {
            block: one.repetition,
            ..Observation::plain(one.workers, one.throughput)
        })
        .collect();
    let input = Input { tolerance, ..Input::plain(&name, observations, seed) };
    let mut curve = analysis::analyse_curve(&input);
    warnings.append(&mut curve.warnings);
    curve.warnings = warnings;
    FitCurve { curve, unit, files }
}

/// A short name for each file that no other one has.
fn names(files: &[PathBuf]) -> Vec<String> {
    let short = |path: &Path| match path.file_name() {
        Some(name) if path.as_os_str() != "-" => name.to_string_lossy().into_owned(),
        _ => "standard input".to_owned(),
    };
    let unique = |path: &PathBuf| {
        let name = short(path);
        let several = files.iter().filter(|other| short(other) == name).count() > 1;
        if several { path.display().to_string() } else { name }
    };
    files.iter().map(unique).collect()
}

/// The curves as findings: those of one file in one unit stand together.
fn findings(fit: &Fit, args: &Args) -> Findings {
    let mut workloads: Vec<WorkloadFindings> = Vec::new();
    let mut places: BTreeMap<(&[String], &str), usize> = BTreeMap::new();
    for one in &fit.curves {
        let place = *places.entry((&one.files, &one.unit)).or_insert(workloads.len());
        if place == workloads.len() {
            workloads.push(workload(one));
        }
        workloads[place].curves.push(one.curve.clone());
    }
    let labels: Vec<String> = workloads.iter().map(|workload| workload.label.clone()).collect();
    for workload in &mut workloads {
        // A file with figures in several units is several things.
        if labels.iter().filter(|label| **label == workload.label).count() > 1 {
            workload.label = format!("{} ({})", workload.label, workload.unit_many);
        }
    }
    let warnings = Vec::new();
    let to_settle = to_settle(&fit.curves);
    Findings {
        schema_version: fit.schema_version,
        run: run(args),
        workloads,
        quiet: quiet(),
        warnings,
        to_settle,
    }
}

/// What each curve lacks that is not settled; once where all lack the same.
fn to_settle(curves: &[FitCurve]) -> Option<String> {
    let open = curves.iter().filter_map(|one| {
        let remedy = one.curve.optimum.as_ref()?.remedy.as_deref()?;
        Some((shortened(&one.curve.name, LONGEST_NAME), remedy))
    });
    let open: Vec<(String, &str)> = open.collect();
    let (_, first) = open.first()?;
    if open.iter().all(|(_, remedy)| remedy == first) {
        return Some((*first).to_owned());
    }
    Some(open.iter().map(|(name, text)| format!("{name}: {text}")).collect::<Vec<_>>().join("; "))
}

fn workload(one: &FitCurve) -> WorkloadFindings {
    let label = match one.files.as_slice() {
        [] => one.curve.name.clone(),
        [file] => file.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    WorkloadFindings {
        workload: label.clone(),
        label,
        params: BTreeMap::new(),
        kind: String::new(),
        unit_one: one.unit.strip_suffix('s').unwrap_or(&one.unit).to_owned(),
        unit_many: one.unit.clone(),
        serial: None,
        curves: Vec::new(),
        verdict: None,
        equivalent: None,
        ceiling: None,
        textbook_optimum: None,
        lengths: Vec::new(),
        notes: Vec::new(),
        failures: Vec::new(),
    }
}

/// What was measured elsewhere was no run of ours.
fn run(args: &Args) -> RunSummary {
    let files: Vec<String> = args.files.iter().map(|file| file.display().to_string()).collect();
    RunSummary {
        name: names(&args.files).join(", "),
        command: format!("knee fit {}", files.join(" ")),
        knee: env!("CARGO_PKG_VERSION").to_owned(),
        seed: args.seed,
        started: clock::utc(),
        wall: 0.0,
        interrupted: false,
        machine: String::new(),
        usable_cpus: 0.0,
        tolerance: share::tolerance(&args.tolerance).unwrap_or(TOLERANCE),
        rounds: 0,
        disturbed: 0,
    }
}

fn quiet() -> Quiet {
    Quiet { sentence: String::new(), trusted: true, foreign_cpu: None, steal: None, burn: None }
}

fn text(findings: &Findings, out: Option<(&Path, &[PathBuf])>, output: Output) -> String {
    let style = output.style();
    let mut text = Vec::new();
    terminal::write(&mut text, findings, &style).expect("writing to memory does not fail");
    text.extend(laws(findings, &style).into_bytes());
    if let Some((directory, files)) = out {
        let written = terminal::files(&mut text, directory, files, &style);
        written.expect("writing to memory does not fail");
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The coefficients that others who fit the law publish too.
fn laws(findings: &Findings, style: &Style) -> String {
    let mut text = String::new();
    for workload in &findings.workloads {
        let rate = Quantity::rate(&workload.unit_many);
        for curve in &workload.curves {
            let Some(usl) = &curve.usl else { continue };
            let name = shortened(&curve.name, LONGEST_NAME);
            let figures = format!("{name}: {}", coefficients(usl, &rate));
            for (margin, paragraph) in [("  ", Some(figures)), ("    ", intervals(usl))] {
                let columns = style.columns().saturating_sub(4).max(20);
                let lines = paragraph.map_or_else(Vec::new, |text| style.wrap(&text, columns));
                for (at, line) in lines.iter().enumerate() {
                    let margin = if at == 0 { margin } else { "    " };
                    text.extend([margin, line, "\n"]);
                }
            }
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\nX(N) = lambda N / (1 + sigma (N-1) + kappa N (N-1))\n{text}")
}

fn coefficients(usl: &Usl, rate: &Quantity) -> String {
    let peak = match (usl.peak_workers, usl.peak_throughput) {
        (Some(count), Some(throughput)) => {
            format!("peak {} at {}", rate.text(throughput), workers(count))
        }
        _ => "no peak".to_owned(),
    };
    let [lambda, sigma, kappa] = [usl.lambda, usl.sigma, usl.kappa].map(coefficient);
    let doubt = if usl.adequate { "" } else { "; the curve is not of this form" };
    format!("lambda {lambda}, sigma {sigma}, kappa {kappa}; {peak}{doubt}")
}

/// How far the coefficients may be off, of those that say it.
fn intervals(usl: &Usl) -> Option<String> {
    let UslIntervals { sigma, kappa, lambda } = usl.intervals;
    let known: Vec<String> = [("lambda", lambda), ("sigma", sigma), ("kappa", kappa)]
        .into_iter()
        .filter_map(|(name, ends)| {
            let [low, high] = ends?.map(coefficient);
            Some(format!("{name} {low} to {high}"))
        })
        .collect();
    (!known.is_empty()).then(|| format!("95 % intervals: {}", known.join(", ")))
}
