//! Tasks that came at a rate: what each count held, and which is the smallest that holds all.

use super::findings::{
    AtRate, Curve, Knee, LimitedOptimum, Point, RateAnswer, RateCell, Remark, Verdict, Waiting,
};
use super::round::Rounded;
use crate::plan::hold::{EXCEEDING, REACHED};
use crate::plan::{Arrivals, Limits, Mode};
use crate::run::Sample;
use crate::stats::median::median;
use crate::stats::{queueing, special, student};
use crate::units::{Quantity, workers};

/// With fewer windows nothing tells how they differ.
const FEW: usize = 3;
/// What is said holds with this confidence.
const CONFIDENCE: f64 = 0.95;

/// What the rounds of one count tell; `None` where tasks did not come by themselves.
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
    let windows: Vec<&[(u64, u64)]> =
        rounds.iter().map(|(sample, _)| sample.latency.as_slice()).collect();
    Some(AtRate {
        came: rate,
        held: (rate * share).rounded(),
        reached: share >= REACHED,
        backlog: median(&backlogs).unwrap_or(0.0),
        p99_at_most: at_most(&windows),
        service: median(&services).unwrap_or(0.0).rounded(),
        waited: None,
        theory: None,
        holds: false,
    })
}

/// The smallest latency of which it can be said with 95 % confidence that at most 1 % of all tasks
/// take longer; `windows` hold the latencies of each round as `(nanoseconds, how many)`.
///
/// Tasks of one window wait for each other, so they are no independent samples: the share of those
/// that take longer is judged by how it differs between windows (the ratio estimate of a sample of
/// clusters, with Student's t), and never more narrowly than if all tasks were independent.
fn at_most(windows: &[&[(u64, u64)]]) -> Option<f64> {
    if windows.len() < FEW {
        return None;
    }
    let sums: Vec<Vec<(u64, f64)>> = windows.iter().map(|window| summed(window)).collect();
    let mut values: Vec<u64> = windows.iter().flat_map(|one| one.iter().map(|(v, _)| *v)).collect();
    values.sort_unstable();
    values.dedup();
    let t = student::quantile(CONFIDENCE, (windows.len() - 1) as f64);
    let shown = |value: &&u64| {
        let counts: Vec<(f64, f64)> = sums.iter().map(|sums| above(sums, **value)).collect();
        is_shown(&counts, t)
    };
    let last = values.iter().rev().take_while(shown).last();
    last.map(|nanos| *nanos as f64 * 1e-9)
}

/// The latencies of a window with how many tasks took at most so long.
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

/// How many tasks of a window took longer than `value`, and how many there are.
fn above(sums: &[(u64, f64)], value: u64) -> (f64, f64) {
    let all = sums.last().map_or(0.0, |(_, sum)| *sum);
    let place = sums.partition_point(|(one, _)| *one <= value);
    let below = place.checked_sub(1).map_or(0.0, |last| sums[last].1);
    (all - below, all)
}

/// Whether at most 1 % exceed, by windows of `(exceeding, all)` tasks.
fn is_shown(windows: &[(f64, f64)], t: f64) -> bool {
    let exceeding: f64 = windows.iter().map(|(exceeding, _)| exceeding).sum();
    let all: f64 = windows.iter().map(|(_, all)| all).sum();
    if all <= exceeding {
        return false;
    }
    let share = exceeding / all;
    let count = windows.len() as f64;
    let squares: f64 = windows.iter().map(|(x, n)| (x - share * n).powi(2)).sum();
    let error = (squares * count / (count - 1.0)).sqrt() / all;
    // Of independent tasks of which 1 % exceed, so few would exceed in 5 % of samples.
    let independent = 1.0 - special::beta_share(exceeding + 1.0, all - exceeding, EXCEEDING);
    share + t * error <= EXCEEDING && independent <= 1.0 - CONFIDENCE
}

/// Judges each count of a curve, and takes out of it what means something only where workers are
/// always busy: against others, by laws, and by what binds it. `alone` is how long a task takes
/// where that cannot be seen from here, as with servers.
pub(super) fn judge(curve: &mut Curve, asked: Arrivals, limits: &Limits, alone: Option<f64>) {
    for point in &mut curve.points {
        judge_point(point, asked, limits, alone);
    }
    let holding = || curve.points.iter().filter(|point| holds(point) && keeps(point, limits));
    let found = holding().map(|point| point.workers).next();
    let as_good: Vec<f64> = holding().map(|point| point.workers).collect();
    let broken = curve.points.iter().filter(|point| !(holds(point) && keeps(point, limits)));
    curve.limits = Some(LimitedOptimum {
        asked: wanted(asked, limits),
        workers: found,
        cost: None,
        broken: broken.map(|point| format!("{}: {}", workers(point.workers), why(point))).collect(),
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
    let (count, load) = (point.workers.round() as u32, asked.rate * service);
    seen.theory = queueing::erlang_c(count, load).and_then(|probability| {
        let mean = queueing::mean_wait(count, load, service)?.rounded();
        // What is shorter than a clock can tell is nothing.
        let mean = if mean < 1e-9 { 0.0 } else { mean };
        let busy = (load / f64::from(count)).rounded();
        Some(Waiting { busy, probability: probability.rounded(), mean })
    });
    let kept = limits.max_p99.is_none_or(|most| seen.p99_at_most.is_some_and(|p99| p99 <= most));
    seen.holds = seen.reached && kept;
}

fn holds(point: &Point) -> bool {
    point.at_rate.is_some_and(|seen| seen.holds)
}

fn keeps(point: &Point, limits: &Limits) -> bool {
    limits.max_memory.is_none_or(|most| point.peak_memory.is_some_and(|memory| memory <= most))
}

/// Whether a cell that was not shown to hold may do so all the same.
fn may_hold(point: &Point, limits: &Limits) -> bool {
    let in_time = limits.max_p99.is_none_or(|most| point.p99().is_some_and(|p99| p99 <= most));
    in_time && point.at_rate.is_some_and(|seen| seen.reached)
}

fn wanted(asked: Arrivals, limits: &Limits) -> Vec<String> {
    let mut all = vec![asked.to_string()];
    all.extend(limits.max_p99.map(|most| {
        format!("p99 <= {} with 95 % confidence", Quantity::Duration.round_text(most))
    }));
    all.extend(
        limits.max_memory.map(|most| format!("memory <= {}", Quantity::Memory.round_text(most))),
    );
    all
}

/// What keeps a count from holding.
fn why(point: &Point) -> String {
    match point.at_rate {
        Some(seen) if !seen.reached => held(&seen),
        Some(seen) => p99(point.p99(), seen.p99_at_most),
        None => "nothing came".to_owned(),
    }
}

/// `held 312/s of 500/s`.
pub(crate) fn held(seen: &AtRate) -> String {
    let rate = |rate: f64| Quantity::Count.text(if rate < 100.0 { rate } else { rate.round() });
    if seen.reached {
        format!("held {}/s", rate(seen.came))
    } else {
        format!("held {}/s of {}/s", rate(seen.held), rate(seen.came))
    }
}

/// `p99 12.1 ms, at most 15.0 ms`.
fn p99(middle: Option<f64>, most: Option<f64>) -> String {
    let middle = middle.map_or_else(|| "unknown".to_owned(), |p99| Quantity::Duration.text(p99));
    match most {
        Some(most) => format!("p99 {middle}, at most {}", Quantity::Duration.text(most)),
        None => format!("p99 {middle}, with too few tasks to say at most what"),
    }
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

/// The answer over all modes: the fewest workers that hold what was asked, in the simplest mode.
pub(super) fn answer(
    label: &str,
    serial: Option<&Point>,
    curves: &[Curve],
    asked: Arrivals,
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
    let fits = |(_, point): &&(&str, &Point)| holds(point) && keeps(point, limits);
    let found = cells.iter().filter(fits).min_by(simplest);
    let held = |point: &Point| {
        point.at_rate.map_or(0.0, |seen| if seen.reached { seen.came } else { seen.held })
    };
    let late = |point: &Point| point.p99().unwrap_or(f64::INFINITY);
    let most = cells.iter().filter(|(_, point)| point.at_rate.is_some()).max_by(|a, b| {
        held(a.1).total_cmp(&held(b.1)).then_with(|| late(b.1).total_cmp(&late(a.1)))
    });
    let open = cells.iter().any(|(_, point)| may_hold(point, limits) && keeps(point, limits));
    let sure = found.is_some() || !open;
    let wanted = wanted(asked, limits).join(", ");
    let told = |(mode, point): &(&str, &Point)| {
        let seen = point.at_rate.map_or_else(String::new, |seen| self::held(&seen));
        let most = point.at_rate.and_then(|seen| seen.p99_at_most);
        format!("{} ({mode}) {seen}, {}", workers(point.workers), p99(point.p99(), most))
    };
    let sentence = match (found, most) {
        (Some(best), _) => format!("{label}: {}; asked for {wanted}", told(best)),
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
        times_the_rounds: None,
        asides: Vec::new(),
        sentence: sentence.clone(),
    });
    let of = |one: Option<&(&str, &Point)>| one.and_then(|(mode, point)| cell(mode, point));
    let most = if found.is_some() { None } else { of(most) };
    let found = of(found);
    (RateAnswer { asked, max_p99: limits.max_p99, found, most, sure, sentence }, verdict)
}

/// The theory beside what was measured in the recommended cell.
pub(super) fn remark(point: &Point, asked: Arrivals) -> Option<Remark> {
    let seen = point.at_rate?;
    let (time, share) = (&Quantity::Duration, &Quantity::Share);
    let tasks =
        format!("{} and tasks of {} at {asked}", workers(point.workers), time.text(seen.service));
    let text = match (seen.theory, seen.waited) {
        (Some(theory), Some(waited)) => {
            let ratio = waited / theory.mean.max(1e-9);
            let differs = if (waited - theory.mean).abs() < 200e-6 || (0.7..=1.4).contains(&ratio) {
                "about as it says"
            } else if ratio < 1.0 && asked.even {
                "less: it takes exponential gaps, and these were even"
            } else if ratio < 1.0 {
                "less: it takes exponential times of service, and these differ less"
            } else {
                "more: workers share CPUs or something else, or tasks take more unequal times than \
                 it takes"
            };
            format!(
                "by theory (M/M/n: Erlang C) with {tasks} workers are busy {} of their time, {} of the tasks wait, and \
                 all wait {} on average; measured: {}, {differs}",
                share.text(theory.busy),
                share.text(theory.probability),
                time.text(theory.mean),
                time.text(waited),
            )
        }
        (None, _) => {
            format!("by theory (M/M/n) {tasks} cannot keep up, and the queue grows for ever")
        }
        (Some(_), None) => return None,
    };
    Some(Remark { warning: false, text, remedy: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(windows: &[Vec<(u64, u64)>]) -> Option<f64> {
        let windows: Vec<&[(u64, u64)]> = windows.iter().map(Vec::as_slice).collect();
        at_most(&windows)
    }

    const MS: u64 = 1_000_000;

    #[test]
    fn a_p99_is_shown_from_as_many_independent_tasks_as_binomials_ask_for() {
        // The largest of 299 lies above the 99th percentile with 95 %, that of 298 does not.
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
        // 100 of 12 000 are less than 1 %, but nobody can promise that of the next windows.
        assert_eq!(most(&windows), Some(0.8));
    }

    #[test]
    fn the_interval_over_windows_covers_what_it_says() {
        // Windows differ: in each, a share that is drawn anew exceeds; 1 % on average.
        let mut rng = crate::rng::Rng::new(5);
        let (mut wrong, runs) = (0, 2000);
        for _ in 0..runs {
            let windows: Vec<(f64, f64)> = (0..16)
                .map(|_| {
                    let share = 0.01 * -rng.unit().ln();
                    let hits = (0..300).filter(|_| rng.unit() < share).count();
                    (hits as f64, 300.0)
                })
                .collect();
            wrong += u32::from(is_shown(&windows, student::quantile(CONFIDENCE, 15.0)));
        }
        let share = f64::from(wrong) / f64::from(runs);
        // Skewed shares make Student's t promise a little too much.
        assert!(share < 0.12, "{share} of the runs said so wrongly");
    }
}
