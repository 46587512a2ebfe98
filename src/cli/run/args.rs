//! The arguments of `knee run`, and the request that follows from them.

use std::path::PathBuf;
use std::time::Duration;

use super::function::Functions;
use super::nodes::Nodes;
use super::outside::Others;
use super::own::Own;
use super::wishes::Wishes;
use crate::cli::Failure;
use crate::plan::{Arrivals, Axis, Mode, Named, Request, parse};

/// Measure workloads over modes and worker counts, and say which are best.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What to measure, e.g. `pi` or `file:op=sync,size=1M`; all built-in workloads if none is
    /// named
    #[arg(value_name = "WORKLOAD[:KEY=VALUE,..]")]
    pub(super) workloads: Vec<String>,
    /// How to run tasks, comma separated: serial, threads, thread-per-task, process-pool,
    /// process-per-task, async; or all [default: serial,threads,process-pool]
    #[arg(long, value_name = "LIST")]
    pub(super) modes: Option<String>,
    /// How many workers to try: `1,2,4`, `1-8`, or auto
    #[arg(long, value_name = "COUNTS", default_value = "auto", allow_hyphen_values = true)]
    pub(super) workers: String,
    /// Sweep something else beside the workers: a placeholder of a command (t=1,2,4 for {t}), an
    /// environment variable (env:OMP_NUM_THREADS=1,2) or a parameter (size=4k,64k)
    #[arg(long, value_name = "NAME=LIST", allow_hyphen_values = true)]
    pub(super) also: Option<String>,
    /// How long the whole run may take, e.g. `60s` or `5m` [default: 60s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub(super) budget: Option<String>,
    /// A quarter of the time, for a first impression
    #[arg(long)]
    pub(super) quick: bool,
    /// The seed of the order of cells, of the work and of resampling
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Measure the time that N tasks take, from the first submit to the last join
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(super) batch: Option<u64>,
    /// Tasks arrive at this rate, e.g. `500/s`, whether or not a worker is free: how many workers
    /// hold it? With --max-p99: so that 99 % of the tasks are done in time, counted from when each
    /// was due. With auto and a limit: the highest rate that each count holds. For servers and for
    /// built-in workloads as serial, threads or process-pool
    #[arg(long, value_name = "RATE", allow_hyphen_values = true,
          conflicts_with_all = ["batch", "also", "min_efficiency", "objective", "price",
                                "price_per_worker"])]
    pub(super) rate: Option<String>,
    /// How tasks arrive with --rate: random (exponential gaps, drawn from the seed) or even
    #[arg(long, value_name = "HOW", requires = "rate", default_value = "random",
          value_parser = ["random", "even"])]
    pub(super) arrivals: String,
    /// Bind each worker to one CPU, one per physical core first
    #[arg(long)]
    pub(super) pin: bool,
    /// Measure within fewer CPUs, e.g. `0` or `0-3,8`: would these be enough?
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(super) cpus: Option<String>,
    /// The directory for the results [default: target/knee/TIME]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(super) out: Option<PathBuf>,
    /// Continue the interrupted run in DIR
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "workloads", "modes", "workers", "also", "budget", "quick", "seed", "batch", "rate",
        "pin", "cpus", "dry_run", "command", "worker", "tolerance", "max_p99", "max_p50",
        "max_p90", "max_p95", "max_p999", "max_memory", "min_efficiency", "objective",
        "price", "price_per_worker"
    ])]
    pub(super) resume: Option<PathBuf>,
    /// Show what would be measured and how long it would take, but measure nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) nodes: Nodes,
    #[command(flatten)]
    pub(super) own: Own,
    #[command(flatten)]
    pub(super) functions: Functions,
    #[command(flatten)]
    pub(super) outside: Others,
    #[command(flatten)]
    pub(super) wishes: Wishes,
}

/// The budget of a plain `knee run`.
const BUDGET: Duration = Duration::from_secs(60);
/// Seconds reserved for the analysis and the report, and their largest share of the whole.
const AFTERWARDS: (f64, f64) = (1.0, 0.2);

/// The time for measuring, in seconds, within a whole run.
fn measuring(whole: f64) -> f64 {
    (whole - AFTERWARDS.0).max(whole * (1.0 - AFTERWARDS.1))
}

/// The time of a whole run, in seconds, with this time for measuring.
pub(super) fn whole(measuring: f64) -> f64 {
    (measuring + AFTERWARDS.0).min(measuring / (1.0 - AFTERWARDS.1))
}

impl Args {
    /// Checks the arguments and makes the request.
    pub(super) fn request(&self) -> Result<Request, Failure> {
        let mut workloads: Vec<Named> =
            self.workloads.iter().map(|text| parse::workload(text)).collect::<Result<_, _>>()?;
        let budget = self.budget()?;
        workloads.extend(self.own.named(budget)?);
        let limit = self.own.limit(budget)?;
        workloads.extend(self.functions.named(limit));
        if self.nodes.are_asked() {
            self.refuse_with_nodes()?;
        }
        let modes = self.modes.as_deref().map(parse::modes).transpose()?;
        Ok(Request {
            workloads,
            alternatives: self.own.alternatives(budget)?,
            modes: modes.unwrap_or_else(|| Mode::DEFAULT.to_vec()),
            counts: parse::counts(&self.workers)?,
            nodes: self.nodes.asked()?.map(|asked| asked.counts),
            also: self.also.as_deref().map(Axis::parse).transpose()?,
            budget: Duration::from_secs_f64(measuring(budget.as_secs_f64())),
            seed: self.seed,
            batch: self.batch,
            arrivals: self
                .rate
                .as_deref()
                .map(|text| Arrivals::parse(text, self.arrivals == "even"))
                .transpose()?,
            pin: self.pin,
        })
    }

    /// Refuses options that do not work with nodes, with the reason.
    fn refuse_with_nodes(&self) -> Result<(), Failure> {
        let refused = if self.also.is_some() {
            "--also does not go with --nodes: nodes are the second axis already; measure each \
             value of the other axis in a run of its own"
        } else if self.rate.is_some() {
            "--rate does not go with --nodes: a load balancer would choose the node of each task, \
             and knee has none; measure one host, and divide your rate by the rate that it holds"
        } else {
            return Ok(());
        };
        Err(Failure::usage(refused))
    }

    fn budget(&self) -> Result<Duration, Failure> {
        Ok(match &self.budget {
            Some(text) => parse::duration(text)?,
            None if self.quick => BUDGET / 4,
            None => BUDGET,
        })
    }
}

#[test]
fn a_budget_is_told_as_it_was_given() {
    for given in [0.1, 5.0, 7.5, 60.0, 3600.0] {
        assert!((whole(measuring(given)) - given).abs() < 1e-9, "{given}");
    }
}
