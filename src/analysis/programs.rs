//! Peculiarities of the user's own programs: each copy may use several CPUs, and a program may be
//! told a count.

use super::findings::{Curve, Point};
use super::function;
use crate::plan::{Entry, Mode};
use crate::units::Quantity;

/// A copy that keeps more CPUs busy than this is parallel in itself.
const ALONE: f64 = 1.3;

/// The variable that tells numerical libraries how many threads to use.
const THREADS: &str = "OMP_NUM_THREADS";

/// The placeholder for the count in the command line of a program that is parallel in itself.
pub(super) fn swept(entry: &Entry) -> Option<&str> {
    let mut params = entry.params.iter();
    params.find(|(name, word)| *name == "sweep" && !word.is_empty()).map(|(_, word)| word)
}

/// Whether the throughput is a figure that the program prints.
pub(super) fn prints(entry: &Entry) -> bool {
    entry.params.iter().any(|(name, rule)| name == "figure" && !rule.is_empty())
}

/// A remark if one copy alone keeps more than one CPU busy: `one copy already uses 1.9 of 2 CPUs`.
///
/// For a function, `alone` is its serial cell. Its libraries then have threads of their own; how
/// many each worker should have is a separate question.
pub(super) fn crowding(
    entry: &Entry,
    curves: &[Curve],
    alone: Option<&Point>,
    usable: f64,
) -> Option<String> {
    let copies = curves.iter().find(|curve| curve.name == Mode::Copies.name());
    let function = function::language(entry).is_some();
    let first = match copies.and_then(|curve| curve.points.first()) {
        Some(point) => Some(point).filter(|point| (point.workers - 1.0).abs() < 1e-9),
        None => alone.filter(|_| function),
    };
    let cpu = first?.cpu.filter(|cpu| *cpu > ALONE)?;
    let who = match swept(entry) {
        Some(word) => format!("with {word} = 1 it"),
        None if function => "one call".to_owned(),
        None => "one copy".to_owned(),
    };
    let cores = usable.ceil().max(1.0);
    let ask = if function && entry.also.is_none() {
        format!(
            ", because its libraries have threads of their own: `--also env:{THREADS}=1,{cores}` \
             finds how many suit"
        )
    } else {
        String::new()
    };
    // One digit, because the use of a program differs from run to run.
    let [cpu, usable] =
        [cpu, usable].map(|count| Quantity::Count.text((count * 10.0).round() / 10.0));
    Some(format!("{who} already uses {cpu} of {usable} CPUs{ask}"))
}
