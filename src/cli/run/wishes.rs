//! What the answer must fulfil and how it is printed: limits, the objective, settings to paste.

use crate::cli::prices::{HEADING, Prices};
use crate::cli::{Failure, share};
use crate::plan::{Limits, Objective, Tariff, parse};
use crate::report::settings::Dialect;

/// Options about the answer.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Wishes {
    /// 99 % of the tasks must take no longer than this, e.g. `20ms`
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = HEADING)]
    max_p99: Option<String>,
    /// Half of the tasks must take no longer than this
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = HEADING)]
    max_p50: Option<String>,
    /// 90 % of the tasks must take no longer than this
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = HEADING)]
    max_p90: Option<String>,
    /// 95 % of the tasks must take no longer than this
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = HEADING)]
    max_p95: Option<String>,
    /// 99.9 % of the tasks must take no longer than this
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = HEADING)]
    max_p999: Option<String>,
    /// All workers together must hold no more memory than this, e.g. `4G`
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = HEADING)]
    max_memory: Option<String>,
    /// Speed-up per worker must be at least this, e.g. `0.7`
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, help_heading = HEADING)]
    min_efficiency: Option<String>,
    /// What a recommended count may cost against the best, as a share of throughput
    #[arg(long, value_name = "SHARE", default_value = "5%", allow_hyphen_values = true,
          help_heading = HEADING)]
    tolerance: String,
    /// How to choose among the counts that keep the limits: throughput, latency, efficiency or cost
    #[arg(long, value_name = "WISH", default_value = "throughput", help_heading = HEADING)]
    objective: String,
    #[command(flatten)]
    prices: Prices,
    /// Print the answer as settings to paste: env, gunicorn, make, rayon, nginx or k8s
    #[arg(long, value_name = "FOR", help_heading = HEADING)]
    pub(super) settings: Option<Dialect>,
}

impl Wishes {
    /// The tolerance.
    pub(super) fn tolerance(&self) -> Result<f64, Failure> {
        share::tolerance(&self.tolerance)
    }

    /// The prices of the machine and its workers.
    pub(super) fn tariff(&self) -> Result<Option<Tariff>, Failure> {
        let tariff = self.prices.tariff()?;
        if tariff.is_none() && self.objective.parse::<Objective>()? == Objective::Cost {
            return Err(Failure::usage(
                "--objective cost: name what is paid, with --price or --price-per-worker",
            ));
        }
        Ok(tariff)
    }

    /// Checks the limits.
    pub(super) fn limits(&self) -> Result<Limits, Failure> {
        let seconds = |text: &Option<String>| {
            let limit = text.as_deref().map(parse::duration).transpose()?;
            Ok::<_, Failure>(limit.map(|limit| limit.as_secs_f64()))
        };
        Ok(Limits {
            max_p99: seconds(&self.max_p99)?,
            max_p50: seconds(&self.max_p50)?,
            max_p90: seconds(&self.max_p90)?,
            max_p95: seconds(&self.max_p95)?,
            max_p999: seconds(&self.max_p999)?,
            max_memory: self.max_memory.as_deref().map(memory).transpose()?,
            min_efficiency: self.min_efficiency.as_deref().map(efficiency).transpose()?,
            objective: self.objective.parse()?,
        })
    }
}

fn memory(text: &str) -> Result<f64, Failure> {
    match knee_workloads::parse_size(text) {
        Some(bytes) if bytes > 0 => Ok(bytes as f64),
        _ => Err(Failure::usage(format!(
            "--max-memory {text}: write a size such as 512M or 4G (powers of 1024)"
        ))),
    }
}

fn efficiency(text: &str) -> Result<f64, Failure> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err(Failure::usage(format!(
            "--min-efficiency {text}: write a share above 0 and up to 1, such as 0.7"
        ))),
    }
}
