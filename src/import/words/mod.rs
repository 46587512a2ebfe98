//! The meaning of a heading, from its words and units.

pub(super) mod axis;
mod parts;
mod per_worker;
mod split;
pub(super) mod units;
pub(super) mod vocabulary;

use parts::Parts;
pub(super) use split::words;
use units::Unit;
use vocabulary::{Sense, meaning as word_meaning};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// The number of workers.
    Workers,
    /// The time of a whole run.
    Time,
    /// The time of one request among many. It is neither a throughput nor the time of a run.
    Latency,
    /// Something per time.
    Rate,
    /// How much was done, or how much is done per time: another column decides which.
    Work,
    /// Compared with one worker.
    Speedup,
    /// Speed-up per worker.
    Efficiency,
    /// A figure whose unit is in another column, or nowhere.
    Value,
    /// The unit of the value.
    Unit,
    /// The number of the repetition.
    Repetition,
    /// The number of measurements.
    Samples,
    /// Something derived or used up, or a remark: left out silently.
    Aside,
    /// Anything else: a name, a parameter, a series.
    Unknown,
}

/// Which statistic of several measurements it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Statistic {
    Median,
    Plain,
    Mean,
    Minimum,
    Maximum,
    Deviation,
}

/// What a heading means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meaning {
    pub(super) kind: Kind,
    pub(super) unit: Option<Unit>,
    pub(super) statistic: Statistic,
    /// The number at its end, which may be that of a repetition.
    pub(super) number: Option<u32>,
    /// What remains without kind, unit and statistic: whose figure it is, as words.
    pub(super) subject: String,
    /// Whether it is the figure of one worker.
    pub(super) per_worker: bool,
    /// Whether `min` may mean minutes.
    pub(super) perhaps_minutes: bool,
    /// Whether it is a given duration rather than a measured one.
    pub(super) is_length: bool,
}

/// Letters that mean the number of workers if they are the whole name.
const LETTERS: [&str; 3] = ["n", "p", "j"];

/// Words before `threads` that say whose threads they are; and `size` after `pool`.
const WHOSE: [&str; 13] = [
    "cluster",
    "web",
    "batch",
    "dataloader",
    "loader",
    "size",
    "server",
    "io",
    "background",
    "compute",
    "intraop",
    "interop",
    "blas",
];

/// Whether a name means the number of workers: `threads`, `OMP_NUM_THREADS`, `# of clients`, `n`.
pub(super) fn counts_workers(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let [letter] = words.as_slice()
        && LETTERS.contains(letter)
    {
        return true;
    }
    if matches!(
        words.as_slice(),
        ["pool" | "world" | "comm" | "team", "size"]
            | ["queue", "depth"]
            | ["qd" | "dop"]
            | ["v" | "alloc", "cpu" | "cpus"]
    ) {
        return true;
    }
    // `POLARS_MAX_THREADS` is an environment variable.
    if name.len() > 8
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && name.rsplit('_').next().is_some_and(|l| vocabulary::is_worker(&l.to_ascii_lowercase()))
    {
        return true;
    }
    // `max_concurrent_requests` limits how many run at once.
    if let [.., "concurrent" | "simultaneous", what] = words.as_slice()
        && word_meaning(what) != Some(Sense::Time)
    {
        return true;
    }
    // `tasks per node` are tasks.
    let per = words.iter().position(|word| *word == "per").filter(|at| *at > 0);
    let telling: Vec<&&str> = words[..per.unwrap_or(words.len())]
        .iter()
        .filter(|word| word_meaning(word) != Some(Sense::Beside) && !WHOSE.contains(word))
        .collect();
    // `worker processes`, `client threads`; `cpu cores` are not a share of a CPU.
    let counts = |word: &str| vocabulary::is_worker(word) || word == "cpu";
    telling.iter().all(|word| counts(word)) && telling.iter().any(|w| vocabulary::is_worker(w))
}

/// The meaning of a heading.
pub(super) fn meaning(heading: &str) -> Meaning {
    let heading = split::undressed(heading);
    let mut parts = Parts::of(&heading);
    let kind = parts.kind(&heading);
    let subject = parts.subject(kind);
    Meaning {
        kind,
        statistic: parts.statistic(),
        number: parts.number,
        subject,
        per_worker: parts.per_worker,
        perhaps_minutes: parts.perhaps_minutes,
        is_length: matches!(kind, Kind::Time)
            && parts.words.iter().any(|word| {
                ["duration", "dur", "dauer", "period", "length"].contains(&word.as_str())
            }),
        unit: parts.unit.take(),
    }
}

#[cfg(test)]
mod tests;
