//! Analyses one curve: from measurements to everything that is known about it.

use std::collections::BTreeSet;

use super::bound::{self, Evidence};
use super::findings::{Curve, Estimate, Knee, Law, Optimum, Point, Usl};
use super::laws::{self, Level, usl::fit_usl};
use super::observation::{Group, Observation, Spread, group, moderated, spread};
use super::optimum::{self, Decision, Noise};
use super::ratio::{estimate, ratio};
use super::round::Rounded;
use crate::stats::median::median;
use crate::stats::nested::nested;
use crate::stats::polish::{Polish, outliers};

/// What the analysis of one curve needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The mode, or the name of the series.
    pub name: String,
    /// All measurements, in order of time.
    pub observations: Vec<Observation>,
    /// Measurements of the serial cell. If empty, one worker takes its place.
    pub serial: Vec<Observation>,
    /// What is known besides throughputs.
    pub evidence: Evidence,
    /// What the knee may cost against the optimum, as a share of throughput.
    pub tolerance: f64,
    /// Standard deviation (as a share) and degrees of freedom of one measurement, if a file states
    /// only a summary.
    pub noise: Option<(f64, f64)>,
    /// The seed of all resampling.
    pub seed: u64,
}

impl Input {
    /// An input with measurements and nothing else.
    pub fn plain(name: &str, observations: Vec<Observation>, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            observations,
            serial: Vec::new(),
            evidence: Evidence::default(),
            tolerance: crate::plan::TOLERANCE,
            noise: None,
            seed,
        }
    }
}

/// Everything that the measurements of one curve show.
pub fn analyse(input: &Input) -> Curve {
    let groups = group(&input.observations);
    let within = match (spread(&groups), input.noise) {
        (Spread { df: 0.0, .. }, Some((sd, df))) => Spread { sd: sd.max(optimum::LEAST_NOISE), df },
        (measured, _) => measured,
    };
    let table = optimum::table(&input.observations, &groups);
    let levels: Vec<Level> = groups
        .iter()
        .zip(&table.columns)
        .map(|(group, &log)| Level { workers: group.workers, log, count: group.logs.len() })
        .collect();
    let known = (table.df > 0.0).then_some((table.scale, table.df));
    let laws = laws::all(&levels, known);
    let law_noise = if within.df > 0.0 { None } else { laws::residual_spread(&levels) };
    let deciding = optimum::levels(&input.observations, &groups, within, law_noise);
    let decision = optimum::decide(
        &deciding,
        &groups,
        (input.tolerance, input.evidence.crowded_beyond()),
        input.seed,
    );
    let points = points(input, &groups, within, &table);
    let usl = usl(&input.observations, &laws);
    let bound = bound::classify(&levels, &laws, &input.evidence);
    let warnings = warnings(&points, decision.as_ref(), &deciding);
    let of_the_fit = of_the_fit(&points, usl.as_ref(), &laws);
    let (optimum, knee) = split(decision);
    let curve = Curve {
        name: input.name.clone(),
        points,
        optimum,
        knee,
        usl,
        laws,
        bound,
        limits: None,
        price: None,
        warnings,
        fit_remarks: of_the_fit,
    };
    curve.rounded()
}

fn split(decision: Option<Decision>) -> (Option<Optimum>, Option<Knee>) {
    decision.map_or((None, None), |decision| (Some(decision.optimum), Some(decision.knee)))
}

/// The Universal Scalability Law as others publish it. It is adequate if the curve has its form.
fn usl(observations: &[Observation], laws: &[Law]) -> Option<Usl> {
    let sound = observations.iter().filter(|o| o.is_sound());
    let measurements: Vec<(f64, f64)> = sound.map(|o| (o.workers, o.throughput)).collect();
    let mut usl = fit_usl(&measurements)?;
    usl.adequate = laws.iter().any(|law| law.name == "usl" && law.adequate);
    Some(usl)
}

fn points(input: &Input, groups: &[Group], within: Spread, table: &Polish) -> Vec<Point> {
    let wild = wild(groups, table);
    let wider = nested(&by_launch(input, groups)).factor;
    let throughputs = throughputs(groups, within, table).into_iter();
    let throughputs = throughputs.map(|estimate| estimate.widened(wider));
    let blocks = (table.df > 0.0).then_some(Spread { sd: table.scale, df: table.df });
    let base = baseline(input, groups);
    groups
        .iter()
        .zip(throughputs)
        .map(|(group, throughput)| {
            let own: Vec<Observation> =
                group.members.iter().map(|&at| input.observations[at]).collect();
            let speedup = ratio(&own, &base, within, blocks.unwrap_or(within));
            let n = group.workers;
            let per_worker =
                |e: Estimate| Estimate { median: e.median / n, low: e.low / n, high: e.high / n };
            Point {
                workers: n,
                throughput: level(&own, throughput),
                samples: group.logs.len(),
                launches: launches(&own),
                speedup,
                efficiency: speedup.map(per_worker),
                makespan: None,
                latency: None,
                printed_p99: None,
                at_rate: None,
                cpu: None,
                cpu_per_unit: None,
                cost: None,
                voluntary_switches: None,
                involuntary_switches: None,
                peak_memory: None,
                gpu_busy: None,
                gpu_memory: None,
                unfairness: None,
                outliers: group.members.iter().copied().filter(|at| wild.contains(at)).collect(),
                disturbed: 0,
            }
        })
        .collect()
}

/// The median of each count with its interval. Few measurements borrow the spread of other counts.
pub(super) fn throughputs(groups: &[Group], within: Spread, table: &Polish) -> Vec<Estimate> {
    let moderated = moderated(groups);
    groups
        .iter()
        .zip(moderated)
        .map(|(group, own)| {
            // Two measurements say almost nothing about their own spread.
            let borrowed = if group.logs.len() < 3 { within } else { own };
            estimate(&group.logs, borrowed.over_blocks(table))
        })
        .collect()
}

/// The measurements of each count, each with its launch.
fn by_launch(input: &Input, groups: &[Group]) -> Vec<Vec<(Option<u32>, f64)>> {
    let launch = |at: &usize| input.observations[*at].launch;
    let cell = |group: &Group| group.members.iter().map(launch).zip(group.logs.clone()).collect();
    groups.iter().map(cell).collect()
}

/// The number of launches behind the measurements; 0 if not known.
fn launches(own: &[Observation]) -> usize {
    own.iter().filter_map(|one| one.launch).collect::<BTreeSet<_>>().len()
}

/// The interval comes from logarithms, but the median comes from the throughputs themselves. So
/// half-way between two values is what a reader expects.
fn level(own: &[Observation], of_logs: Estimate) -> Estimate {
    let throughputs: Vec<f64> = own.iter().map(|one| one.throughput).collect();
    let median = median(&throughputs).unwrap_or(of_logs.median);
    Estimate { median, low: of_logs.low.min(median), high: of_logs.high.max(median) }
}

/// The measurements that speed-ups are relative to: the serial cell, or else one worker.
fn baseline(input: &Input, groups: &[Group]) -> Vec<Observation> {
    if !input.serial.is_empty() {
        return input.serial.clone();
    }
    let one = groups.first().filter(|group| (group.workers - 1.0).abs() < 1e-9);
    one.map_or(&[][..], |group| &group.members).iter().map(|&at| input.observations[at]).collect()
}

/// The outliers: observations far from the others of their count, after slow spells of the whole
/// machine are removed.
fn wild(groups: &[Group], table: &Polish) -> Vec<usize> {
    // Residuals are in the order in which the table was filled: count by count.
    let cells = groups
        .iter()
        .enumerate()
        .flat_map(|(column, group)| group.members.iter().map(move |&member| (column, member)));
    let (columns, order): (Vec<usize>, Vec<usize>) = cells.unzip();
    outliers(&columns, &table.residuals).into_iter().map(|at| order[at]).collect()
}

/// What a reader must know before using a figure.
fn warnings(
    points: &[Point],
    decision: Option<&Decision>,
    deciding: &optimum::Levels,
) -> Vec<String> {
    let mut out = Vec::new();
    let single = points.iter().filter(|point| point.samples == 1).count();
    if single > 0 && single == points.len() {
        out.push(match decision.map(|decision| decision.noise) {
            Some(Noise::Law) => format!(
                "one measurement per count: no intervals; the noise of {:.1} % is judged by the \
                 distances to a smooth law",
                100.0 * deciding.scale()
            ),
            Some(Noise::Measured) => format!(
                "one figure per count; the deviation that stands beside it ({:.1} %) is taken as \
                 its noise",
                100.0 * deciding.scale()
            ),
            _ => format!(
                "one measurement per count: no intervals; a noise of {:.0} % is assumed",
                100.0 * optimum::ASSUMED_NOISE
            ),
        });
    }
    out.extend(shape_warnings(points, decision));
    let outliers: usize = points.iter().map(|point| point.outliers.len()).sum();
    if outliers > 0 {
        let all: usize = points.iter().map(|point| point.samples).sum();
        out.push(format!(
            "{outliers} of {all} measurements lie far from the others of their count; they are kept"
        ));
    }
    out
}

fn shape_warnings(points: &[Point], decision: Option<&Decision>) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(text) = superlinear(points) {
        out.push(text);
    }
    if let (Some(last), Some(decision)) = (points.last(), decision)
        && points.len() > 1
        && decision.optimum.set.len() == 1
        && decision.optimum.workers >= last.workers
    {
        out.push(format!(
            "the largest measured count ({}) is the best: more workers may do better still",
            last.workers
        ));
    }
    out
}

/// What a reader of coefficients and intervals must know besides.
fn of_the_fit(points: &[Point], usl: Option<&Usl>, laws: &[Law]) -> Vec<String> {
    let mut out = Vec::new();
    if let (Some(peak), Some(last)) = (usl.and_then(|usl| usl.peak_workers), points.last())
        && peak > last.workers
    {
        out.push(format!(
            "the peak at {peak:.1} workers lies beyond the largest measured count ({}): it is an \
             extrapolation",
            last.workers
        ));
    }
    let few = points.iter().any(|point| point.samples < 5);
    if few && points.iter().any(|point| point.samples > 1) {
        out.push(
            "fewer than 5 measurements of some counts: their intervals borrow the spread of the \
             others"
                .to_owned(),
        );
    }
    if points.len() < 3 {
        out.push(
            "fewer than three counts: the Universal Scalability Law cannot be fitted".to_owned(),
        );
    } else if points.len() < 5 {
        out.push(format!(
            "{} counts are few for the three coefficients of the Universal Scalability Law",
            points.len()
        ));
    } else if !laws.iter().any(|law| law.adequate) {
        out.push("irregular: no law fits; use the measured optimum".to_owned());
    } else if usl.is_some_and(|usl| !usl.adequate) {
        out.push(
            "the curve is not of the form of the Universal Scalability Law: do not read its \
             coefficients or its peak"
                .to_owned(),
        );
    }
    out
}

/// Reports throughput per worker that rises with the count.
fn superlinear(points: &[Point]) -> Option<String> {
    let first = points.first()?;
    let per_worker = |point: &Point| point.throughput.median / point.workers;
    let top = points.iter().max_by(|a, b| per_worker(a).total_cmp(&per_worker(b)))?;
    let gain = per_worker(top) / per_worker(first);
    // Beyond both intervals, and beyond the noise of single measurements.
    let clear = top.throughput.low / top.workers > first.throughput.high / first.workers;
    (clear && gain > 1.05).then(|| {
        format!(
            "superlinear: each of {} workers does {gain:.2} times the work of each of {} (more \
             cache, or a slow first measurement); contention is kept at 0",
            top.workers, first.workers
        )
    })
}
