//! Tasks that come at a rate, whether or not a worker is free for them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mode, Plan, PlanError, Series};

/// How tasks arrive in an open loop: at a rate, whether or not a worker is free.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arrivals {
    /// Tasks per second; 0 in a plan that looks for the highest rate.
    pub rate: f64,
    /// Whether the gaps between tasks are equal. Otherwise the gaps are exponential, like those
    /// between requests of many independent users.
    pub even: bool,
    /// Whether the highest rate that each count can take is looked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub most: bool,
}

/// Rates that can be asked for, in tasks per second.
const RATES: std::ops::RangeInclusive<f64> = 0.01..=1e6;

impl Arrivals {
    /// Reads `500/s`, `30/m` or `0.5/s`; a bare number is per second. `auto` looks for the highest
    /// rate.
    ///
    /// # Errors
    /// The text is none of these, or no schedule can hold the rate.
    pub fn parse(text: &str, even: bool) -> Result<Self, PlanError> {
        if text.trim() == "auto" {
            return Ok(Self { rate: 0.0, even, most: true });
        }
        let (number, unit) = text.trim().split_once('/').unwrap_or((text.trim(), "s"));
        let seconds = match unit {
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => f64::NAN,
        };
        let rate = number.parse::<f64>().unwrap_or(f64::NAN) / seconds;
        if RATES.contains(&rate) {
            return Ok(Self { rate, even, most: false });
        }
        Err(PlanError::Usage(format!(
            "{text:?} is not a usable rate; write for instance 500/s, 30/m or auto (36/h to \
             1000000/s)"
        )))
    }

    /// Whether tasks can be given at a rate to a crew of this mode.
    pub fn suit(mode: Mode) -> bool {
        matches!(mode, Mode::Serial | Mode::Threads | Mode::ProcessPool | Mode::Server)
    }

    /// The same arrivals, at another rate.
    #[must_use]
    pub fn at(self, rate: f64) -> Self {
        Self { rate, most: false, ..self }
    }

    /// Checks that everything planned can be given tasks at a rate.
    ///
    /// # Errors
    /// Names what cannot, and what can.
    pub fn admit(plan: &Plan) -> Result<(), PlanError> {
        let looks_for_most = plan.arrivals.is_some_and(|arrivals| arrivals.most);
        if looks_for_most && plan.limits.tails().is_empty() {
            return Err(PlanError::Usage(
                "--rate auto looks for the highest rate under a limit; name it, for instance \
                 --max-p99 20ms"
                    .to_owned(),
            ));
        }
        for entry in &plan.entries {
            // Functions of other languages have modes of the same names, so the mode alone says too
            // little.
            let is_function = entry.workload == "function";
            let unfit = |series: &&Series| is_function || !Self::suit(series.mode);
            if let Some(series) = entry.series.iter().find(unfit) {
                return Err(PlanError::Usage(format!(
                    "{} cannot be given tasks at a rate as {}; --rate is for servers (--server), \
                     and for built-in workloads as serial, threads and process-pool",
                    entry.label, series.mode
                )));
            }
            if entry.workload == "server" && !entry.params.text("argv").is_empty() {
                return Err(PlanError::Usage(
                    "a command after -- makes its own load; --rate is for knee's own client, so \
                     leave the command out"
                        .to_owned(),
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.most {
            return f.write_str("the highest rate");
        }
        write!(f, "{}/s", crate::units::Quantity::Count.text(self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_with_their_units() {
        let rate = |text: &str| Arrivals::parse(text, false).map(|arrivals| arrivals.rate);
        assert!((rate("500/s").unwrap() - 500.0).abs() < 1e-12);
        assert!((rate("500").unwrap() - 500.0).abs() < 1e-12);
        assert!((rate("30/m").unwrap() - 0.5).abs() < 1e-12);
        for bad in ["", "0", "-5/s", "nan", "inf/s", "1e99/s", "5/d", "autos", "/s"] {
            let said = rate(bad).unwrap_err().to_string();
            assert!(said.contains("500/s"), "{bad}: {said}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Arrivals::parse(&text, true);
        }
    }
}
