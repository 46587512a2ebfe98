//! Prices of machines and workers per time, and from them the price of a unit of work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PlanError;

/// What is paid for the time in which work is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tariff {
    /// For the machine, whatever its number of workers: money per second, at least 0.
    pub machine: f64,
    /// For each worker: money per second, at least 0.
    pub worker: f64,
    /// The currency as the user writes it, `$` or `EUR`; empty if none was named.
    pub currency: String,
}

/// Units of time in which prices are given, with their seconds. A month is a twelfth of 365 days.
const UNITS: [(&str, f64); 6] = [
    ("month", 2_628_000.0),
    ("day", 86_400.0),
    ("d", 86_400.0),
    ("h", 3600.0),
    ("min", 60.0),
    ("s", 1.0),
];

impl Tariff {
    /// Reads the price of the machine and that of each worker: `0.40/h`, `$0.40/h` or `12
    /// EUR/month`.
    ///
    /// # Errors
    /// A text is no price, a price is below 0, no price is above 0, or the currencies differ.
    pub fn parse(machine: Option<&str>, worker: Option<&str>) -> Result<Self, PlanError> {
        let [machine, worker] = [("--price", machine), ("--price-per-worker", worker)]
            .map(|(option, text)| text.map(|text| price(option, text)).transpose());
        let (machine, worker) = (machine?, worker?);
        let mut currencies: Vec<String> =
            [&machine, &worker].into_iter().flatten().map(|(_, name)| name.clone()).collect();
        currencies.dedup();
        let amount = |price: Option<(f64, String)>| price.map_or(0.0, |(amount, _)| amount);
        let (machine, worker) = (amount(machine), amount(worker));
        match <[String; 1]>::try_from(currencies) {
            Ok([currency]) if machine + worker > 0.0 => Ok(Self { machine, worker, currency }),
            Ok(_) => Err(PlanError::Usage("a price of 0 makes every count cost the same".into())),
            Err(several) if several.is_empty() => {
                Err(PlanError::Usage("name a price: --price 0.40/h".into()))
            }
            Err(_) => Err(PlanError::Usage(
                "--price and --price-per-worker must be in the same currency".into(),
            )),
        }
    }

    /// The tariff of several machines, each with the same number of workers.
    #[must_use]
    pub fn of_nodes(&self, nodes: usize) -> Self {
        let nodes = nodes as f64;
        let (machine, worker) = (nodes * self.machine, nodes * self.worker);
        Self { machine, worker, currency: self.currency.clone() }
    }

    /// The price of a unit of work where these workers do `throughput` units per second; `None`
    /// where they do none.
    pub fn per_unit(&self, workers: f64, throughput: f64) -> Option<f64> {
        let cost = (self.machine + workers * self.worker) / throughput;
        (cost.is_finite() && throughput > 0.0).then_some(cost)
    }
}

/// Reads money per second, and the currency.
fn price(option: &str, text: &str) -> Result<(f64, String), PlanError> {
    let wrong = || {
        PlanError::Usage(format!(
            "{option} {text}: write money per time, such as 0.40/h, $0.40/h or '12 EUR/month'"
        ))
    };
    let (money, unit) = text.trim().rsplit_once('/').ok_or_else(wrong)?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
    let of_number = |c: char| c.is_ascii_digit() || c == '.';
    let start = money.find(of_number).ok_or_else(wrong)?;
    let end = money.rfind(of_number).ok_or_else(wrong)? + 1;
    let figure = Some(&money[start..end]).filter(|text| text.chars().all(of_number));
    let amount: f64 = figure.and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let ((currency, "") | ("", currency)) = (money[..start].trim(), money[end..].trim()) else {
        return Err(wrong());
    };
    let is_name = |c: char| c.is_alphabetic() || unicode_symbol(c);
    if currency.chars().count() > 4 || !currency.chars().all(is_name) {
        return Err(wrong());
    }
    Ok((amount / seconds, currency.to_owned()))
}

/// Whether this is a currency sign: `$`, `€`, `£`, `¥`, `₹` and others.
fn unicode_symbol(c: char) -> bool {
    matches!(c, '$' | '¢' | '£' | '¤' | '¥' | '\u{20a0}'..='\u{20cf}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prices_are_read_as_people_write_them() {
        for (text, each, currency) in [
            ("0.36/h", 1e-4, ""),
            ("$0.36/h", 1e-4, "$"),
            ("0.36 EUR / h", 1e-4, "EUR"),
            ("€ 8.64/day", 1e-4, "€"),
            ("262.8$/month", 1e-4, "$"),
            ("0.006/min", 1e-4, ""),
        ] {
            let found = Tariff::parse(Some(text), None).unwrap();
            assert!((found.machine - each).abs() < 1e-12, "{text}: {found:?}");
            assert_eq!((found.worker, found.currency.as_str()), (0.0, currency), "{text}");
        }
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for bad in
            ["", "5", "0.4/year", "/h", "$/h", "-1/h", "1e3/h", "1.2.3/h", "nan/h", "0/h", "%1/h"]
        {
            assert!(Tariff::parse(Some(bad), None).is_err(), "{bad}");
        }
        assert!(Tariff::parse(None, None).is_err());
        let two = Tariff::parse(Some("$1/h"), Some("1 EUR/h")).unwrap_err();
        assert!(two.to_string().contains("same currency"), "{two}");
    }

    #[test]
    fn a_unit_costs_what_is_paid_while_it_is_done() {
        let tariff = Tariff::parse(Some("$3600/h"), Some("$1800/h")).unwrap();
        assert_eq!(tariff.per_unit(4.0, 6.0), Some(0.5), "1 $ and 4 x 0.5 $ for 6 units");
        assert_eq!(tariff.per_unit(4.0, 0.0), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Tariff::parse(Some(&text), Some(&text));
        }
    }
}
