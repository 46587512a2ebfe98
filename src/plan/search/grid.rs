//! The looks: counts spread evenly over the octaves, and the hints.

use super::book::{Book, Level};
use super::{LOOKS, Purse, Space, TOLERANCE};

/// Growth is nearly linear if throughput grows by more than this part of the growth of the count.
/// The top is then far away.
const NEARLY: f64 = 0.8;
/// If throughput grows by more than this part of the growth of the count, the top is not near.
const HALF: f64 = 0.5;
/// A gain is in doubt within this many standard errors.
const DOUBT: f64 = 1.0;
/// A gain counts as larger than measured by this many standard errors: stopping early costs more
/// than an octave too many.
const BENEFIT: f64 = 0.5;
/// Where the purse cannot pay for two looks, this many counts get one look.
const FEW: usize = 4;
/// The largest space that is measured whole.
const SMALL: usize = 6;

/// The counts of the first look, evenly per octave, and the hints. A small purse gets fewer.
pub(super) fn first(space: &Space, purse: &Purse<'_>) -> Vec<usize> {
    if space.max <= SMALL {
        let all: Vec<usize> = space.counts().collect();
        if 3.0 * purse.cost_of(&all) <= purse.left {
            return all;
        }
    }
    let mut counts = Vec::new();
    // Far beyond the first counts, an open space has its top. The first look only shows the way.
    let densities = if space.start < space.max { [1.0, 0.5, 0.5] } else { [2.0, 1.0, 0.5] };
    for per_octave in densities {
        counts = between(space, 1, space.start, per_octave);
        // The same amount is kept back for deciding.
        if 2.0 * f64::from(LOOKS) * purse.cost_of(&counts) <= purse.left {
            break;
        }
    }
    // If that is still too expensive, every second count is dropped, but never the first or the
    // last. A few counts are looked at once in any case: a single count compares nothing.
    let passes = |many: usize| if many > FEW { f64::from(LOOKS) } else { 1.0 };
    while counts.len() > 1 && passes(counts.len()) * purse.cost_of(&counts) > purse.left {
        let (mut at, last) = (0, counts.len());
        counts.retain(|_| {
            at += 1;
            at % 2 == 1 || (at == last && last > 2)
        });
    }
    counts
}

/// How throughput grew over the last octave of some counts.
struct Growth {
    /// The best count of that octave.
    last: Level,
    /// The best count below that octave.
    before: Option<Level>,
}

impl Growth {
    fn of(book: &Book, top: usize) -> Option<Self> {
        let levels = book.levels();
        let best_of = |keep: &dyn Fn(usize) -> bool| {
            levels
                .iter()
                .filter(|level| keep(level.workers))
                .max_by(|a, b| a.log.total_cmp(&b.log))
                .copied()
        };
        let last = best_of(&|workers| workers * 2 > top)?;
        Some(Self { last, before: best_of(&|workers| workers * 2 <= top) })
    }

    /// Whether the last octave still gained, if the true gain is so many standard errors above the
    /// measured one.
    fn goes_on(&self, errors: f64) -> bool {
        self.before.is_none_or(|before| {
            let gain = self.last.log - before.log;
            gain + errors * self.last.error.hypot(before.error) >= 2.0 * TOLERANCE
        })
    }

    /// Whether throughput grew by more than `part` of the growth of the count, both as logarithms.
    fn exceeds(&self, part: f64) -> bool {
        let step = |before: Level| (self.last.workers as f64 / before.workers as f64).ln();
        self.before.is_some_and(|before| self.last.log - before.log > part * step(before))
    }
}

/// Whether the counts worth looking at are far above these.
pub(super) fn is_far_below(space: &Space, book: &Book, counts: &[usize]) -> bool {
    let top = counts.iter().copied().max().filter(|top| *top < space.max);
    top.and_then(|top| Growth::of(book, top)).is_some_and(|growth| growth.exceeds(HALF))
}

/// The counts that tell whether the last octave of `counts` still gained, if that is in doubt. One
/// more look at them costs less than an octave.
pub(super) fn doubtful(space: &Space, book: &Book, counts: &[usize]) -> Option<Vec<usize>> {
    let top = counts.iter().copied().max().filter(|top| *top < space.max)?;
    let growth = Growth::of(book, top)?;
    let is_open = growth.goes_on(DOUBT) && !growth.goes_on(-DOUBT);
    let mut counts = vec![growth.before?.workers, growth.last.workers, top];
    counts.dedup();
    is_open.then_some(counts)
}

/// The next octave and the best count so far, if the last octave of `counts` still gained. Where
/// growth is steep, the next two octaves.
pub(super) fn extension(space: &Space, book: &Book, counts: &[usize]) -> Option<Vec<usize>> {
    let top = counts.iter().copied().max().filter(|top| *top < space.max)?;
    let growth = Growth::of(book, top).filter(|growth| growth.goes_on(BENEFIT))?;
    let factor = if growth.exceeds(NEARLY) { 4 } else { 2 };
    let mut next = between(space, top + 1, (factor * top).min(space.max), 1.0);
    next.push(growth.last.workers); // The anchor that ties these blocks to the earlier ones.
    Some(next)
}

/// Counts between `low` and `high`, and the hints between them. `low` and `high` themselves are
/// included where they begin or end the space.
fn between(space: &Space, low: usize, high: usize, per_octave: f64) -> Vec<usize> {
    let mut counts: Vec<usize> = (0_i32..200)
        .map(|i| (f64::from(i) / per_octave).exp2().round() as usize)
        .take_while(|&count| count < high)
        .filter(|&count| count >= low)
        .collect();
    counts.push(high);
    counts.extend(space.hints.iter().copied().filter(|hint| (low..=high).contains(hint)));
    counts.retain(|count| space.allows(*count));
    counts.sort_unstable();
    counts.dedup();
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(max: usize, left: f64, cost: f64) -> Vec<usize> {
        let space = Space { max, start: 8, hints: vec![2], flat: None };
        first(&space, &Purse { left, cost: &|_| cost })
    }

    #[test]
    fn a_small_purse_still_compares_two_counts() {
        assert_eq!(counts(8, 100.0, 1.0), [1, 2, 3, 4, 6, 8]);
        assert_eq!(counts(8, 4.5, 1.0), [1, 2, 4, 8]);
        assert_eq!(counts(8, 2.5, 1.0), [1, 8]);
        assert_eq!(counts(8, 1.5, 1.0), [1]);
    }

    #[test]
    fn the_first_look_into_an_open_space_is_coarse() {
        assert_eq!(counts(64, 100.0, 1.0), [1, 2, 4, 8]);
    }
}
