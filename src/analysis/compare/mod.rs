//! Compares machines and runs.
//!
//! The unit is the run, because two runs of one machine differ by more than the rounds within each
//! suggest (Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013). With
//! several runs per side the spread between runs is measured. With one run it is assumed, and the
//! interval widens accordingly.

pub mod check;
mod estimate;
#[cfg(test)]
mod fixture;
mod index;
mod matching;
#[cfg(test)]
mod tests;
mod words;

use super::comparison::{
    Against, AtEqual, AtOptimum, ComparedWorkload, Comparison, Difference, LeftOut, Side,
};
use super::findings::{Curve, Estimate, Findings, Point, SCHEMA_VERSION, WorkloadFindings};
use crate::record::Record;
use crate::stats::compare::holm;
use estimate::{Known, Value};

pub use estimate::RUN_TO_RUN;
#[cfg(test)]
pub(crate) use fixture::planted;

/// One run: its record and its findings.
#[derive(Debug, Clone)]
pub struct Run {
    /// The raw record.
    pub record: Record,
    /// The findings derived from it.
    pub findings: Findings,
}

/// All runs of one machine, setting or build.
#[derive(Debug, Clone)]
pub struct Contender {
    /// What the user calls it.
    pub name: String,
    /// Its runs, at least one.
    pub runs: Vec<Run>,
    /// What it costs per second, in the user's currency.
    pub price: Option<f64>,
}

/// A side without the runs that cannot be compared.
struct Entrant<'a> {
    name: &'a str,
    runs: Vec<&'a Run>,
    price: Option<f64>,
}

/// Why a comparison is impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// There is only one side.
    #[error("a comparison needs two sides at least; name two records or run directories")]
    OneSide,
    /// Two sides have the same name.
    #[error("two sides are called `{0}`; name them as NAME=PATH")]
    SameName(String),
    /// A side has no runs.
    #[error("`{0}` holds no run")]
    NoRun(String),
    /// The sides share no workload.
    #[error("nothing can be compared: {0}")]
    NothingShared(String),
}

/// Compares all sides with the first. `run_to_run` is the assumed standard deviation between runs
/// of one machine (0.02 = 2 %), for sides with only one run.
///
/// # Errors
///
/// See [`CompareError`].
pub fn compare(contenders: &[Contender], run_to_run: f64) -> Result<Comparison, CompareError> {
    check(contenders)?;
    let (accepted, mut left_out) = matching::accept(contenders);
    let mut workloads = Vec::new();
    for wanted in matching::wanted(&accepted) {
        workloads.extend(workload(&accepted, wanted, run_to_run, &mut left_out));
    }
    if workloads.is_empty() {
        let reasons: Vec<String> = left_out.iter().map(words::left_out).collect();
        return Err(CompareError::NothingShared(reasons.join("; ")));
    }
    decide(&mut workloads);
    let index = index::indices(&accepted, &workloads, run_to_run);
    let assumed = accepted.iter().any(|side| side.runs.len() == 1).then_some(run_to_run);
    let sides: Vec<Side> = accepted.iter().map(side).collect();
    let mut comparison = Comparison {
        schema_version: SCHEMA_VERSION,
        sides,
        assumed_run_to_run: assumed,
        workloads,
        index,
        left_out,
        warnings: words::warnings(&accepted, assumed),
        sentences: Vec::new(),
    };
    comparison.sentences = words::sentences(&comparison);
    Ok(comparison)
}

fn check(contenders: &[Contender]) -> Result<(), CompareError> {
    if contenders.len() < 2 {
        return Err(CompareError::OneSide);
    }
    for (index, side) in contenders.iter().enumerate() {
        if side.runs.is_empty() {
            return Err(CompareError::NoRun(side.name.clone()));
        }
        if contenders[..index].iter().any(|other| other.name == side.name) {
            return Err(CompareError::SameName(side.name.clone()));
        }
    }
    Ok(())
}

fn side(entrant: &Entrant<'_>) -> Side {
    let machine = &entrant.runs[0].record.header.machine;
    let budget = &machine.budget;
    let cores = budget
        .affinity
        .as_ref()
        .map_or(machine.topology.cores, |allowed| machine.topology.cores_within(allowed));
    // A quota allows no more cores than its share.
    let within = |count: Option<u32>| count.map(|count| f64::from(count).min(budget.usable()));
    Side {
        name: entrant.name.to_owned(),
        machine: machine.summary(),
        runs: entrant.runs.iter().map(|run| run.record.header.name.clone()).collect(),
        usable_cpus: budget.usable(),
        cores: within(cores),
        threads: within(budget.parallelism()),
        price: entrant.price,
    }
}

/// Compares one workload on every side that has it. `None` if the baseline or all others lack it.
fn workload(
    sides: &[Entrant<'_>],
    wanted: &WorkloadFindings,
    run_to_run: f64,
    left_out: &mut Vec<LeftOut>,
) -> Option<ComparedWorkload> {
    let (baseline, others) = sides.split_first()?;
    let best = Best::of(baseline, wanted)?;
    let too_few = |side: &Entrant<'_>| LeftOut {
        side: side.name.to_owned(),
        what: Some(wanted.label.clone()),
        reason: "too few rounds for an interval".to_owned(),
    };
    let Some(known) = best.known(run_to_run) else {
        left_out.push(too_few(baseline));
        return None;
    };
    let mut at = vec![best.at_optimum(baseline, &known, None)];
    let mut equal = Vec::new();
    for other in others {
        let Some(best) = Best::of(other, wanted) else {
            left_out.push(LeftOut {
                side: other.name.to_owned(),
                what: Some(wanted.label.clone()),
                reason: matching::why_missing(other, wanted),
            });
            continue;
        };
        let Some(known_other) = best.known(run_to_run) else {
            left_out.push(too_few(other));
            continue;
        };
        let same = same_runs(baseline, other);
        let against = estimate::against(&known_other, &known, same);
        let mut found = best.at_optimum(other, &known_other, against);
        let prices = [other.price, baseline.price];
        found.cost_ratio = against.and_then(|against| cost_ratio(prices, against.ratio));
        at.push(found);
        equal.extend(at_equal(baseline, other, wanted, run_to_run));
    }
    (at.len() > 1).then(|| ComparedWorkload {
        label: wanted.label.clone(),
        unit_one: wanted.unit_one.clone(),
        unit_many: wanted.unit_many.clone(),
        sides: at,
        equal,
    })
}

/// Whether two sides consist of identical runs, which cannot differ.
fn same_runs(one: &Entrant<'_>, other: &Entrant<'_>) -> bool {
    one.runs.len() == other.runs.len()
        && one
            .runs
            .iter()
            .zip(&other.runs)
            .all(|(a, b)| std::ptr::eq(*a, *b) || a.record == b.record)
}

/// The recommended cell of a side in one workload. Each run has its own; the run in the middle is
/// shown.
struct Best<'a> {
    mode: &'a str,
    point: &'a Point,
    curve: Option<&'a Curve>,
    values: Vec<Value>,
}

impl<'a> Best<'a> {
    fn of(side: &Entrant<'a>, wanted: &WorkloadFindings) -> Option<Self> {
        let mut bests: Vec<(&str, &Point, Option<&Curve>)> = side
            .runs
            .iter()
            .map(|run| best(matching::find(run, wanted)?))
            .collect::<Option<_>>()?;
        let values = bests.iter().map(|(_, point, _)| Value::of(point)).collect::<Option<_>>()?;
        bests.sort_by(|a, b| a.1.throughput.median.total_cmp(&b.1.throughput.median));
        let (mode, point, curve) = bests[bests.len() / 2];
        Some(Self { mode, point, curve, values })
    }

    fn known(&self, run_to_run: f64) -> Option<Known> {
        Known::from(&self.values, run_to_run)
    }

    fn at_optimum(
        &self,
        entrant: &Entrant<'_>,
        known: &Known,
        against: Option<Against>,
    ) -> AtOptimum {
        let side = side(entrant);
        let throughput =
            if self.values.len() > 1 { known.estimate() } else { self.point.throughput };
        let per = |count: Option<f64>| {
            count.filter(|count| *count > 0.0).map(|count| throughput.median / count)
        };
        AtOptimum {
            side: side.name,
            mode: self.mode.to_owned(),
            workers: self.point.workers,
            throughput,
            per_core: per(side.cores),
            per_thread: per(side.threads),
            cost_per_unit: side.price.map(|price| price / throughput.median),
            against,
            cost_ratio: None,
            curve: self.curve.cloned(),
        }
    }
}

/// The recommended cell of one run: the knee of the recommended mode. Without a recommendation, the
/// mode with the largest throughput at its knee.
fn best(workload: &WorkloadFindings) -> Option<(&str, &Point, Option<&Curve>)> {
    let largest = |curve: &'_ Curve| -> Option<usize> {
        let points = curve.points.iter().enumerate();
        let best = points.max_by(|a, b| a.1.throughput.median.total_cmp(&b.1.throughput.median));
        best.map(|(index, _)| index)
    };
    let at = |curve: &'_ Curve| -> Option<usize> {
        let told = curve.knee.as_ref().map(|knee| knee.workers);
        let told =
            told.and_then(|count| curve.points.iter().position(|point| same(point.workers, count)));
        told.or_else(|| largest(curve))
    };
    let curves = workload
        .curves
        .iter()
        .filter_map(|curve| Some((curve.name.as_str(), &curve.points[at(curve)?], Some(curve))));
    // Serial is a single point; the plot shows the best measured curve beside it.
    let highest = |curve: &&Curve| at(curve).map(|index| curve.points[index].throughput.median);
    let drawn = workload
        .curves
        .iter()
        .max_by(|a, b| highest(a).unwrap_or(0.0).total_cmp(&highest(b).unwrap_or(0.0)));
    let serial = workload.serial.iter().map(|point| ("serial", point, drawn));
    let all: Vec<(&str, &Point, Option<&Curve>)> = serial.chain(curves).collect();
    let recommended = workload.verdict.as_ref();
    let recommended =
        recommended.and_then(|verdict| all.iter().find(|(mode, ..)| *mode == verdict.mode));
    let best = || all.iter().max_by(|a, b| a.1.throughput.median.total_cmp(&b.1.throughput.median));
    recommended.or_else(best).copied()
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

/// The other side relative to the baseline, at every mode and count that all runs of both sides
/// have.
fn at_equal(
    baseline: &Entrant<'_>,
    other: &Entrant<'_>,
    wanted: &WorkloadFindings,
    run_to_run: f64,
) -> Vec<AtEqual> {
    let identical = same_runs(baseline, other);
    let cells = wanted.serial.iter().map(|point| ("serial", point.workers)).chain(
        wanted.curves.iter().flat_map(|curve| {
            curve.points.iter().map(|point| (curve.name.as_str(), point.workers))
        }),
    );
    let ratio = |(mode, workers): (&str, f64)| {
        let below = Known::from(&values_at(baseline, wanted, mode, workers)?, run_to_run)?;
        let above = Known::from(&values_at(other, wanted, mode, workers)?, run_to_run)?;
        let ratio = estimate::against(&above, &below, identical)?.ratio;
        Some(AtEqual { side: other.name.to_owned(), mode: mode.to_owned(), workers, ratio })
    };
    cells.filter_map(ratio).collect()
}

/// One value per run at a mode and count; `None` if a run lacks it.
fn values_at(
    side: &Entrant<'_>,
    wanted: &WorkloadFindings,
    mode: &str,
    workers: f64,
) -> Option<Vec<Value>> {
    let of_run = |run: &&Run| Value::of(point_at(matching::find(run, wanted)?, mode, workers)?);
    side.runs.iter().map(of_run).collect()
}

/// A cell of a run's findings.
fn point_at<'a>(workload: &'a WorkloadFindings, mode: &str, workers: f64) -> Option<&'a Point> {
    let serial = workload.serial.as_slice().iter().filter(|_| mode == "serial");
    let curves = workload.curves.iter().filter(|curve| curve.name == mode);
    let mut points = serial.chain(curves.flat_map(|curve| &curve.points));
    points.find(|point| same(point.workers, workers))
}

/// Decides which differences are real. All comparisons of a report together raise a false alarm in
/// one of twenty reports.
fn decide(workloads: &mut [ComparedWorkload]) {
    let against = |workloads: &mut [ComparedWorkload], act: &mut dyn FnMut(&mut Against)| {
        let sides = workloads.iter_mut().flat_map(|workload| &mut workload.sides);
        sides.filter_map(|side| side.against.as_mut()).for_each(act);
    };
    let mut p = Vec::new();
    against(workloads, &mut |found| p.push(found.p));
    let mut kept = holm(&p, 0.05).into_iter();
    against(workloads, &mut |found| {
        found.difference = match kept.next() {
            Some(true) if found.ratio.median > 1.0 => Difference::Faster,
            Some(true) => Difference::Slower,
            _ => Difference::NotShown,
        };
    });
}

/// The cost of a unit relative to the baseline's: the ratio of prices over the ratio of
/// throughputs.
fn cost_ratio(prices: [Option<f64>; 2], ratio: Estimate) -> Option<Estimate> {
    let [mine, baseline] = prices;
    let prices = mine? / baseline.filter(|price| *price > 0.0)?;
    // A lower throughput means a higher cost, so the ends of the interval change places.
    Some(Estimate {
        median: prices / ratio.median,
        low: prices / ratio.high,
        high: prices / ratio.low,
    })
}
