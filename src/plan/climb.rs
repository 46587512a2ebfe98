//! Searches the highest rate that a count can take: at which rate is it measured next?
//!
//! The rates form a ladder whose rungs are 10 % apart. Each rate is measured until its windows show
//! that the count holds it, or that it does not. The search takes large steps up or down until the
//! edge lies between two rates. Then it halves the rungs between them. More windows confirm the
//! highest rate that holds.

use std::collections::BTreeMap;

use super::hold::{CONFIRMED, Known, Seen, known};

/// Ratio of two neighbouring rungs.
const RUNG: f64 = 1.1;
/// Rungs per step while the edge is far: a step changes the rate by about half.
const STRIDE: i32 = 4;
/// The search stops this many rungs from its start: a factor of about 45.
const FARTHEST: i32 = 40;

/// The state of the search for one count.
#[derive(Debug, Clone)]
pub struct Climb {
    /// The rate of rung 0.
    base: f64,
    rungs: BTreeMap<i32, Vec<Seen>>,
    broken: bool,
}

impl Climb {
    /// A search that begins at the rate `base`.
    pub fn new(base: f64) -> Self {
        Self { base: base.max(0.1), rungs: BTreeMap::new(), broken: false }
    }

    /// Enters the result of a round at a rate that the search asked for.
    pub fn tell(&mut self, rate: f64, seen: Seen) {
        let rung = ((rate / self.base).ln() / RUNG.ln()).round();
        if rung.is_finite() {
            self.rungs.entry(rung as i32).or_default().push(seen);
        }
    }

    /// Gives up a count that cannot be measured at all.
    pub fn tell_broken(&mut self) {
        self.broken = true;
    }

    /// The rate of the next round; `None` when the search has ended.
    pub fn next_rate(&self) -> Option<f64> {
        let rung = self.next_rung().filter(|rung| rung.abs() <= FARTHEST && !self.broken)?;
        let rate = self.base * RUNG.powi(rung);
        // Three digits, so that people can read the rate.
        let digits = 10f64.powf(2.0 - rate.log10().floor());
        Some((rate * digits).round() / digits)
    }

    fn next_rung(&self) -> Option<i32> {
        let judged: Vec<(i32, Known, usize)> =
            self.rungs.iter().map(|(rung, seen)| (*rung, known(seen), seen.len())).collect();
        let (Some(lowest), Some(highest)) = (judged.first(), judged.last()) else { return Some(0) };
        let ceiling = judged.iter().find(|(_, known, _)| *known == Known::Fails);
        let top = ceiling.map_or(i32::MAX, |(rung, ..)| *rung);
        let mut below = judged.iter().rev().filter(|(rung, ..)| *rung < top);
        let floor = below.find(|(_, known, _)| *known == Known::Holds);
        let bottom = floor.map_or(i32::MIN, |(rung, ..)| *rung);
        let mut between = judged.iter().filter(|(rung, ..)| (bottom < *rung) && (*rung < top));
        if let Some((open, ..)) = between.find(|(_, known, _)| *known == Known::Open) {
            return Some(*open);
        }
        match (floor, ceiling) {
            (None, _) => Some(lowest.0 - STRIDE),
            (Some(_), None) => Some(highest.0 + STRIDE),
            (Some(_), Some(_)) if top - bottom > 1 => Some(bottom + (top - bottom) / 2),
            (Some((rung, _, windows)), Some(_)) => (*windows < CONFIRMED).then_some(*rung),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(exceeding: f64) -> Seen {
        Seen { due: 300.0, done: 300.0, exceeding: vec![(0.01, exceeding)] }
    }

    /// Climbs where rates up to `most` hold. Returns the highest rate shown to hold, and the
    /// rounds.
    fn climb(base: f64, most: f64) -> (f64, usize) {
        let mut climb = Climb::new(base);
        let (mut found, mut rounds) = (0.0f64, 0);
        while let Some(rate) = climb.next_rate() {
            rounds += 1;
            assert!(rounds < 200, "it does not end");
            climb.tell(rate, window(if rate <= most { 0.0 } else { 40.0 }));
            if rate <= most {
                found = found.max(rate);
            }
        }
        (found, rounds)
    }

    #[test]
    fn the_edge_is_found_from_below_and_from_above() {
        for (base, most) in [(100.0, 100.0), (100.0, 320.0), (100.0, 30.0), (7.0, 49.0)] {
            let (found, rounds) = climb(base, most);
            assert!(found <= most && found > most / 1.12, "{base} {most}: {found}");
            assert!(rounds <= 30, "{base} {most} took {rounds} rounds");
        }
    }

    #[test]
    fn what_holds_nothing_and_what_holds_everything_ends() {
        assert!(climb(100.0, 0.0).0 < 1e-9);
        assert!(climb(100.0, f64::INFINITY).0 > 2000.0);
        let mut broken = Climb::new(5.0);
        broken.tell_broken();
        assert_eq!(broken.next_rate(), None);
    }
}
