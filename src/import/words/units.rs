//! The one rule that turns a time into a throughput, and the units in files.

/// **The rule**: `throughput = work of a run x runs at once / seconds per run`.
///
/// If a run uses all workers itself, one run is made at a time. If every worker makes its own runs,
/// as many are made at once as there are workers.
pub(in crate::import) fn throughput(work: f64, at_once: f64, seconds: f64) -> f64 {
    work * at_once / seconds
}

/// The meaning of a figure, by its unit.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) enum Unit {
    /// A time per run.
    Time {
        /// Seconds per unit.
        seconds: f64,
        /// What a run does one of: `op`; empty if not said.
        what: String,
    },
    /// Something per time.
    Rate {
        /// Factor that turns the figure into one per second.
        factor: f64,
        /// What is counted.
        what: String,
    },
}

impl Unit {
    /// Reads a unit: `ms`, `us/op`, `ops/ms`, `requests per second`. `None` if it is not a unit of
    /// time.
    pub(in crate::import) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_matches(['(', ')', '[', ']']).trim();
        let text = text.strip_prefix("in ").unwrap_or(text).trim();
        if let Some(seconds) = seconds(text) {
            return Some(Self::Time { seconds, what: String::new() });
        }
        if let Some(counts) = rate_word(text) {
            return Some(Self::Rate { factor: 1.0, what: counts.to_owned() });
        }
        if let Some((_, counts)) =
            PER_MINUTE.iter().find(|(word, _)| text.eq_ignore_ascii_case(word))
        {
            return Some(Self::Rate { factor: 1.0 / 60.0, what: (*counts).to_owned() });
        }
        match simulated(text) {
            Some(true) => return Some(Self::Rate { factor: 1.0, what: text.to_owned() }),
            Some(false) => return Some(Self::Time { seconds: 1.0, what: text.to_owned() }),
            None => {}
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

    /// The throughput from a figure of this unit, with `at_once` runs at a time, each doing `work`.
    pub(in crate::import) fn throughput(&self, figure: f64, work: f64, at_once: f64) -> f64 {
        match self {
            Self::Time { seconds, .. } => throughput(work, at_once, figure * seconds),
            Self::Rate { factor, .. } => figure * factor,
        }
    }

    /// What is counted per second, in the plural.
    pub(in crate::import) fn counted(&self) -> String {
        let (what, unnamed) = match self {
            Self::Time { what, .. } => (what.trim(), "runs"),
            Self::Rate { what, .. } => (what.trim(), "units"),
        };
        match what {
            "" => unnamed.to_owned(),
            "op" => "ops".to_owned(),
            "req" => "requests".to_owned(),
            other => other.to_owned(),
        }
    }
}

/// Seconds in each unit of time, by the words for it.
const TIMES: [(f64, &[&str]); 8] = [
    (
        1.0,
        &[
            "s",
            "sec",
            "secs",
            "sec.",
            "second",
            "seconds",
            "sek",
            "sekunden",
            "sekunde",
            "seconde",
            "secondes",
            "seg",
            "segundo",
            "segundos",
            "secondi",
            "\u{441}",
            "\u{441}\u{435}\u{43a}",
            "\u{79d2}",
            "sekund",
            "sekundy",
            "seconden",
            "\u{cd08}",
        ],
    ),
    (
        1e-3,
        &[
            "ms",
            "msec",
            "msecs",
            "millisecond",
            "milliseconds",
            "millis",
            "millisekunden",
            "millisecondes",
            "milisegundos",
            "\u{43c}\u{441}",
            "\u{6beb}\u{79d2}",
            "\u{30df}\u{30ea}\u{79d2}",
        ],
    ),
    (
        1e-6,
        &[
            "us",
            "\u{b5}s",
            "\u{3bc}s",
            "usec",
            "usecs",
            "\u{b5}sec",
            "\u{3bc}sec",
            "microsecond",
            "microseconds",
            "micros",
            "mikrosekunden",
            "microsecondes",
            "microsegundos",
            "\u{43c}\u{43a}\u{441}",
            "\u{5fae}\u{79d2}",
        ],
    ),
    (
        1e-9,
        &[
            "ns",
            "nsec",
            "nsecs",
            "nanosecond",
            "nanoseconds",
            "nanos",
            "nanosekunden",
            "nanosecondes",
            "nanosegundos",
        ],
    ),
    (1e-12, &["ps", "picosecond", "picoseconds"]),
    (
        60.0,
        &[
            "min",
            "mins",
            "min.",
            "minute",
            "minutes",
            "minuten",
            "minuto",
            "minutos",
            "\u{43c}\u{438}\u{43d}",
            "\u{5206}",
        ],
    ),
    (
        3600.0,
        &[
            "h", "hr", "hrs", "hour", "hours", "std", "std.", "stunden", "stunde", "heure",
            "heures", "hora", "horas",
        ],
    ),
    (86_400.0, &["d", "day", "days", "tag", "tage", "jour", "jours"]),
];

/// Units made of two units of time, and whether more is better: nanoseconds of a simulation per day
/// are a rate.
const SIMULATED: [(&str, bool); 10] = [
    ("ns/day", true),
    ("ns/d", true),
    ("us/day", true),
    ("sypd", true),
    ("days/day", true),
    ("h/ns", false),
    ("hour/ns", false),
    ("hours/ns", false),
    ("days/ns", false),
    ("s/timestep", false),
];

/// Units that mean "per second" in one word, with what they count.
const RATES: [(&str, &str); 39] = [
    ("tps", "transactions"),
    ("qps", "queries"),
    ("rps", "requests"),
    ("iops", "operations"),
    ("kiops", "kops"),
    ("miops", "Mops"),
    ("fps", "frames"),
    ("bps", "bits"),
    ("kbps", "kB"),
    ("mbps", "MB"),
    ("gbps", "GB"),
    ("mips", "Minstructions"),
    ("flops", "flops"),
    ("flop/s", "flop"),
    ("kflops", "kflop"),
    ("mflops", "Mflop"),
    ("mflop/s", "Mflop"),
    ("gflops", "Gflop"),
    ("gflop/s", "Gflop"),
    ("tflops", "Tflop"),
    ("tflop/s", "Tflop"),
    ("pflops", "Pflop"),
    ("teps", "edges"),
    ("mteps", "Medges"),
    ("gteps", "Gedges"),
    ("gups", "Gupdates"),
    ("mups", "Mupdates"),
    ("mlups", "Mupdates"),
    ("glups", "Gupdates"),
    ("hz", "times"),
    ("khz", "ktimes"),
    ("1/s", "times"),
    ("s-1", "times"),
    ("s^-1", "times"),
    ("s\u{207b}\u{b9}", "times"),
    ("mpps", "Mpackets"),
    ("kpps", "kpackets"),
    ("pps", "packets"),
    ("t/s", "tokens"),
];

/// Units that mean "per minute" in one word, with what they count.
const PER_MINUTE: [(&str, &str); 4] =
    [("tpm", "transactions"), ("tpmc", "transactions"), ("nopm", "orders"), ("rpm", "requests")];

/// Seconds in a unit of time.
pub(in crate::import) fn seconds(text: &str) -> Option<f64> {
    let lower = text.trim().to_lowercase();
    if lower.is_empty() || lower.len() > 24 {
        return None;
    }
    TIMES.iter().find(|(_, words)| words.contains(&lower.as_str())).map(|(seconds, _)| *seconds)
}

/// What a one-word unit counts per second.
pub(super) fn rate_word(text: &str) -> Option<&'static str> {
    let lower = text.trim().to_lowercase();
    RATES.iter().find(|(word, _)| *word == lower).map(|(_, counts)| *counts)
}

/// Whether more is better for a unit of simulated time.
fn simulated(text: &str) -> Option<bool> {
    let lower = text.trim().to_lowercase().replace(" per ", "/");
    SIMULATED.iter().find(|(word, _)| *word == lower).map(|(_, rate)| *rate)
}

/// The two sides of `a/b`, `a per b`, `a_per_b`, `a pro b`, `a par b`, `a por b`.
fn split_per(text: &str) -> Option<(&str, &str)> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("per ") {
        return Some(("", text["per ".len()..].trim()));
    }
    let words = [" per ", "_per_", "-per-", " pro ", "_pro_", " par ", "_par_", " por ", "_por_"];
    let word = words.iter().find_map(|word| lower.find(word).map(|at| (at, word.len())));
    if let Some((at, length)) = word {
        return Some((text[..at].trim(), text[at + length..].trim()));
    }
    let (above, below) = text.rsplit_once('/')?;
    Some((above.trim(), below.trim()))
}

/// What is counted in thousands, millions and more, in lower case.
const COUNTED_IN_THOUSANDS: [&str; 29] = [
    "b", "byte", "bytes", "bit", "bits", "op", "ops", "req", "reqs", "request", "requests", "tok",
    "tokens", "elem", "elems", "item", "items", "msg", "msgs", "row", "rows", "flop", "flops",
    "query", "queries", "txn", "packets", "records", "events",
];

/// What is counted, without its prefix, and the factor of the prefix: `GB` is a thousand million
/// `B`, `KiB` is 1024 `B`.
pub(in crate::import) fn without_thousands(what: &str) -> (f64, &str) {
    let Some(first) = what.chars().next() else { return (1.0, what) };
    let power = match first {
        'k' | 'K' => 1,
        'M' => 2,
        'G' => 3,
        'T' => 4,
        _ => return (1.0, what),
    };
    let of = what[1..].trim_start();
    let (step, of) = of.strip_prefix('i').map_or((1000.0_f64, of), |rest| {
        if ["B", "b", "bit"].contains(&rest) { (1024.0, rest) } else { (1000.0, of) }
    });
    let is_known = COUNTED_IN_THOUSANDS.iter().any(|word| of.eq_ignore_ascii_case(word));
    if is_known { (step.powi(power), of) } else { (1.0, what) }
}

#[cfg(test)]
mod tests {
    use super::{Unit, throughput, without_thousands};

    #[test]
    fn thousands_before_what_is_counted_are_told_apart_from_it() {
        for (text, expected) in [
            ("GB", (1e9, "B")),
            ("KiB", (1024.0, "B")),
            ("Mops", (1e6, "ops")),
            ("kreq", (1e3, "req")),
            ("messages", (1.0, "messages")),
            ("items", (1.0, "items")),
            ("Tasks", (1.0, "Tasks")),
            ("", (1.0, "")),
        ] {
            assert_eq!(without_thousands(text), expected, "{text}");
        }
    }

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
