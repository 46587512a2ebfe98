//! What is peculiar to programs of the user's own: they may use several CPUs each, and they may be
//! told a count.

use super::findings::Curve;
use crate::plan::{Entry, Mode};
use crate::units::Quantity;

/// One copy that keeps more CPUs busy than this runs in parallel by itself.
const ALONE: f64 = 1.3;

/// The placeholder that the count replaces in the command line of a program that parallelises
/// itself.
pub(super) fn swept(entry: &Entry) -> Option<&str> {
    let mut params = entry.params.iter();
    params.find(|(name, word)| *name == "sweep" && !word.is_empty()).map(|(_, word)| word)
}

/// Whether the throughput is what the program prints about itself.
pub(super) fn prints(entry: &Entry) -> bool {
    entry.params.iter().any(|(name, rule)| name == "figure" && !rule.is_empty())
}

/// That a copy alone keeps more than one CPU busy: `one copy already uses 1.9 of 2 CPUs`.
pub(super) fn crowding(entry: &Entry, curves: &[Curve], usable: f64) -> Option<String> {
    let curve = curves.iter().find(|curve| curve.name == Mode::Copies.name())?;
    let first = curve.points.first().filter(|point| (point.workers - 1.0).abs() < 1e-9)?;
    let cpu = first.cpu.filter(|cpu| *cpu > ALONE)?;
    let who = match swept(entry) {
        Some(word) => format!("with {word} = 1 it"),
        None => "one copy".to_owned(),
    };
    // One digit: what a program uses differs from run to run.
    let [cpu, usable] =
        [cpu, usable].map(|count| Quantity::Count.text((count * 10.0).round() / 10.0));
    Some(format!("{who} already uses {cpu} of {usable} CPUs"))
}
