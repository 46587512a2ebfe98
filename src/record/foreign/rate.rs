//! The one rule by which a time becomes a throughput, and the units that files name.

/// **The rule**: `throughput = work of a run x runs at once / seconds per run`.
///
/// A run that uses all workers itself is made once at a time; where every worker makes runs of its own, as many are made at once as
/// there are workers.
pub(super) fn throughput(work: f64, at_once: f64, seconds: f64) -> f64 {
    work * at_once / seconds
}

/// What a figure is, by its unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Unit {
    /// A time per run, in so many seconds.
    Time {
        /// Seconds per unit.
        seconds: f64,
        /// What a run does one of: `op`; empty where that is not said.
        what: String,
    },
    /// Something per time.
    Rate {
        /// What the figure is multiplied by to be per second.
        factor: f64,
        /// What is counted.
        what: String,
    },
}

impl Unit {
    /// The unit that a text names: `ms`, `us/op`, `ops/ms`, `requests per second`; `None` where it is none of time.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_matches(['(', ')', '[', ']']).trim();
        if let Some(seconds) = seconds(text) {
            return Some(Self::Time { seconds, what: String::new() });
        }
        let (above, below) = split_per(text)?;
        match (seconds(above), seconds(below)) {
            (Some(seconds), None) => Some(Self::Time { seconds, what: below.to_owned() }),
            (None, Some(seconds)) => {
                Some(Self::Rate { factor: 1.0 / seconds, what: above.to_owned() })
            }
            _ => None,
        }
    }

    /// The throughput that a figure of this unit means, with so many runs at once, each doing `work`.
    pub(super) fn throughput(&self, figure: f64, work: f64, at_once: f64) -> f64 {
        match self {
            Self::Time { seconds, .. } => throughput(work, at_once, figure * seconds),
            Self::Rate { factor, .. } => figure * factor,
        }
    }

    /// What is counted per second, in the plural.
    pub(super) fn counted(&self) -> String {
        let (what, unnamed) = match self {
            Self::Time { what, .. } => (what.trim(), "runs"),
            Self::Rate { what, .. } => (what.trim(), "units"),
        };
        match what {
            "" => unnamed.to_owned(),
            "op" => "ops".to_owned(),
            other => other.to_owned(),
        }
    }
}

/// Seconds in a unit of time.
pub(super) fn seconds(text: &str) -> Option<f64> {
    Some(match text.trim().to_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" | "millis" => 1e-3,
        "us" | "\u{b5}s" | "\u{3bc}s" | "usec" | "usecs" | "microsecond" | "microseconds"
        | "micros" => 1e-6,
        "ns" | "nsec" | "nsecs" | "nanosecond" | "nanoseconds" | "nanos" => 1e-9,
        "ps" | "picosecond" | "picoseconds" => 1e-12,
        "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hour" | "hours" => 3600.0,
        "day" | "days" => 86_400.0,
        _ => return None,
    })
}

/// The two sides of `a/b`, `a per b`, `a_per_b`.
fn split_per(text: &str) -> Option<(&str, &str)> {
    if let Some((above, below)) = text.rsplit_once('/') {
        return Some((above.trim(), below.trim()));
    }
    let lower = text.to_ascii_lowercase();
    let (at, length) = [" per ", "_per_", "-per-"]
        .iter()
        .find_map(|word| lower.find(word).map(|at| (at, word.len())))?;
    Some((text[..at].trim(), text[at + length..].trim()))
}

#[cfg(test)]
mod tests {
    use super::{Unit, throughput};

    #[test]
    fn a_time_per_run_becomes_a_throughput_by_the_one_rule() {
        assert!((throughput(1.0, 1.0, 0.25) - 4.0).abs() < 1e-12);
        assert!((throughput(1000.0, 8.0, 2.0) - 4000.0).abs() < 1e-12);
        let microseconds = Unit::parse("us/op").expect("it is a unit");
        assert!((microseconds.throughput(50.0, 1.0, 4.0) - 80_000.0).abs() < 1e-6);
        assert_eq!(microseconds.counted(), "ops");
    }

    #[test]
    fn rates_are_brought_to_seconds() {
        for (text, expected) in
            [("ops/ms", 3000.0), ("ops/s", 3.0), ("requests per second", 3.0), ("MB_per_min", 0.05)]
        {
            let unit = Unit::parse(text).unwrap_or_else(|| panic!("{text} is a unit"));
            assert!((unit.throughput(3.0, 1.0, 1.0) - expected).abs() < 1e-9, "{text}");
        }
        assert_eq!(
            Unit::parse("requests/s").map(|unit| unit.counted()).as_deref(),
            Some("requests")
        );
    }

    #[test]
    fn what_is_no_unit_of_time_is_none() {
        for text in ["", "#", "byte", "s/s", "a/b/c", "per"] {
            assert_eq!(Unit::parse(text), None, "{text}");
        }
    }
}
