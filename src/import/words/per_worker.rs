//! Figures of one worker: `ops/s per thread`, `MB/core/s`.

use super::units::Unit;
use super::vocabulary::{Sense, meaning as word_meaning};
use super::words;

/// Words for one worker.
const ONE: [&str; 12] = [
    "worker",
    "thread",
    "core",
    "process",
    "proc",
    "client",
    "user",
    "cpu",
    "rank",
    "node",
    "connection",
    "gpu",
];

/// The heading without the words that say that the figure is one worker's; `None` if there are
/// none.
pub(super) fn without(text: &str, has_unit: bool) -> Option<String> {
    let lower = text.to_lowercase();
    between(text, &lower).or_else(|| at_the_end(text, &lower, has_unit))
}

/// `ops_per_thread_per_s`, `MB/core/s`.
fn between(text: &str, lower: &str) -> Option<String> {
    ONE.iter().flat_map(|one| [' ', '_'].map(|blank| (one, blank))).find_map(|(one, blank)| {
        let spelled = format!("{blank}per{blank}{one}{blank}per{blank}");
        let short = format!("/{one}/");
        let found = lower.find(&spelled).map(|at| (at, spelled.len()));
        let (at, length) = found.or_else(|| Some((lower.find(&short)?, short.len())))?;
        Some(format!("{}/{}", text.get(..at)?, text.get(at + length..)?))
    })
}

/// `ops/s per thread`. Without a rate before it, `time per thread` is something else.
fn at_the_end(text: &str, lower: &str, has_unit: bool) -> Option<String> {
    ["per ", "per_", "per-", "/ ", "/"].iter().find_map(|word| {
        let at = lower.rfind(word)?;
        let below = lower[at + word.len()..].trim();
        let above = text.get(..at).unwrap_or_default().trim_end_matches([' ', '_', '-']);
        let is_rate = has_unit
            || Unit::parse(above).is_some()
            || words(above).iter().any(|word| word_meaning(word) == Some(Sense::Rate));
        (ONE.contains(&below) && is_rate).then(|| above.to_owned())
    })
}
