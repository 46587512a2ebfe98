//! `knee fit FILE..`: finds the optimum in measurements made elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::PossibleValue;
use schemars::JsonSchema;
use serde::Serialize;

use super::fit_laws::{LONGEST_NAME, laws};
use super::{Failure, Output, exit, share, written};
use crate::analysis::findings::{
    self, Curve, Findings, Quiet, RunSummary, Verdict, Warning, WorkloadFindings,
};
use crate::analysis::{self, Input, Observation, Side};
use crate::clock;
use crate::import::{self, Format, Guess, Options, Series, Sourced};
use crate::plan::TOLERANCE;
use crate::plot::label::shortened;
use crate::record::Readers;
use crate::report;
use crate::report::terminal::{self, Tone};

/// Columns. Nobody reads a longer message.
const LONGEST_MESSAGE: usize = 400;

/// Find optimum, law and bound in measurements made elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_long_help = super::fit_help::AFTER)]
pub(super) struct Args {
    /// The files, or - for standard input; compressed ones too
    #[arg(value_name = "FILE", required_unless_present = "formats")]
    files: Vec<PathBuf>,
    /// List everything that can be read, with an example line each
    #[arg(long)]
    formats: bool,
    /// The format of all files; recognised by content if not given
    #[arg(long, value_name = "NAME")]
    format: Option<Format>,
    /// The column, parameter, counter or metadata that holds the number of workers
    #[arg(long, value_name = "NAME")]
    param: Option<String>,
    /// A second column that counts workers: a curve for each of its values
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// The column of throughputs or times; may be given several times
    #[arg(long = "value", value_name = "COLUMN")]
    values: Vec<String>,
    /// The unit of the figures: s, ms, min, ops/s, MB/s, ..
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// The figures are times, not throughputs
    #[arg(long)]
    lower_is_better: bool,
    /// The work grows with the workers: every worker does the work of a whole run (weak scaling)
    #[arg(long)]
    work_per_worker: bool,
    /// The encoding of files that are not UTF-8: windows-1252, shift_jis, ..
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
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
    /// The best mode, if the curves of one file are modes of doing the same work.
    pub verdict: Option<Verdict>,
}

/// A curve, with its origin.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(super) struct FitCurve {
    /// The findings.
    #[serde(flatten)]
    pub curve: Curve,
    /// Name of several units of what is counted per second.
    pub unit: String,
    /// The files that it comes from.
    pub files: Vec<String>,
    /// What the files do not say, with the assumption made instead.
    pub guessed: Vec<Guess>,
}

/// A curve, with the measurements behind it.
struct Measured {
    fit: FitCurve,
    observations: Vec<Observation>,
    noise: Option<(f64, f64)>,
}

pub(super) fn fit(args: &Args, output: Output) -> Result<u8, Failure> {
    if args.formats {
        return written(output.result(&import::formats()));
    }
    let measured = curves(args)?;
    if let Some(directory) = &args.out {
        std::fs::create_dir_all(directory)
            .map_err(|error| Failure::unwritten(directory, &error))?;
    }
    let verdict = verdict(&measured, args);
    let curves = measured.into_iter().map(|one| one.fit).collect();
    let fit = Fit { schema_version: findings::SCHEMA_VERSION, curves, verdict };
    // Plots take a hundred times longer than everything else, so they are drawn only with --out.
    let findings = findings(&fit, args);
    let write = |directory: &Path| report::write_all(directory, &findings, &[], Readers::All);
    let files = args.out.as_deref().map(write);
    let shown = if output.json {
        let text = serde_json::to_string_pretty(&fit)
            .map_err(|error| Failure::new(exit::FAILED, error))?;
        format!("{text}\n")
    } else {
        let written = files.as_ref().and_then(|files| files.as_ref().ok());
        text(findings, args.out.as_deref().zip(written.map(Vec::as_slice)), output)
    };
    // The findings are printed even if they cannot be written.
    let printed = written(output.result(&shown))?;
    match files {
        Some(Err(error)) => Err(Failure::new(exit::UNWRITTEN, error)),
        _ => Ok(printed),
    }
}

/// All curves of all files, analysed.
fn curves(args: &Args) -> Result<Vec<Measured>, Failure> {
    let stdin = args.files.iter().filter(|file| file.as_os_str() == "-").count();
    if stdin > 1 {
        return Err(Failure::usage("standard input can be read only once; give - once"));
    }
    let tolerance = share::tolerance(&args.tolerance)?;
    let options = Options {
        format: args.format,
        param: args.param.clone(),
        by: args.by.clone(),
        values: args.values.clone(),
        unit: args.unit.clone(),
        lower_is_better: args.lower_is_better,
        work_per_worker: args.work_per_worker,
        encoding: args.encoding.clone(),
    };
    let names = names(&args.files);
    let mut files = Vec::new();
    for (path, name) in args.files.iter().zip(names) {
        let series = import::read(path, &options)
            .map_err(|error| Failure::usage(shortened(&error.to_string(), LONGEST_MESSAGE)))?;
        files.push((name, series));
    }
    Ok(import::merge(files).into_iter().map(|one| curve(one, tolerance, args.seed)).collect())
}

fn curve(Sourced { files, series }: Sourced, tolerance: f64, seed: u64) -> Measured {
    let Series { name, unit, observations, noise, guessed, warnings: said, .. } = series;
    let observations: Vec<Observation> = observations
        .iter()
        .map(|one| Observation {
            block: one.repetition,
            ..Observation::plain(one.workers, one.throughput)
        })
        .collect();
    let noise = noise.map(|noise| (noise.sd, noise.df));
    let plain = Input::plain(&name, observations.clone(), seed);
    let mut curve = analysis::analyse_curve(&Input { tolerance, noise, ..plain });
    let mut warnings: Vec<String> = guessed.iter().map(Guess::line).collect();
    warnings.extend(said);
    warnings.append(&mut curve.warnings);
    warnings.extend(unfinished(&curve));
    curve.warnings.clone_from(&warnings);
    // The best count depends on the assumption.
    let open = guessed.iter().find(|guess| guess.leaves_the_answer_open());
    if let (Some(guess), Some(optimum)) = (open, curve.optimum.as_mut()) {
        optimum.conclusive = false;
        optimum.remedy = Some(format!("settle what was guessed with {}", guess.settle));
    }
    Measured { fit: FitCurve { curve, unit, files, guessed }, observations, noise }
}

/// A warning for a curve that still rises at its end, unless the analysis has already given one.
fn unfinished(curve: &Curve) -> Option<String> {
    const RISES: f64 = 1.03;
    let (optimum, last) = (curve.optimum.as_ref()?, curve.points.last()?);
    let before = curve.points.len().checked_sub(2).map(|at| &curve.points[at])?;
    let rises = last.throughput.median > RISES * before.throughput.median;
    let is_best = optimum.workers >= last.workers && optimum.set.len() > 1;
    (is_best && rises).then(|| {
        let count = last.workers;
        format!(
            "the largest measured count ({count}) is the best: more workers may do better still"
        )
    })
}

/// The best mode, if all curves come from one file and each is another mode or another value of
/// `--by`.
fn verdict(measured: &[Measured], args: &Args) -> Option<Verdict> {
    let first = &measured.first()?.fit;
    let together =
        measured.iter().all(|one| one.fit.files == first.files && one.fit.unit == first.unit);
    let mode = |one: &Measured| import::mode_in(&one.fit.curve.name);
    let mut modes: Vec<&str> = measured.iter().filter_map(mode).collect();
    modes.sort_unstable();
    modes.dedup();
    let by_mode = modes.len() == measured.len();
    if !together || measured.len() < 2 || !(by_mode || args.by.is_some()) {
        return None;
    }
    let side = |one: &'_ Measured| -> &'static str { mode(one).unwrap_or_default() };
    let sides: Vec<Side<'_>> = measured
        .iter()
        .map(|one| Side {
            mode: if by_mode { side(one) } else { &one.fit.curve.name },
            curve: &one.fit.curve,
            observations: &one.observations,
            noise: one.noise,
        })
        .collect();
    analysis::between(&first.files.join(" + "), &sides)
}

/// A short, unique name for each file.
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

/// The curves as findings. Curves of one file and one unit belong together.
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
        // A file with figures in several units counts as several things.
        if labels.iter().filter(|label| **label == workload.label).count() > 1 {
            workload.label = format!("{} ({})", workload.label, workload.unit_many);
        }
    }
    let to_settle = to_settle(&fit.curves);
    let mut warnings: Vec<Warning> = Vec::new();
    for guess in fit.curves.iter().flat_map(|one| &one.guessed) {
        let (text, remedy) = (format!("guessed: {}", guess.text), guess.settle.clone());
        let warning = Warning { code: "guessed".to_owned(), text, remedy };
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    if let (Some(verdict), [workload]) = (&fit.verdict, workloads.as_mut_slice()) {
        workload.verdict = Some(verdict.clone());
    }
    Findings {
        schema_version: fit.schema_version,
        run: run(args),
        workloads,
        axes: Vec::new(),
        quiet: quiet(),
        warnings,
        to_settle,
    }
}

/// What would settle each curve that is not settled. Equal remedies appear once.
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
        in_pairs: false,
        alternatives: Vec::new(),
        at_rate: None,
        equivalent: None,
        ceiling: None,
        textbook_optimum: None,
        lengths: Vec::new(),
        notes: Vec::new(),
        failures: Vec::new(),
    }
}

/// A summary in place of a run, because the measurements come from elsewhere.
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

fn text(mut findings: Findings, out: Option<(&Path, &[PathBuf])>, output: Output) -> String {
    let style = output.style();
    let mut text = Vec::new();
    // An assumption stands above the answer that depends on it, and only once.
    let guesses = std::mem::take(&mut findings.warnings);
    for Warning { text: what, remedy, .. } in &guesses {
        let line = format!("{what}; settle it with {remedy}");
        for line in style.wrap(&line, style.columns()) {
            text.extend(format!("{}\n", style.paint(Tone::Bad, &line)).into_bytes());
        }
        for curve in findings.workloads.iter_mut().flat_map(|workload| &mut workload.curves) {
            curve.warnings.retain(|warning| *warning != line);
        }
    }
    if !guesses.is_empty() {
        text.push(b'\n');
    }
    terminal::write(&mut text, &findings, &style).expect("writing to memory does not fail");
    for verdict in findings.workloads.iter().filter_map(|workload| workload.verdict.as_ref()) {
        let lines = style.wrap(&verdict.sentence, style.columns().saturating_sub(2));
        text.extend(format!("\n  {}\n", lines.join("\n  ")).into_bytes());
    }
    text.extend(laws(&findings, &style).into_bytes());
    if let Some((directory, files)) = out {
        let written = terminal::files(&mut text, directory, files, &style);
        written.expect("writing to memory does not fail");
    }
    String::from_utf8_lossy(&text).into_owned()
}
