//! Lists, tries or measures the selected benchmarks.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::Arguments;
use super::{Bench, baseline, place};
use crate::cli::{Camp, Failure, Output, Session, exit, present};
use crate::machine::{Machine, Root};
use crate::mode::{self, Extent, Job, Site, Window};
use crate::plan::{self, Cores, Mode, Named, Plan, Registry, Request, parse};
use crate::record;

/// How long one benchmark may take.
const BUDGET: Duration = Duration::from_secs(10);
/// Tasks that each mode does if nothing is measured.
const TRIED: u64 = 3;

/// Does what the command line asks.
pub(super) fn run(bench: &Bench, arguments: &Arguments, registry: Registry) -> ExitCode {
    let output = Output { json: arguments.json, quiet: arguments.quiet, color: arguments.color };
    let harness = Harness { bench, arguments, registry, output };
    let result = if arguments.list {
        harness.list()
    } else if arguments.measures() {
        harness.measure()
    } else {
        harness.try_out()
    };
    ExitCode::from(result.unwrap_or_else(|failure| {
        Output { quiet: false, ..output }.remark(&format!("knee: {failure}"));
        failure.code()
    }))
}

struct Harness<'b> {
    bench: &'b Bench,
    arguments: &'b Arguments,
    registry: Registry,
    output: Output,
}

impl Harness<'_> {
    /// The selected benchmarks, each as its own plan.
    fn selected(&self) -> Result<Vec<Plan>, Failure> {
        let cores = Cores::of(&Machine::read(&Root::live()));
        let plans = self.bench.named.iter().map(|named| {
            let request = self.request(named)?;
            Ok(plan::expand(&request, self.registry, &cores, &mut |_, _| {})?)
        });
        let plans: Vec<Plan> = plans.collect::<Result<_, Failure>>()?;
        Ok(plans.into_iter().filter(|plan| self.arguments.selects(name(plan))).collect())
    }

    fn request(&self, named: &Named) -> Result<Request, Failure> {
        let modes = self.arguments.modes.as_deref().map(parse::modes).transpose()?;
        let modes = modes.or_else(|| self.bench.modes.clone());
        let counts = self.arguments.workers.as_deref().or(self.bench.workers.as_deref());
        let budget = self.arguments.budget.as_deref().map(parse::duration).transpose()?;
        let budget = budget.or(self.bench.budget).unwrap_or(BUDGET);
        Ok(Request {
            also: None,
            alternatives: Vec::new(),
            nodes: None,
            workloads: vec![named.clone()],
            modes: modes.unwrap_or_else(|| Mode::DEFAULT.to_vec()),
            counts: parse::counts(counts.unwrap_or("auto"))?,
            budget: if self.arguments.quick { budget / 4 } else { budget },
            seed: self.arguments.seed,
            batch: None,
            arrivals: None,
            pin: false,
        })
    }

    /// One line per benchmark, and nothing else if a program reads it.
    fn list(&self) -> Result<u8, Failure> {
        let plans = self.selected()?;
        let mut lines: Vec<String> =
            plans.iter().map(|plan| format!("{}: benchmark\n", name(plan))).collect();
        if self.arguments.format != "terse" {
            lines.push(format!("\n0 tests, {} benchmarks\n", plans.len()));
        }
        crate::cli::written(self.output.result(&lines.concat()))
    }

    /// Runs each benchmark for a moment in every mode, as `cargo test` wants it.
    fn try_out(&self) -> Result<u8, Failure> {
        let plans = self.selected()?;
        let mut failed = 0;
        self.say(&format!("\nrunning {} benchmarks for a moment each\n", plans.len()))?;
        for plan in &plans {
            let result = self.attempt(plan);
            failed += usize::from(result.is_err());
            let verdict =
                result.map_or_else(|reason| format!("FAILED: {reason}"), |()| "ok".into());
            self.say(&format!("test {} ... {verdict}\n", name(plan)))?;
        }
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        let passed = plans.len() - failed;
        self.say(&format!("\ntest result: {verdict}. {passed} passed; {failed} failed\n"))?;
        Ok(if failed == 0 { exit::OK } else { exit::FAILED })
    }

    fn attempt(&self, plan: &Plan) -> Result<(), String> {
        let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
        let site = Site { cores: 2, ..Site::new(self.registry, scratch.path()) };
        let entry = &plan.entries[0];
        let job = |checked| Job {
            nodes: None,
            workload: entry.workload.clone(),
            params: entry.params.clone(),
            seed: plan.seed,
            checked,
        };
        let reference = mode::reference(&site, &job(0), 1).map_err(|error| error.to_string())?;
        let job = job(reference.checksums.len() as u64);
        for series in &entry.series {
            let workers = if series.mode == Mode::Serial { 1 } else { 2 };
            let workers = NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN);
            let window = Window { extent: Extent::Tasks(TRIED), warm_up: Duration::ZERO };
            let attempt = || {
                let (mut crew, _) = mode::launch(series.mode, &site, &job, workers)?;
                let round = crew.round(workers, window)?;
                crew.dismiss()?;
                crate::run::verify(&round, &reference)
            };
            attempt().map_err(|error| format!("{}: {error}", series.mode))?;
        }
        Ok(())
    }

    /// Measures each benchmark, shows its curves and compares it with its baseline.
    fn measure(&self) -> Result<u8, Failure> {
        if self.arguments.fail_if_slower.is_some_and(|percent| !(0.0..100.0).contains(&percent)) {
            return Err(Failure::usage("--fail-if-slower takes a percentage from 0 to below 100"));
        }
        let machine = Machine::read(&Root::live());
        let plans = self.selected()?;
        // A missing baseline is reported before minutes are spent.
        for plan in &plans {
            self.baseline(&place::of(name(plan)))?;
        }
        let mut worst = exit::OK;
        for plan in &plans {
            let code = self.measured(plan, &machine)?;
            if code == exit::INTERRUPTED {
                return Ok(code);
            }
            worst = worst.max(code);
        }
        Ok(worst)
    }

    fn measured(&self, plan: &Plan, machine: &Machine) -> Result<u8, Failure> {
        let benchmark = place::of(name(plan));
        let directory = place::latest(&benchmark)?;
        let session = Session {
            plan,
            machine,
            directory: &directory,
            registry: self.registry,
            output: self.output,
            hide_command: false,
            cluster: None,
            show: &|| exit::INTERRUPTED,
        };
        session.measure(Camp::pitch(self.output)?, None)?;
        let record = record::read(&directory).map_err(Failure::usage)?;
        // An inconclusive answer is reported but is no failure: cargo would not run further
        // targets.
        let code = match present::present(&directory, &record, None, self.output)? {
            exit::INCONCLUSIVE => exit::OK,
            code => code,
        };
        if let Some(save) = &self.arguments.save_baseline {
            place::save(&benchmark, save, &directory).map_err(|error| {
                Failure::new(exit::UNWRITTEN, format!("baseline {save} cannot be kept: {error}"))
            })?;
        }
        Ok(code.max(self.compare(&benchmark, &record)?))
    }

    /// The record to compare with, and its name.
    fn baseline(&self, benchmark: &Path) -> Result<Option<(record::Record, &str)>, Failure> {
        let Arguments { baseline, baseline_lenient, .. } = self.arguments;
        let Some(wanted) = baseline.as_ref().or(baseline_lenient.as_ref()) else { return Ok(None) };
        match place::load(benchmark, wanted)? {
            Some(record) => Ok(Some((record, wanted))),
            None if baseline.is_none() => Ok(None),
            None => Err(Failure::usage(format!(
                "there is no baseline {wanted} in {}; make one with --save-baseline {wanted}",
                benchmark.display()
            ))),
        }
    }

    fn compare(&self, benchmark: &Path, record: &record::Record) -> Result<u8, Failure> {
        let Some((old, name)) = self.baseline(benchmark)? else { return Ok(exit::OK) };
        let changes = baseline::changes(&old, record);
        let text = baseline::told(&changes, name);
        if self.output.json {
            self.output.remark(&text);
        } else {
            self.say(&text)?;
        }
        let limit = self.arguments.fail_if_slower.map(|percent| percent / 100.0);
        let broken = limit.is_some_and(|share| changes.iter().any(|c| c.is_slower_by(share)));
        Ok(if broken { exit::BROKEN } else { exit::OK })
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        crate::cli::written(self.output.result(text)).map(drop)
    }
}

/// The name of a benchmark: the label of its only entry.
fn name(plan: &Plan) -> &str {
    &plan.entries[0].label
}
