//! A pool of N never runs more than N tasks; further tasks wait.

use std::time::Duration;

use knee_process::{Entry, Pool, function};

use super::figures::{Figure, picture};
use super::{Experiment, Measured, Place, Verdict};
use crate::clock;

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "pool",
    claim: "A pool of N processes never runs more than N tasks at once; further tasks wait",
    bent_by_load: false,
    run,
};

/// Tasks per worker, so many that most of them must wait.
const TASKS: usize = 4;
/// Milliseconds that a task sleeps.
const LENGTH: u64 = 10;

pub(super) fn entries() -> Vec<Entry> {
    vec![function(stay), function(super::order::worked)]
}

/// When a task began and ended, in nanoseconds on the clock that all processes share.
pub(super) type Span = (u64, u64);

/// Sleeps for some milliseconds.
fn stay(milliseconds: u64) -> Span {
    let start = clock::shared_nanos();
    std::thread::sleep(Duration::from_millis(milliseconds));
    (start, clock::shared_nanos())
}

fn run(place: &Place) -> Result<Measured, String> {
    let mut sizes = vec![1, 2, 3, 2 * place.cores];
    sizes.sort_unstable();
    sizes.dedup();
    let (mut figures, mut kept, mut waited) = (Vec::new(), true, true);
    for &size in &sizes {
        let spans = spans(size)?;
        let most = most_at_once(&spans);
        kept &= most <= size;
        waited &= waited_their_turn(&spans, size);
        figures.push(Figure::exactly(format!("at most at once, pool of {size}"), most as f64));
    }
    let join = |words: Vec<String>| words.join(", ");
    let found = join(figures.iter().map(|figure| figure.median.to_string()).collect());
    let sizes = join(sizes.iter().map(ToString::to_string).collect());
    Ok(Measured {
        verdict: Verdict::of(Some(kept && waited)),
        evidence: format!(
            "of {TASKS}N tasks of {LENGTH} ms given at once, pools of {sizes} ran at most {found} \
             at once; {}",
            if waited {
                "every further task began after another had ended"
            } else {
                "some did not wait"
            }
        ),
        picture: picture("Tasks at once in a pool of N", &figures, None),
        figures,
    })
}

/// When the tasks of a pool of this size ran.
fn spans(size: usize) -> Result<Vec<Span>, String> {
    let told = |error: knee_process::Error| error.to_string();
    let pool = Pool::builder().workers(size).build().map_err(told)?;
    pool.wait_ready(Duration::from_secs(10)).map_err(told)?;
    let handles: Vec<_> = (0..TASKS * size)
        .map(|_| pool.apply_async(stay, (LENGTH,)))
        .collect::<Result<_, _>>()
        .map_err(told)?;
    handles.into_iter().map(|handle| handle.wait().map_err(|error| error.to_string())).collect()
}

/// The largest number of spans that have a moment in common.
fn most_at_once(spans: &[Span]) -> usize {
    let at = |moment: u64| spans.iter().filter(|(from, to)| (*from..*to).contains(&moment)).count();
    spans.iter().map(|(from, _)| at(*from)).max().unwrap_or(0)
}

/// Whether each task beyond the first N began only after enough others had ended.
fn waited_their_turn(spans: &[Span], size: usize) -> bool {
    let mut starts: Vec<u64> = spans.iter().map(|span| span.0).collect();
    let mut ends: Vec<u64> = spans.iter().map(|span| span.1).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    starts.iter().skip(size).zip(&ends).all(|(start, end)| start >= end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_counted() {
        assert_eq!(most_at_once(&[(0, 10), (5, 15), (10, 20)]), 2);
        assert_eq!(most_at_once(&[]), 0);
        assert!(waited_their_turn(&[(0, 10), (1, 11), (10, 20), (12, 20)], 2));
        assert!(!waited_their_turn(&[(0, 10), (1, 11), (9, 20), (12, 20)], 2));
    }
}
