//! The throughput of one cell over that of another, with an interval.

use super::findings::Estimate;
use super::observation::{Observation, Spread, interval};
use crate::stats::median::median;
use crate::stats::nested::nested;

/// The fewest common blocks for a comparison within blocks.
const PAIRED: usize = 3;

/// The median with its interval; the median alone if nothing is repeated.
pub(super) fn estimate(logs: &[f64], within: Spread) -> Estimate {
    let median = median(logs).unwrap_or(f64::NAN);
    let (low, high) = interval(logs, within).unwrap_or((median, median));
    Estimate { median: median.exp(), low: low.exp(), high: high.exp() }
}

/// The ratio of `above` to `below`, each the measurements of one cell; `None` if one is empty.
/// `within` is the spread of one measurement around the level of its count. `block` is its spread
/// after the drift of the blocks is removed.
///
/// Computed from differences within blocks, which slow spells do not disturb. With too few common
/// blocks, computed from the two medians.
pub(super) fn ratio(
    above: &[Observation],
    below: &[Observation],
    within: Spread,
    block: Spread,
) -> Option<Estimate> {
    let logs = |side: &[Observation]| -> Vec<f64> {
        side.iter().filter(|o| o.is_sound()).map(|o| o.throughput.ln()).collect()
    };
    let (a, b) = (logs(above), logs(below));
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let paired: Vec<(Option<u32>, f64)> = above
        .iter()
        .filter(|o| o.is_sound())
        .filter_map(|o| Some((o.launch, o.throughput.ln() - in_block(below, o.block?)?)))
        .collect();
    if paired.len() >= PAIRED {
        let differences: Vec<f64> = paired.iter().map(|(_, difference)| *difference).collect();
        // The difference of two measurements has the square root of two times their spread.
        let wider = Spread { sd: block.sd * std::f64::consts::SQRT_2, df: block.df };
        // If one crew was fast by luck for all of its blocks, these blocks count less.
        let launches = nested(std::slice::from_ref(&paired)).factor;
        return Some(estimate(&differences, wider).widened(launches));
    }
    let (a, b) = (estimate(&a, within), estimate(&b, within));
    let half = |outer: f64, inner: f64| (outer / inner).ln();
    let down = half(a.median, a.low).hypot(half(b.high, b.median));
    let up = half(a.high, a.median).hypot(half(b.median, b.low));
    let ratio = a.median / b.median;
    Some(Estimate { median: ratio, low: ratio * (-down).exp(), high: ratio * up.exp() })
}

/// The level of a cell in one block.
fn in_block(cell: &[Observation], block: u32) -> Option<f64> {
    let same = cell.iter().filter(|o| o.block == Some(block) && o.is_sound());
    median(&same.map(|o| o.throughput.ln()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Slow spells of whole blocks disturb the medians but not the ratio.
    #[test]
    fn the_ratio_ignores_slow_spells_and_its_interval_covers() {
        const RUNS: usize = 400;
        let mut rng = Rng::new(6);
        let (mut held, mut width) = (0, 0.0);
        for _ in 0..RUNS {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for block in 0..8 {
                let spell = if rng.unit() < 0.3 { 0.6 } else { 1.0 };
                let mut one = |level: f64| Observation {
                    workers: 1.0,
                    throughput: level * spell * (0.02 * rng.normal()).exp(),
                    block: Some(block),
                    confirms: true,
                    launch: None,
                };
                a.push(one(1.9));
                b.push(one(1.0));
            }
            let within = Spread { sd: 0.2, df: 14.0 };
            let e = ratio(&a, &b, within, within).unwrap();
            held += usize::from((e.low..=e.high).contains(&1.9));
            width += (e.high - e.low) / RUNS as f64;
        }
        assert!(held >= RUNS * 92 / 100, "{held} of {RUNS}");
        assert!(width < 0.15, "{width}");
    }

    #[test]
    fn without_blocks_the_errors_add_by_their_squares() {
        let cell = |level: f64| [0.99, 1.0, 1.01].map(|x| Observation::plain(1.0, level * x));
        let within = Spread { sd: 0.01, df: 4.0 };
        let e = ratio(&cell(4.0), &cell(2.0), within, within).unwrap();
        assert!((e.median - 2.0).abs() < 1e-12 && e.low < 1.97 && e.high > 2.03, "{e:?}");
        assert!(ratio(&[], &cell(2.0), within, within).is_none());
    }
}
