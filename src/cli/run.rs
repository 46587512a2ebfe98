//! `knee run`: measure, find the optimum, show it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use knee_workloads::mix;

use super::guard::{Guard, MARK};
use super::progress::Progress;
use super::{Failure, Output, exit};
use crate::clock;
use crate::mode::Site;
use crate::plan::{self, Cores, Counts, Named, Plan, Registry, Request, parse};
use crate::record::{End, Header, Line, SCHEMA_VERSION, Writer};
use crate::run::{Event, Observer};

/// Measure workloads over modes and worker counts, and say which are best.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to measure, e.g. `pi` or `file:op=sync,size=1M`; all built-in workloads if none is named
    #[arg(value_name = "WORKLOAD[:KEY=VALUE,..]")]
    workloads: Vec<String>,
    /// How to run tasks, comma separated: serial, threads, thread-per-task, process-pool, process-per-task, async; or all
    #[arg(long, value_name = "LIST", default_value = "serial,threads,process-pool")]
    modes: String,
    /// How many workers to try: `1,2,4`, `1-8`, or auto
    #[arg(long, value_name = "COUNTS", default_value = "auto", allow_hyphen_values = true)]
    workers: String,
    /// How long everything may take
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    budget: Option<String>,
    /// A quarter of the time, for a first impression
    #[arg(long)]
    quick: bool,
    /// The seed of orders, work and resampling
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Measure the time that N tasks take, from the first submit to the last join
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    batch: Option<u64>,
    /// Bind each worker to one CPU
    #[arg(long)]
    pin: bool,
    /// The directory for the results; target/knee/RUN by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What plain `knee run` may take.
const BUDGET: Duration = Duration::from_mins(1);
/// Time kept for the analysis and the report.
const AFTERWARDS: f64 = 1.5;

pub(super) fn run(args: &Args, registry: Registry, output: Output) -> Result<u8, Failure> {
    let request = request(args)?;
    let mut skipped = Vec::new();
    let plan = plan::expand(&request, registry, &cores(), &mut |name, reason| {
        skipped.push(format!("knee: {name} is left out: {reason}"));
    })?;
    let directory = directory(args.out.as_deref())?;
    output.remark(&announcement(&plan, &request, &directory));
    for line in &skipped {
        output.remark(line);
    }
    let outcome = measure(&plan, &directory, registry, output)?;
    output.remark(&format!("knee: {} rounds in {:.1} s", outcome.measured, outcome.wall));
    Ok(match outcome {
        outcome if outcome.interrupted => exit::INTERRUPTED,
        outcome if outcome.measured == 0 => exit::FAILED,
        outcome if outcome.failed > 0 => exit::INCOMPLETE,
        _ => exit::OK,
    })
}

fn request(args: &Args) -> Result<Request, Failure> {
    let workloads: Vec<Named> =
        args.workloads.iter().map(|text| parse::workload(text)).collect::<Result<_, _>>()?;
    let budget = match &args.budget {
        Some(text) => parse::duration(text)?,
        None if args.quick => BUDGET / 4,
        None => BUDGET,
    };
    Ok(Request {
        workloads,
        modes: parse::modes(&args.modes)?,
        counts: parse::counts(&args.workers)?,
        budget: budget.mul_f64((1.0 - AFTERWARDS / budget.as_secs_f64()).max(0.8)),
        seed: args.seed,
        batch: args.batch,
        pin: args.pin,
    })
}

/// What the plan must know of the machine.
fn cores() -> Cores {
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    Cores { usable: usable as f64, hints: Vec::new(), most_processes: 512 }
}

fn announcement(plan: &Plan, request: &Request, directory: &Path) -> String {
    let cells = plan.cells().len();
    let workloads = plan.entries.len();
    let (some, more) = (
        if workloads == 1 { "" } else { "s" },
        match request.counts {
            Counts::Auto => "at least ",
            Counts::List(_) => "",
        },
    );
    format!(
        "knee: {workloads} workload{some}, {more}{cells} cells, about {:.0} s; results in {}",
        plan.budget + AFTERWARDS,
        directory.display()
    )
}

/// A new directory for this run, made and proved writable before anything is measured.
fn directory(out: Option<&Path>) -> Result<PathBuf, Failure> {
    let directory = match out {
        Some(directory) => directory.to_owned(),
        None => target().join("knee").join(clock::utc().replace(':', "-")),
    };
    let refuse = |error: io::Error| {
        Failure::usage(format!("{} cannot be written: {error}", directory.display()))
    };
    std::fs::create_dir_all(&directory).map_err(refuse)?;
    tempfile::tempfile_in(&directory).map_err(refuse)?;
    Ok(directory)
}

/// Where Cargo keeps what it builds, so that results lie beside it.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from)
}

fn measure(
    plan: &Plan,
    directory: &Path,
    registry: Registry,
    output: Output,
) -> Result<crate::run::Outcome, Failure> {
    let scratch = tempfile::Builder::new().prefix("knee-").tempdir().map_err(|error| {
        Failure::new(exit::FAILED, format!("no temporary directory could be made: {error}"))
    })?;
    let mark = format!("{:016x}", mix(u64::from(std::process::id()), plan.seed));
    // SAFETY: no other thread of this program runs yet, so nobody can be reading the environment.
    unsafe { std::env::set_var(MARK, &mark) };
    let _guard = Guard::start(scratch.path(), &mark).map_err(|error| {
        Failure::new(exit::FAILED, format!("knee cannot start itself: {error}"))
    })?;
    let site = Site {
        registry,
        scratch: scratch.path().to_owned(),
        cancel: cancel(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        placement: Vec::new(),
    };
    let unwritten = |error: io::Error| {
        Failure::new(exit::UNWRITTEN, format!("{}: {error}", directory.display()))
    };
    let mut keeper = Keeper {
        writer: Writer::create(directory).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(format!(
                "{} holds a run already; choose another directory or --resume it",
                directory.display()
            )),
            _ => unwritten(error),
        })?,
        progress: Progress::new(plan, output),
    };
    keeper.writer.append(&Line::Header(header(plan, directory))).map_err(unwritten)?;
    let outcome = crate::run::run(plan, &site, &mut keeper)
        .map_err(|error| Failure::new(exit::UNWRITTEN, error))?;
    keeper.progress.finish();
    let end = End { wall: outcome.wall, interrupted: outcome.interrupted };
    keeper.writer.append(&Line::End(end)).and_then(|()| keeper.writer.sync()).map_err(unwritten)?;
    Ok(outcome)
}

fn header(plan: &Plan, directory: &Path) -> Header {
    let name = directory.file_name().unwrap_or(directory.as_os_str());
    Header {
        schema_version: SCHEMA_VERSION,
        name: name.to_string_lossy().into_owned(),
        knee: env!("CARGO_PKG_VERSION").into(),
        optimised: !cfg!(debug_assertions),
        command: std::env::args().collect(),
        started: clock::utc(),
        plan: plan.clone(),
    }
}

/// Set by the first Ctrl-C, TERM or HUP; the second one ends at once, and the guard cleans up.
fn cancel() -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in
        [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
    {
        let code = i32::from(exit::INTERRUPTED);
        let _ = signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&cancel));
        let _ = signal_hook::flag::register(signal, Arc::clone(&cancel));
    }
    cancel
}

/// Keeps what is measured, then shows that it was.
struct Keeper<'p> {
    writer: Writer,
    progress: Progress<'p>,
}

impl Observer for Keeper<'_> {
    fn observe(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Measured(sample) => self.writer.append(&Line::Sample((*sample).clone()))?,
            Event::Failed(failure) => self.writer.append(&Line::Failure((*failure).clone()))?,
            Event::Remark(text) => self.writer.append(&Line::Remark(text.clone()))?,
            Event::Surveyed { .. } | Event::Block { .. } | Event::Round { .. } => {}
        }
        self.progress.observe(event)
    }
}
