//! Where the optimum can still hide: between two measured counts, if the curve goes on as steeply
//! as before.
//!
//! On every smooth contention curve, efficiency does not rise with the count. On logarithmic axes
//! the curve is then at most as steep to the right of a count as to its left. So a gap deserves a
//! probe only if growth at that slope, up to the far end of the gap, would beat the best count
//! known. A plateau has no slope and is not probed. Left of a cliff the slope is full, so the cliff
//! is bisected down to the single best count.

use super::book::{Book, Level, MATTERS};
use super::{Space, TOLERANCE};

/// The most gaps that are probed at once.
const AT_ONCE: usize = 3;
/// A gap this narrow, as a ratio, hides nothing worth finding.
const NARROW: f64 = 1.012;
/// The true slope may be this many standard errors steeper than measured.
const DOUBT: f64 = 0.7;
/// A slope is measured over at least this ratio of counts.
const BASELINE: f64 = 1.4;
/// A possible gain below this is not worth a probe.
const WORTH: f64 = TOLERANCE / 2.0;

/// The counts to probe next, with anchors: the best count, and the left ends of their gaps. Empty
/// where nothing can hide.
pub(super) fn probes(space: &Space, book: &Book, broken: &[usize]) -> Vec<usize> {
    let mut levels = book.levels();
    let last = levels.last().map_or(0, |level| level.workers);
    // The smallest count that could not be run ends the space.
    if let Some(&workers) = broken.iter().filter(|&&workers| workers > last).min() {
        levels.push(Level { workers, log: f64::NEG_INFINITY, error: 0.0 });
    }
    let Some(best) = levels.iter().max_by(|a, b| a.log.total_cmp(&b.log)) else {
        return Vec::new();
    };
    let mut gaps: Vec<Gap> = (0..levels.len().saturating_sub(1))
        .filter(|at| !is_flat(space, levels[*at], levels[*at + 1]))
        .filter_map(|at| gap(&levels, at, best.log))
        .filter(|gap| !broken.contains(&gap.middle))
        .collect();
    gaps.sort_by(|a, b| b.gain.total_cmp(&a.gain).then(a.middle.cmp(&b.middle)));
    gaps.truncate(AT_ONCE);
    if gaps.is_empty() {
        return Vec::new();
    }
    let mut counts: Vec<usize> = gaps.iter().flat_map(|gap| [gap.middle, gap.left]).collect();
    counts.push(best.workers);
    counts.sort_unstable();
    counts.dedup();
    counts.retain(|count| !broken.contains(count));
    counts
}

/// Whether nothing is expected between these counts, and their levels do not contradict.
fn is_flat(space: &Space, left: Level, right: Level) -> bool {
    space.flat.is_some_and(|flat| left.workers >= flat) && right.log - left.log < MATTERS
}

struct Gap {
    left: usize,
    middle: usize,
    gain: f64,
}

/// The gap to the right of the level at `at`, if it can hide more than `WORTH` above `top`.
fn gap(levels: &[Level], at: usize, top: f64) -> Option<Gap> {
    let (left, right) = (levels[at], levels[at + 1]);
    let (from, to) = (left.workers as f64, right.workers as f64);
    if right.workers - left.workers < 2 || to / from <= NARROW {
        return None;
    }
    // Neighbours that lie close together show more of the noise than of the slope.
    let before = levels[..at].iter().rev().find(|level| level.workers as f64 * BASELINE <= from);
    let slope = before.map_or(1.0, |before| {
        let doubt = DOUBT * left.error.hypot(before.error);
        (left.log - before.log + doubt) / (from / before.workers as f64).ln()
    });
    let gain = left.log + slope.clamp(0.0, 1.0) * ((to - 1.0) / from).ln() - top;
    let middle = ((from * to).sqrt().round() as usize).clamp(left.workers + 1, right.workers - 1);
    (gain > WORTH).then_some(Gap { left: left.workers, middle, gain })
}
