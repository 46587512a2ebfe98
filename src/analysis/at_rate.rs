//! Tasks at a rate: which counts hold the rate, and which is the smallest of them.

use super::findings::{
    AtRate, Curve, Knee, LimitedOptimum, Point, RateAnswer, RateCell, TailLimit, Verdict,
};
use super::queue;
use super::round::Rounded;
use crate::plan::hold::REACHED;
use crate::plan::{Arrivals, Limits, Mode, Tail};
use crate::run::Sample;
use crate::stats::exceed::{FEW, is_shown};
use crate::stats::median::median;
use crate::units::{Quantity, workers};

/// The factor on the rounds that is stated if a smaller count must still be tried.
const GAP: f64 = 1.5;

/// What the rounds of one count show; `None` where tasks did not arrive at a rate.
pub(super) fn of(samples: &[&Sample]) -> Option<AtRate> {
    let rounds: Vec<_> =
        samples.iter().filter_map(|sample| Some((sample, sample.arrived?))).collect();
    let due: f64 = rounds.iter().map(|(_, arrived)| arrived.due as f64).sum();
    if due <= 0.0 {
        return None;
    }
    let grown: f64 = rounds
        .iter()
        .map(|(_, arrived)| arrived.waiting as f64 - arrived.waiting_before as f64)
        .sum();
    let share = (1.0 - grown / due).clamp(0.0, 1.0);
    let rate = rounds[0].1.asked.rate;
    let backlogs: Vec<f64> = rounds.iter().map(|(_, arrived)| arrived.waiting as f64).collect();
    let services: Vec<f64> = rounds.iter().map(|(_, arrived)| arrived.service).collect();
    let variations: Vec<f64> =
        rounds.iter().filter_map(|(_, arrived)| arrived.service_variation).collect();
    let windows: Vec<&[(u64, u64)]> =
        rounds.iter().map(|(sample, _)| sample.latency.as_slice()).collect();
    Some(AtRate {
        came: rate,
        held: (rate * share).rounded(),
        reached: share >= REACHED,
        backlog: median(&backlogs).unwrap_or(0.0),
        p50_at_most: at_most(&windows, Tail::P50),
        p90_at_most: at_most(&windows, Tail::P90),
        p95_at_most: at_most(&windows, Tail::P95),
        p99_at_most: at_most(&windows, Tail::P99),
        p999_at_most: at_most(&windows, Tail::P999),
        service: median(&services).unwrap_or(0.0).rounded(),
        service_variation: median(&variations).rounded(),
        waited: None,
        theory: None,
        holds: false,
    })
}

/// The smallest latency that is known to keep the percentile `tail`: with 95 % confidence, no more
/// tasks take longer than the percentile allows. `windows` holds the latencies of each round as
/// `(nanoseconds, how many)`.
fn at_most(windows: &[&[(u64, u64)]], tail: Tail) -> Option<f64> {
    if windows.len() < FEW {
        return None;
    }
    let sums: Vec<Vec<(u64, f64)>> = windows.iter().map(|window| summed(window)).collect();
    let mut values: Vec<u64> = windows.iter().flat_map(|one| one.iter().map(|(v, _)| *v)).collect();
    values.sort_unstable();
    values.dedup();
    let shown = |value: &&u64| {
        let counts: Vec<(f64, f64)> = sums.iter().map(|sums| above(sums, **value)).collect();
        is_shown(&counts, tail.beyond())
    };
    let last = values.iter().rev().take_while(shown).last();
    last.map(|nanos| *nanos as f64 * 1e-9)
}

/// Cumulated latencies of a window: how many tasks took at most each value.
fn summed(window: &[(u64, u64)]) -> Vec<(u64, f64)> {
    let mut sorted = window.to_vec();
    sorted.sort_unstable();
    let mut sum = 0.0;
    sorted
        .into_iter()
        .map(|(value, count)| {
            sum += count as f64;
            (value, sum)
        })
        .collect()
}

/// How many tasks of a window took longer than `value`, and how many tasks there are.
fn above(sums: &[(u64, f64)], value: u64) -> (f64, f64) {
    let all = sums.last().map_or(0.0, |(_, sum)| *sum);
    let place = sums.partition_point(|(one, _)| *one <= value);
    let below = place.checked_sub(1).map_or(0.0, |last| sums[last].1);
    (all - below, all)
}

/// Judges each count of a curve. It removes the figures that only make sense where workers are
/// always busy: comparisons, laws and the bound. `alone` is how long a single task takes, where the
/// rounds cannot show that, as with servers.
pub(super) fn judge(curve: &mut Curve, asked: Arrivals, limits: &Limits, alone: Option<f64>) {
    for point in &mut curve.points {
        judge_point(point, asked, limits, alone);
    }
    let most = asked.most.then(|| most_held(curve.points.iter().map(|p| (p, limits))));
    let is_enough = |point: &&Point| most.is_none_or(|most| rate_of(point) >= most);
    let holding = || {
        let holding = curve.points.iter().filter(|point| holds(point) && keeps(point, limits));
        holding.filter(is_enough)
    };
    let found = holding().map(|point| point.workers).next();
    let as_good: Vec<f64> = holding().map(|point| point.workers).collect();
    let broken = curve.points.iter().filter(|point| !(holds(point) && keeps(point, limits)));
    curve.limits = Some(LimitedOptimum {
        asked: wanted(asked, limits),
        workers: found,
        cost: None,
        broken: broken
            .map(|point| format!("{}: {}", workers(point.workers), why(point, limits)))
            .collect(),
    });
    curve.knee =
        found.map(|workers| Knee { workers, loss: None, regret: None, as_good, more: None });
    (curve.optimum, curve.usl, curve.bound, curve.price) = (None, None, None, None);
    curve.laws.clear();
    curve.warnings.clear();
    curve.fit_remarks.clear();
}

/// Judges one cell.
pub(super) fn judge_point(point: &mut Point, asked: Arrivals, limits: &Limits, alone: Option<f64>) {
    (point.speedup, point.efficiency) = (None, None);
    let mean = point.latency.map(|latency| latency.mean);
    let Some(seen) = &mut point.at_rate else { return };
    let service = alone.unwrap_or(seen.service);
    seen.service = service.rounded();
    seen.waited = mean.map(|mean| (mean - service).max(0.0)).rounded();
    // The service times that a client sees of a server include waiting inside the server.
    let variation = seen.service_variation.filter(|_| alone.is_none());
    seen.service_variation = variation;
    seen.theory = queue::theory(point.workers, asked.at(seen.came), service, variation);
    let kept = |(tail, most): &(Tail, f64)| seen.at_most(*tail).is_some_and(|time| time <= *most);
    seen.holds = seen.reached && limits.tails().iter().all(kept);
}

fn holds(point: &Point) -> bool {
    point.at_rate.is_some_and(|seen| seen.holds)
}

/// The rate at which tasks arrived at a point.
fn rate_of(point: &Point) -> f64 {
    point.at_rate.map_or(0.0, |seen| seen.came)
}

/// Nearly the highest rate that any of these points holds. Rates closer than the steps between
/// tried rates count as equal.
fn most_held<'p>(points: impl Iterator<Item = (&'p Point, &'p Limits)>) -> f64 {
    const ALIKE: f64 = 0.92;
    let holding = points.filter(|(point, limits)| holds(point) && keeps(point, limits));
    ALIKE * holding.map(|(point, _)| rate_of(point)).fold(0.0, f64::max)
}

fn keeps(point: &Point, limits: &Limits) -> bool {
    limits.max_memory.is_none_or(|most| point.peak_memory.is_some_and(|memory| memory <= most))
}

/// Whether a cell may hold the rate although that was not shown.
fn may_hold(point: &Point, limits: &Limits) -> bool {
    let in_time = |(tail, most): &(Tail, f64)| point.tail(*tail).is_some_and(|time| time <= *most);
    limits.tails().iter().all(in_time) && point.at_rate.is_some_and(|seen| seen.reached)
}

fn wanted(asked: Arrivals, limits: &Limits) -> Vec<String> {
    let mut all = vec![asked.to_string()];
    all.extend(limits.tails().into_iter().map(|(tail, most)| {
        let most = Quantity::Duration.round_text(most);
        format!("{} <= {most} with 95 % confidence", tail.name())
    }));
    all.extend(
        limits.max_memory.map(|most| format!("memory <= {}", Quantity::Memory.round_text(most))),
    );
    all
}

/// Why a count does not hold the rate.
fn why(point: &Point, limits: &Limits) -> String {
    match point.at_rate {
        Some(seen) if !seen.reached => held(&seen),
        Some(_) => late(point, limits),
        None => "nothing came".to_owned(),
    }
}

/// Text such as `held 312/s of 500/s`.
pub(crate) fn held(seen: &AtRate) -> String {
    let rate = |rate: f64| Quantity::Count.text(if rate < 100.0 { rate } else { rate.round() });
    if seen.reached {
        format!("held {}/s", rate(seen.came))
    } else {
        format!("held {}/s of {}/s", rate(seen.held), rate(seen.came))
    }
}

/// Text such as `p99 12.1 ms, at most 15.0 ms`, for each percentile with a limit; without limits,
/// for the 99th.
fn late(point: &Point, limits: &Limits) -> String {
    let mut tails: Vec<Tail> = limits.tails().into_iter().map(|(tail, _)| tail).collect();
    if tails.is_empty() {
        tails.push(Tail::P99);
    }
    let one = |tail: Tail| {
        let text = |time: f64| Quantity::Duration.text(time);
        let middle = point.tail(tail).map_or_else(|| "unknown".to_owned(), text);
        match point.at_rate.and_then(|seen| seen.at_most(tail)) {
            Some(most) => format!("{} {middle}, at most {}", tail.name(), text(most)),
            None => format!("{} {middle}, with too few tasks to say at most what", tail.name()),
        }
    };
    tails.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

fn cell(mode: &str, point: &Point) -> Option<RateCell> {
    let seen = point.at_rate?;
    Some(RateCell {
        mode: mode.to_owned(),
        workers: point.workers,
        held: seen.held,
        p99: point.p99(),
        p99_at_most: seen.p99_at_most,
    })
}

/// Whether counts right below the smallest holding count were not tried. The smallest that holds
/// may then be one of them. A count that does not hold rules out all smaller ones.
fn leaves_a_gap(tried: impl Iterator<Item = f64>, holding: f64) -> bool {
    let largest = tried.filter(|count| *count < holding).fold(0.0, f64::max);
    holding - largest > 1.0
}

/// The answer over all modes: the fewest workers that hold the rate, in the simplest mode. If
/// counts were `searched` for and the count below was not tried, the answer is not settled.
pub(super) fn answer(
    label: &str,
    serial: Option<&Point>,
    curves: &[Curve],
    (asked, searched): (Arrivals, bool),
    limits: &Limits,
) -> (RateAnswer, Option<Verdict>) {
    let serial = serial.into_iter().map(|point| (Mode::Serial.name(), point));
    let others =
        curves.iter().flat_map(|curve| curve.points.iter().map(|p| (curve.name.as_str(), p)));
    let cells: Vec<(&str, &Point)> = serial.chain(others).collect();
    let rank = |mode: &str| Mode::named(mode).map_or(u8::MAX, |mode| mode.description().rank);
    let simplest = |a: &&(&str, &Point), b: &&(&str, &Point)| {
        a.1.workers.total_cmp(&b.1.workers).then_with(|| rank(a.0).cmp(&rank(b.0)))
    };
    let most = asked.most.then(|| most_held(cells.iter().map(|(_, point)| (*point, limits))));
    let is_enough = |point: &Point| most.is_none_or(|most| rate_of(point) >= most);
    let fits =
        |(_, point): &&(&str, &Point)| holds(point) && keeps(point, limits) && is_enough(point);
    let found = cells.iter().filter(fits).min_by(simplest);
    let held = |point: &Point| {
        point.at_rate.map_or(0.0, |seen| if seen.reached { seen.came } else { seen.held })
    };
    let p99 = |point: &Point| point.p99().unwrap_or(f64::INFINITY);
    let most = cells
        .iter()
        .filter(|(_, point)| point.at_rate.is_some())
        .max_by(|a, b| held(a.1).total_cmp(&held(b.1)).then_with(|| p99(b.1).total_cmp(&p99(a.1))));
    let open = cells.iter().any(|(_, point)| may_hold(point, limits) && keeps(point, limits));
    let gap = found.filter(|_| searched && !asked.most).is_some_and(|(mode, best)| {
        let own = cells.iter().filter(|(other, _)| other == mode);
        leaves_a_gap(own.map(|(_, point)| point.workers), best.workers)
    });
    let sure = if found.is_some() { !gap } else { !open };
    let wanted = wanted(asked, limits).join(", ");
    let told = |(mode, point): &(&str, &Point)| {
        let seen = point.at_rate.map_or_else(String::new, |seen| self::held(&seen));
        format!("{} ({mode}) {seen}, {}", workers(point.workers), late(point, limits))
    };
    let sentence = match (found, most) {
        (Some(best), _) => {
            let doubt = if gap { " (not settled: fewer were not all tried)" } else { "" };
            format!("{label}: {}; asked for {wanted}{doubt}", told(best))
        }
        (None, Some(most)) if sure => {
            format!("{label}: nothing that was tried holds {wanted}; the most: {}", told(most))
        }
        (None, Some(most)) => {
            format!(
                "{label}: nothing is shown to hold {wanted}; the most: {} (not settled)",
                told(most)
            )
        }
        (None, None) => format!("{label}: no figure"),
    };
    let verdict = found.or(most).map(|(mode, point)| Verdict {
        mode: (*mode).to_owned(),
        workers: point.workers,
        speedup: None,
        others: Vec::new(),
        conclusive: sure,
        regret: None,
        times_the_rounds: gap.then_some(GAP),
        asides: Vec::new(),
        sentence: sentence.clone(),
    });
    let of = |one: Option<&(&str, &Point)>| one.and_then(|(mode, point)| cell(mode, point));
    let most = if found.is_some() { None } else { of(most) };
    let found = of(found);
    let max_p99 = limits.max_p99;
    let limits = limits.tails().into_iter();
    let limits = limits.map(|(tail, most)| TailLimit { percentile: tail.name().into(), most });
    let limits = limits.collect();
    (RateAnswer { asked, max_p99, limits, found, most, sure, sentence }, verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(windows: &[Vec<(u64, u64)>]) -> Option<f64> {
        let windows: Vec<&[(u64, u64)]> = windows.iter().map(Vec::as_slice).collect();
        at_most(&windows, Tail::P99)
    }

    #[test]
    fn a_count_below_that_was_not_tried_leaves_a_gap() {
        let gap = |tried: &[f64]| leaves_a_gap(tried.iter().copied(), 3.0);
        assert!(gap(&[1.0, 3.0, 8.0]) && gap(&[3.0]));
        assert!(!gap(&[2.0, 3.0]));
        assert!(!leaves_a_gap([1.0].into_iter(), 1.0), "there is no smaller one");
    }

    const MS: u64 = 1_000_000;

    #[test]
    fn a_p99_is_shown_from_as_many_independent_tasks_as_binomials_ask_for() {
        // With 95 % confidence, the largest of 299 values lies above the 99th percentile. The
        // largest of 298 does not.
        let window = |tasks: u64| vec![(MS, tasks - 1), (2 * MS, 1)];
        assert_eq!(most(&[window(100), window(100), window(99)]), Some(0.002));
        assert_eq!(most(&[window(100), window(99), window(99)]), None);
        assert_eq!(most(&[window(1000), window(1000)]), None, "two windows tell nothing");
        let many = vec![vec![(MS, 9990), (2 * MS, 10)]; 6];
        assert_eq!(most(&many), Some(0.001), "a tenth of a per cent may take longer");
    }

    #[test]
    fn a_stall_in_one_window_of_many_shows() {
        let quiet = vec![(MS, 1000)];
        let mut windows = vec![quiet.clone(); 12];
        assert_eq!(most(&windows), Some(0.001));
        windows[5] = vec![(MS, 900), (800 * MS, 100)];
        // 100 of 12 000 tasks are less than 1 %, but the next windows may have more.
        assert_eq!(most(&windows), Some(0.8));
    }
}
