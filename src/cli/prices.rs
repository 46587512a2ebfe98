//! What machines and workers cost, as options.

use super::Failure;
use crate::plan::Tariff;

/// The heading in `--help` of the options about the wanted answer.
pub(super) const HEADING: &str = "Limits and objectives";

/// Options about money.
#[derive(Debug, clap::Args)]
pub(super) struct Prices {
    /// What the machine costs, e.g. `0.40/h` or `$12/month`: the report then says what the work
    /// costs
    #[arg(
        long,
        value_name = "MONEY/TIME",
        allow_hyphen_values = true,
        help_heading = HEADING
    )]
    price: Option<String>,
    /// What each worker costs, e.g. `$0.02/h`, where workers are paid one by one
    #[arg(
        long,
        value_name = "MONEY/TIME",
        allow_hyphen_values = true,
        help_heading = HEADING
    )]
    price_per_worker: Option<String>,
}

impl Prices {
    /// `None` if no price was given.
    pub(super) fn tariff(&self) -> Result<Option<Tariff>, Failure> {
        let (machine, worker) = (self.price.as_deref(), self.price_per_worker.as_deref());
        let named = machine.is_some() || worker.is_some();
        Ok(named.then(|| Tariff::parse(machine, worker)).transpose()?)
    }
}
