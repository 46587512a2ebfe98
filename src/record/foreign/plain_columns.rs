//! What the columns of a plain table mean, told from their names.

use super::axis::{means_workers, words};
use super::rate::{self, Unit};

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Role {
    /// The number of workers.
    Workers,
    /// A throughput or a time, by its unit; with a number where it is one of several repetitions.
    Figure { unit: Unit, repetition: Option<u32> },
    /// A figure whose unit stands in another column.
    Value,
    /// The work that a run does.
    Work,
    /// The unit of the value.
    Unit,
    /// Which repetition it is.
    Repetition,
    /// Something derived, or a remark: left out without a word.
    Aside,
    /// Anything else: a name, a parameter, a series.
    Other,
}

const THROUGHPUT: [&str; 20] = [
    "throughput",
    "rate",
    "tps",
    "qps",
    "rps",
    "iops",
    "bandwidth",
    "capacity",
    "performance",
    "speed",
    "speedup",
    "mbps",
    "gbps",
    "mips",
    "flops",
    "mflops",
    "gflops",
    "tput",
    "thrpt",
    "xput",
];
const TIME: [&str; 12] = [
    "time", "elapsed", "runtime", "walltime", "wall", "duration", "makespan", "real", "realtime",
    "seconds", "secs", "sec",
];
/// Words beside them that change nothing.
const BESIDE: [&str; 14] = [
    "mean",
    "avg",
    "average",
    "median",
    "total",
    "execution",
    "exec",
    "run",
    "clock",
    "measured",
    "per",
    "task",
    "wall",
    "the",
];
const VALUE: [&str; 6] = ["value", "score", "result", "measurement", "metric", "y"];
const REPETITION: [&str; 18] = [
    "repetition",
    "rep",
    "reps",
    "run",
    "trial",
    "iteration",
    "iter",
    "replicate",
    "replication",
    "round",
    "block",
    "sample",
    "attempt",
    "repeat",
    "seed",
    "index",
    "id",
    "idx",
];
const ASIDE: [&str; 40] = [
    "stddev",
    "sd",
    "std",
    "stdev",
    "se",
    "stderr",
    "error",
    "err",
    "ci",
    "low",
    "high",
    "lower",
    "upper",
    "min",
    "max",
    "minimum",
    "maximum",
    "cv",
    "variance",
    "mad",
    "iqr",
    "samples",
    "runs",
    "count",
    "rounds",
    "date",
    "timestamp",
    "datetime",
    "comment",
    "comments",
    "note",
    "notes",
    "efficiency",
    "idle",
    "errors",
    "failures",
    "p50",
    "p90",
    "p99",
    "linear",
];

/// Words for what is no throughput and no time of a whole run: taken for one, the worst count would look best.
const OPPOSITE: [&str; 4] = ["latency", "delay", "response", "rss"];

/// What the column of this name holds.
pub(super) fn role(header: &str) -> Role {
    let (base, bracket) = split_bracket(header);
    let (base, repetition) = split_number(base);
    let words = words(base);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if repetition.is_none() && means_workers(base) {
        return Role::Workers;
    }
    if let Some(unit) = figure(base, &words, bracket) {
        return Role::Figure { unit, repetition };
    }
    match words.as_slice() {
        // `1`, `2`, `3` or `run 1`, `run 2`, `run 3`: each column is a repetition.
        [] | [_] if repetition.is_some() && words.iter().all(|word| REPETITION.contains(word)) => {
            let unit =
                bracket.and_then(Unit::parse).unwrap_or_else(|| plain(bracket.unwrap_or("")));
            Role::Figure { unit, repetition }
        }
        [word] if VALUE.contains(word) && repetition.is_none() => Role::Value,
        ["work"] => Role::Work,
        ["unit" | "units"] => Role::Unit,
        [word] if REPETITION.contains(word) => Role::Repetition,
        [.., last] if ASIDE.contains(last) || is_percentile(header) => Role::Aside,
        words if words.iter().any(|word| OPPOSITE.contains(word)) => Role::Aside,
        [first, _]
            if ASIDE.contains(first)
                && THROUGHPUT.iter().chain(&TIME).any(|word| words[1] == *word) =>
        {
            Role::Aside
        }
        _ => Role::Other,
    }
}

/// The series and the repetition that a column of a wide table is: `pool_rep2` is the second repetition of `pool`.
pub(super) fn series(header: &str) -> (&str, Option<u32>) {
    let (base, repetition) = split_number(header);
    let last = words(base).pop().unwrap_or_default();
    if repetition.is_some() && REPETITION.contains(&last.as_str()) {
        let name = base[..base.len().saturating_sub(last.len())]
            .trim_end_matches([' ', '_', '-', '.', ':', '#']);
        if !name.is_empty() {
            return (name, repetition);
        }
    }
    (header, None)
}

/// The unit of a throughput or of a time.
fn figure(base: &str, words: &[&str], bracket: Option<&str>) -> Option<Unit> {
    let telling: Vec<&str> = words.iter().copied().filter(|word| !BESIDE.contains(word)).collect();
    let in_bracket = bracket.and_then(Unit::parse);
    // `ops/s`, `requests_per_second`, `ms`, `s/op` say it all by themselves.
    if bracket.is_none()
        && let Some(unit) = Unit::parse(base)
    {
        return Some(unit);
    }
    if let [above @ .., "per", "second" | "sec" | "s"] = words {
        return Some(Unit::Rate { factor: 1.0, what: above.join(" ") });
    }
    match telling.as_slice() {
        [word] if THROUGHPUT.contains(word) => {
            Some(in_bracket.unwrap_or_else(|| plain(bracket.unwrap_or(counted(word)))))
        }
        // A throughput with its unit in the name: `throughput_ops`.
        ["throughput" | "bandwidth", ..]
            if telling.len() == 2
                && rate::seconds(telling[1]).is_none()
                && is_counted(telling[1]) =>
        {
            Some(plain(telling[1]))
        }
        words if !words.is_empty() && words.iter().all(|word| TIME.contains(word)) => {
            let per_run = match in_bracket {
                Some(Unit::Time { seconds, .. }) => Some(seconds),
                _ => None,
            };
            let seconds = bracket.map_or(Some(1.0), rate::seconds).or(per_run);
            seconds.map(|seconds| Unit::Time { seconds, what: String::new() })
        }
        [words @ .., unit] if !words.is_empty() && words.iter().all(|word| TIME.contains(word)) => {
            rate::seconds(unit).map(|seconds| Unit::Time { seconds, what: String::new() })
        }
        _ => None,
    }
}

/// Whether a time is taken as seconds because nothing says its unit.
pub(super) fn has_no_unit(header: &str) -> bool {
    let (base, bracket) = split_bracket(header);
    let words = words(split_number(base).0);
    bracket.is_none() && !words.iter().any(|word| rate::seconds(word).is_some())
}

fn plain(what: &str) -> Unit {
    Unit::Rate { factor: 1.0, what: what.trim().to_owned() }
}

/// What the usual abbreviations count.
fn counted(word: &str) -> &'static str {
    match word {
        "tps" => "transactions",
        "qps" => "queries",
        "rps" => "requests",
        "flops" => "flops",
        "iops" => "operations",
        "mbps" => "MB",
        "gbps" => "GB",
        "mflops" => "Mflop",
        "gflops" => "Gflop",
        _ => "units",
    }
}

fn is_counted(word: &str) -> bool {
    [
        "ops",
        "requests",
        "items",
        "bytes",
        "mb",
        "gb",
        "kb",
        "transactions",
        "queries",
        "messages",
        "tasks",
        "jobs",
    ]
    .contains(&word)
}

fn is_percentile(header: &str) -> bool {
    words(header).windows(2).any(|pair| pair[0] == "p" && pair[1].parse::<u32>().is_ok())
}

/// `time (ms)` is `time` in `ms`.
fn split_bracket(header: &str) -> (&str, Option<&str>) {
    let trimmed = header.trim();
    let open = trimmed.find(['(', '[']).filter(|at| *at > 0 && trimmed.ends_with([')', ']']));
    match open {
        Some(at) => (trimmed[..at].trim(), Some(trimmed[at + 1..trimmed.len() - 1].trim())),
        None => (trimmed, None),
    }
}

/// `run_2` is the second `run`.
fn split_number(header: &str) -> (&str, Option<u32>) {
    let base = header.trim_end_matches(|c: char| c.is_ascii_digit());
    match header[base.len()..].parse() {
        Ok(number) => (base.trim_end_matches([' ', '_', '-', '.', ':', '#']), Some(number)),
        Err(_) => (header, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Role, has_no_unit, role, series};

    fn meaning(header: &str, figure: f64) -> Option<f64> {
        match role(header) {
            Role::Figure { unit, .. } => Some(unit.throughput(figure, 1.0, 1.0)),
            _ => None,
        }
    }

    #[test]
    fn throughputs_and_times_are_told_apart() {
        for header in [
            "throughput",
            "Throughput (ops/s)",
            "ops/s",
            "requests_per_second",
            "TPS",
            "X ops/sec",
            "bandwidth_mb",
        ] {
            assert_eq!(meaning(header, 8.0), Some(8.0), "{header}");
        }
        for (header, expected) in [
            ("time", 0.25),
            ("elapsed_ms", 250.0),
            ("Time (us)", 250e3),
            ("seconds", 0.25),
            ("mean time [s]", 0.25),
            ("real time", 0.25),
            ("wall_clock_time_ms", 250.0),
            ("ns", 0.25e9),
        ] {
            let found = meaning(header, 4.0).unwrap_or_else(|| panic!("{header} is a time"));
            assert!((found - expected).abs() < 1e-6 * expected, "{header}: {found}");
        }
        assert!(has_no_unit("time") && !has_no_unit("time_ms") && !has_no_unit("time (s)"));
    }

    #[test]
    fn repetitions_and_remarks_are_known() {
        for header in ["1", "run 2", "rep3", "throughput_4"] {
            assert!(matches!(role(header), Role::Figure { repetition: Some(_), .. }), "{header}");
        }
        assert_eq!(role("replicate"), Role::Repetition);
        for header in [
            "stddev",
            "date",
            "p99",
            "latency_p99",
            "processes_idle",
            "throughput_low",
            "latency_ms",
        ] {
            assert_eq!(role(header), Role::Aside, "{header}");
        }
        for header in ["pool", "v1", "size", "machine", "time zone"] {
            assert_eq!(role(header), Role::Other, "{header}");
        }
        assert_eq!(series("pool_rep2"), ("pool", Some(2)));
        assert_eq!(series("v2"), ("v2", None));
    }

    proptest! {
        #[test]
        fn any_header_has_a_role(header in any::<String>()) {
            let _ = (role(&header), series(&header), has_no_unit(&header));
        }
    }
}
