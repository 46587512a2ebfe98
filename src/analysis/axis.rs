//! A second axis: the best pair of a worker count and a value, the pairs that are as good, and
//! which of these takes the fewest workers in all.

use super::doubt;
use super::findings::{Axis, AxisValue, Curve, Estimate, Pair, Usl, WorkloadFindings};
use super::laws::usl::fit_usl;
use super::nodes;
use super::optimum::settled;
use crate::plan::{Also, Entry, Mode};
use crate::record::Record;
use crate::stats::knee::{Known, first_within};
use crate::stats::median::median;

/// Width of a 95 % interval in standard errors.
const ENDS: f64 = 2.0 * 1.959_963_985;
/// The one-sided 95 % quantile of the normal distribution.
const ONE_SIDED: f64 = 1.644_853_627;
/// Fewer rounds do not tell their error.
const FEW: usize = 3;
/// The assumed standard error of a figure measured once, if nothing else is known.
const ASSUMED: f64 = 0.05;

/// A law over all workers is shown if it explains this share of the variance.
const DESCRIBED: f64 = 0.9;

/// Every second axis of a run. `workloads` are the findings of the plan's entries, without those
/// for shorter tasks.
pub(super) fn axes(record: &Record, workloads: &[WorkloadFindings]) -> Vec<Axis> {
    let plan = &record.header.plan;
    let entries: Vec<&Entry> = plan.subjects().into_iter().map(|at| &plan.entries[at]).collect();
    let mut numbers: Vec<usize> =
        entries.iter().filter_map(|entry| Some(entry.also.as_ref()?.axis)).collect();
    numbers.dedup();
    let tolerance = plan.tolerance;
    numbers
        .into_iter()
        .filter_map(|number| {
            let of = |entry: &&Entry| entry.also.clone().filter(|also| also.axis == number);
            let places: Vec<(usize, Also)> = entries
                .iter()
                .enumerate()
                .filter_map(|(at, entry)| Some((at, of(entry)?)))
                .collect();
            let mut found = axis(&places, workloads, tolerance)?;
            let subjects = plan.subjects();
            let is_disturbed = |at: &usize| doubt::is_disturbed(record, subjects[*at]);
            if places.iter().any(|(at, _)| is_disturbed(at)) {
                found.conclusive = false;
                found.times_the_rounds = None;
            }
            let over_nodes = nodes::entries(record, number);
            if !over_nodes.is_empty() {
                nodes::efficiencies(&mut found.values, workloads);
                found.nodes = nodes::nodes(record, &over_nodes);
                found.usl = fit_usl(&over_all_workers(&places, workloads))
                    .map(|usl| Usl { adequate: usl.r_squared >= DESCRIBED, ..usl });
            }
            Some(found)
        })
        .collect()
}

/// A pair, with what is known about its throughput.
struct Candidate {
    pair: Pair,
    known: Known,
}

fn axis(places: &[(usize, Also)], workloads: &[WorkloadFindings], tolerance: f64) -> Option<Axis> {
    let (_, also) = places.first()?;
    let mut candidates: Vec<Candidate> = places
        .iter()
        .filter_map(|(at, also)| Some((workloads.get(*at)?, also)))
        .flat_map(|(found, also)| of_value(found, also))
        .collect();
    // A figure from too few rounds is assumed to be twice as uncertain as the others.
    let known: Vec<f64> =
        candidates.iter().map(|one| one.known.error).filter(|error| *error > 0.0).collect();
    let unknown = median(&known).map_or(ASSUMED, |error| (2.0 * error).max(ASSUMED));
    for one in candidates.iter_mut().filter(|one| one.known.error <= 0.0) {
        one.known.error = unknown;
    }
    // In order of preference: the fewest workers in all first, then the fewest outer workers.
    candidates.sort_by(|a, b| {
        let all = |one: &Candidate| one.pair.in_all.unwrap_or(one.pair.workers);
        all(a).total_cmp(&all(b)).then(a.pair.workers.total_cmp(&b.pair.workers))
    });
    let levels: Vec<Known> = candidates.iter().map(|one| one.known).collect();
    let best = levels.iter().enumerate().max_by(|(_, a), (_, b)| a.log.total_cmp(&b.log));
    let best = best.map(|(at, known)| (at, *known));
    let knee = first_within(&levels, tolerance);
    let may_lose = -(1.0 - tolerance.clamp(0.0, 0.99)).ln();
    let as_good = |known: &Known| {
        best.is_some_and(|(_, best)| {
            best.log - known.log - ONE_SIDED * known.error.hypot(best.error) <= may_lose
        })
    };
    let pair = |at: usize| candidates[at].pair.clone();
    let regret = knee.and_then(|at| regret(&levels, at)).filter(|share| share.is_finite());
    let limit = settled(tolerance);
    let conclusive = regret.is_some_and(|regret| regret <= limit);
    let times = knee.filter(|_| !conclusive).and_then(|at| times_the_rounds(&levels, at, limit));
    Some(Axis {
        name: also.name.clone(),
        of: {
            let labels = places.iter().filter_map(|(at, also)| Some((workloads.get(*at)?, also)));
            alike(
                &labels.map(|(found, also)| (whose(&found.label, also), also)).collect::<Vec<_>>(),
            )
        },
        multiplies: also.multiplies,
        values: places
            .iter()
            .map(|(workload, also)| AxisValue {
                value: also.value.clone(),
                workload: *workload,
                efficiency: None,
            })
            .collect(),
        set: candidates
            .iter()
            .filter(|one| as_good(&one.known))
            .map(|one| one.pair.clone())
            .collect(),
        best: best.map(|(at, _)| pair(at)),
        knee: knee.map(pair),
        regret,
        conclusive,
        times_the_rounds: times,
        nodes: Vec::new(),
        usl: None,
    })
}

/// How much better than the pair at `at` another pair may be, as a share; `None` if there is no
/// other.
fn regret(levels: &[Known], at: usize) -> Option<f64> {
    let others = levels.iter().enumerate().filter(|(other, _)| *other != at);
    let excess = |other: &Known| {
        let (gap, error) = between(other, &levels[at]);
        (gap + ONE_SIDED * error).exp() - 1.0
    };
    others.map(|(_, other)| excess(other).max(0.0)).reduce(f64::max)
}

/// The factor by which rounds must grow to bring the regret below `limit`. The error shrinks with
/// the root of the number of rounds. `None` if no number of rounds would do.
fn times_the_rounds(levels: &[Known], at: usize, limit: f64) -> Option<f64> {
    let others = levels.iter().enumerate().filter(|(other, _)| *other != at);
    let times = |other: &Known| {
        let (gap, error) = between(other, &levels[at]);
        let room = limit.ln_1p() - gap;
        if room > 0.0 { (ONE_SIDED * error / room).powi(2) } else { f64::INFINITY }
    };
    let most = others.map(|(_, other)| times(other)).reduce(f64::max);
    most.filter(|times| times.is_finite()).map(|times| times.max(1.0))
}

/// The logarithm of the ratio of two throughputs, with its standard error.
fn between(one: &Known, other: &Known) -> (f64, f64) {
    (one.log - other.log, one.error.hypot(other.error))
}

/// The law of throughput over the workers in all.
fn over_all_workers(places: &[(usize, Also)], workloads: &[WorkloadFindings]) -> Vec<(f64, f64)> {
    let values = places.iter().filter_map(|(at, also)| Some((workloads.get(*at)?, also)));
    let pairs = values.flat_map(|(found, also)| of_value(found, also)).map(|one| one.pair);
    pairs.filter_map(|pair| Some((pair.in_all?, pair.throughput.median))).collect()
}

/// The pairs of one value, in the mode that is recommended there.
fn of_value(found: &WorkloadFindings, also: &Also) -> Vec<Candidate> {
    let mode = found.verdict.as_ref().map(|verdict| verdict.mode.as_str());
    let is_named = |curve: &&Curve| mode.is_none_or(|mode| curve.name == mode);
    let curve = found.curves.iter().find(is_named);
    // The serial mode has a point but no curve.
    let alone = found.serial.iter().filter(|_| curve.is_none());
    let name = curve.map_or(Mode::Serial.name(), |curve| curve.name.as_str());
    let points = curve.into_iter().flat_map(|curve| &curve.points).chain(alone);
    points
        .filter(|point| point.throughput.median > 0.0)
        .map(|point| {
            let Estimate { median, low, high } = point.throughput;
            let few = point.samples < FEW;
            let error = if low > 0.0 { (high / low).ln() / ENDS } else { f64::INFINITY };
            let error = if few { 0.0 } else { error };
            let pair = Pair {
                value: also.value.clone(),
                workers: point.workers,
                mode: name.to_owned(),
                in_all: also.multiplies.then(|| point.workers * also.factor()),
                throughput: point.throughput,
            };
            Candidate { pair, known: Known { log: median.ln(), error } }
        })
        .collect()
}

/// One label for all values. If the command contains the value, it shows the name of the axis in
/// braces.
fn alike(labels: &[(String, &Also)]) -> String {
    let words = |label: &str| label.split(' ').map(str::to_owned).collect::<Vec<String>>();
    let Some(((first, also), others)) = labels.split_first() else { return String::new() };
    let others: Vec<Vec<String>> = others.iter().map(|(label, _)| words(label)).collect();
    let first = words(first);
    if others.iter().any(|other| other.len() != first.len()) {
        return first.join(" ");
    }
    let place = format!("{{{}}}", also.name);
    let word = |(at, word): (usize, &String)| {
        let differs = others.iter().any(|other| other[at] != *word);
        if differs { word.replacen(&also.value, &place, 1) } else { word.clone() }
    };
    first.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

/// The label without the value.
fn whose(label: &str, also: &Also) -> String {
    let told = also.told();
    if let Some(rest) = label.strip_prefix(&told) {
        return rest.trim_start().to_owned();
    }
    // `file:op=sync,size=4k`.
    let Some((name, params)) = label.split_once(':') else { return label.to_owned() };
    let rest: Vec<&str> = params.split(',').filter(|pair| *pair != told).collect();
    if rest.is_empty() { name.to_owned() } else { format!("{name}:{}", rest.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::planted;

    /// A value whose counts 1, 2 and 4 have these throughputs. Each has an error of 2 %.
    fn value(value: &str, rates: [f64; 3]) -> (WorkloadFindings, Also) {
        let mut found = planted("run", 1, &["pi"]).runs.remove(0).findings.workloads.remove(0);
        found.verdict = None;
        let point = found.curves[0].points[0].clone();
        let at = |(workers, rate): (f64, f64)| {
            let throughput = Estimate { median: rate, low: rate * 0.98, high: rate * 1.02 };
            crate::analysis::findings::Point { workers, throughput, samples: 8, ..point.clone() }
        };
        found.curves[0].points = [1.0, 2.0, 4.0].into_iter().zip(rates).map(at).collect();
        found.label = format!("t={value} gunicorn");
        let also = Also { name: "t".into(), value: value.into(), axis: 0, multiplies: true };
        (found, also)
    }

    fn found(values: [(WorkloadFindings, Also); 3]) -> Axis {
        let (workloads, also): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        let places: Vec<(usize, Also)> = also.into_iter().enumerate().collect();
        axis(&places, &workloads, 0.05).expect("there are figures")
    }

    /// A model of tasks with 5 ms of computing and 20 ms of waiting, on two cores. There are n x t
    /// pairs, and each process has one lock.
    #[test]
    fn of_pairs_on_a_ridge_the_fewest_workers_in_all_are_taken() {
        let axis = found([
            value("1", [38.0, 76.0, 150.0]),
            value("4", [130.0, 270.0, 330.0]),
            value("8", [160.0, 320.0, 335.0]),
        ]);
        assert_eq!(axis.of, "gunicorn");
        let told = |pair: &Pair| (pair.workers as u32, pair.value.clone());
        assert_eq!(told(&axis.best.clone().unwrap()), (4, "8".into()));
        // 2 x 8 and 4 x 4 both have 16 workers in all; the pair with fewer processes wins.
        assert_eq!(told(&axis.knee.clone().unwrap()), (2, "8".into()));
        let set: Vec<_> = axis.set.iter().map(told).collect();
        assert_eq!(set, [(2, "8".into()), (4, "4".into()), (4, "8".into())]);
        assert!(axis.regret.unwrap() < 0.1);
        assert!(axis.conclusive && axis.times_the_rounds.is_none());
    }

    /// A pair with more workers does 4 % more, and both have an error of 8 %.
    #[test]
    fn a_pair_that_may_lose_much_is_not_settled_and_says_what_it_takes() {
        let known = |log: f64| Known { log, error: 0.08 };
        let levels = [known(0.0), known(0.04)];
        assert!(regret(&levels, 0).unwrap() > 0.2);
        let times = times_the_rounds(&levels, 0, 0.1).unwrap();
        assert!((10.0..14.0).contains(&times), "{times}");
        assert_eq!(times_the_rounds(&[known(0.0), known(0.2)], 0, 0.1), None);
        assert_eq!(regret(&levels[..1], 0), None);
    }

    #[test]
    fn a_label_without_its_value_is_whose_it_is() {
        let also = |name: &str, value: &str| Also {
            name: name.into(),
            value: value.into(),
            axis: 0,
            multiplies: false,
        };
        assert_eq!(whose("t=4 make -j {n}", &also("t", "4")), "make -j {n}");
        let (one, two) = (also("t", "1"), also("t", "2"));
        let commands = [("a -t1 -w 1".to_owned(), &one), ("a -t2 -w 1".to_owned(), &two)];
        assert_eq!(alike(&commands), "a -t{t} -w 1");
        assert_eq!(whose("OMP=2 ./a", &also("env:OMP", "2")), "./a");
        assert_eq!(whose("file:op=sync,size=4k", &also("size", "4k")), "file:op=sync");
        assert_eq!(whose("frames:frames=3", &also("frames", "3")), "frames");
        assert_eq!(whose("pi", &also("digits", "10000")), "pi");
    }
}
