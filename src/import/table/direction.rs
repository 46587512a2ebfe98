//! What only the figures show: whether more or less is better, and whether the work grows with the
//! workers.

use super::super::guess::{About, Guess};
use super::super::{Fault, Series};

/// A smaller change of the figures shows nothing.
const CLEAR: f64 = 1.15;
/// If times stay within this factor while workers grow by [`GROWN`] or more, they hardly change.
const FLAT: f64 = 1.5;
/// If times fall below this factor, more workers do help.
const HELPED: f64 = 0.8;
/// Factor of growth in workers.
const GROWN: f64 = 4.0;

/// The better direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

/// The medians of a series by worker count, ascending.
pub(super) fn levels(series: &Series) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> =
        series.observations.iter().map(|one| (one.workers, one.throughput)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    all.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq())
        .map(|cell| (cell[0].0, cell[cell.len() / 2].1))
        .collect()
}

/// The direction that one series shows in its first steps: at first, more workers nearly always
/// help.
fn shown(series: &Series) -> Option<Better> {
    let levels = levels(series);
    let (first, rest) = levels.split_first()?;
    let early: Vec<f64> = rest
        .iter()
        .filter(|level| level.0 <= 8.0 * first.0)
        .map(|level| level.1 / first.1)
        .collect();
    let early =
        if early.is_empty() { rest.iter().map(|level| level.1 / first.1).collect() } else { early };
    let most = early.iter().copied().fold(1.0, f64::max);
    let least = early.iter().copied().fold(1.0, f64::min);
    match (most, least) {
        (most, least) if most >= CLEAR && most * least >= CLEAR.sqrt() => Some(Better::More),
        (most, least) if least <= 1.0 / CLEAR && most * least <= CLEAR.sqrt().recip() => {
            Some(Better::Less)
        }
        _ => None,
    }
}

/// Decides which direction is better if nothing else says it, and reports the guess.
pub(super) fn decide(
    series: &mut [Series],
    column: &str,
    is_bare: bool,
) -> Result<Vec<Guess>, Fault> {
    let counts = series.iter().map(|one| levels(one).len()).max().unwrap_or(0);
    let votes: Vec<Better> = series.iter().filter_map(shown).collect();
    let less = votes.iter().filter(|vote| **vote == Better::Less).count();
    let more = votes.len() - less;
    // A single count shows nothing, and has no best count either.
    let is_open = votes.is_empty() || (less > 0 && more > 0);
    if counts > 1 && is_open && !is_bare {
        return Err(Fault::whole(format!(
            "{column} may be a throughput or a time, and the figures do not show which; say --unit \
             s, --unit ops/s or --lower-is-better"
        )));
    }
    let what =
        if less > more { "a time, because it falls" } else { "a throughput, because it rises" };
    let what = if counts > 1 && !is_open {
        format!("{what} with the workers")
    } else {
        "a throughput".to_owned()
    };
    if less > more && !is_open {
        for one in series.iter_mut() {
            for observation in &mut one.observations {
                observation.throughput = observation.throughput.recip();
            }
            "runs".clone_into(&mut one.unit);
        }
    }
    let text = format!("{column} is taken as {what}");
    Ok(vec![Guess::new(About::Direction, text, "--unit s or --unit ops/s")])
}

/// The question to the user if times hardly change.
const QUESTION: &str = "does the work grow with the workers?";

/// If times hardly change while workers grow, either the work grows with the workers or it does not
/// scale.
///
/// `efficiencies` are those that the file states, by worker count.
pub(super) fn weak(series: &mut Series, efficiencies: &[(f64, f64)]) -> Option<Guess> {
    let levels = levels(series);
    let (first, last) = (levels.first()?, levels.last()?);
    // Throughputs here are runs per second, the inverse of times.
    let ratio = |level: &(f64, f64)| first.1 / level.1;
    let flat = levels.iter().all(|level| (HELPED..=FLAT).contains(&ratio(level)));
    let grown = last.0 / first.0;
    let stated = says_weak(&levels, efficiencies);
    if grown < GROWN || !(flat || stated == Some(true)) || stated == Some(false) {
        return None;
    }
    if stated == Some(true) {
        for observation in &mut series.observations {
            observation.throughput *= observation.workers;
        }
        let text = format!(
            "{QUESTION} The efficiencies in the file say so, and every worker is taken to do the \
             work of a run"
        );
        return Some(Guess::new(About::Work, text, "--work-per-worker"));
    }
    let text = format!(
        "{QUESTION} The times hardly change from {} to {} workers; every run is taken to do the \
         same work",
        first.0, last.0
    );
    Some(Guess::new(About::Work, text, "--work-per-worker if it does"))
}

/// Whether stated efficiencies are those of growing work (`t(1) / t(N)`) or of fixed work (`t(1) /
/// t(N) / N`).
fn says_weak(levels: &[(f64, f64)], efficiencies: &[(f64, f64)]) -> Option<bool> {
    let first = levels.first()?;
    let (mut growing, mut fixed, mut seen) = (0, 0, 0);
    for (workers, throughput) in levels.iter().filter(|level| level.0 > first.0) {
        let Some((_, stated)) =
            efficiencies.iter().find(|(count, _)| count.total_cmp(workers).is_eq())
        else {
            continue;
        };
        seen += 1;
        let weak = throughput / first.1;
        let near = |expected: f64| (stated / expected - 1.0).abs() < 0.03;
        growing += usize::from(near(weak));
        fixed += usize::from(near(weak * first.0 / workers));
    }
    match (growing, fixed) {
        _ if seen == 0 => None,
        (growing, _) if growing == seen => Some(true),
        (_, fixed) if fixed == seen => Some(false),
        _ => None,
    }
}
