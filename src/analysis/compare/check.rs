//! Checks a run against a baseline with limits: each limit is kept, broken, or undecided.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::estimate::{self, Known, Value};
use super::{
    Best, CompareError, Contender, Entrant, WorkloadFindings, matching, point_at, same, same_runs,
    values_at, words,
};
use crate::analysis::findings::{Curve, Estimate, Knee, Optimum, SCHEMA_VERSION, Warning};
use crate::stats::compare::holm;
use crate::units::{Quantity, count_list, workers};

/// How much a run may lose.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Share of the throughput at the knee that may be lost (0.05 = 5 %).
    pub max_slowdown: f64,
    /// Share of the efficiency at the baseline's optimum that may be lost.
    pub max_efficiency_loss: f64,
}

/// Whether a limit is kept.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is kept, with 95 % confidence.
    Pass,
    /// The data cannot decide.
    Inconclusive,
    /// It is broken, with 95 % confidence.
    Fail,
}

/// One limit on one workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The workload.
    pub workload: String,
    /// `throughput`, `efficiency` or `optimum`.
    pub what: String,
    /// Whether the limit is kept.
    pub answer: Answer,
    /// The run relative to the baseline. Each of the two bounds holds with 95 % confidence.
    pub ratio: Option<Estimate>,
    /// The verdict in words, with the figures.
    pub text: String,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// The version of this JSON, that of [`findings`](crate::analysis::findings::SCHEMA_VERSION).
    pub schema_version: u32,
    /// `fail` if a limit is broken; else `inconclusive` if one is undecided; else `pass`.
    pub answer: Answer,
    /// The limits.
    pub limits: Limits,
    /// The assumed standard deviation between runs of one machine, where a side has only one run.
    pub assumed_run_to_run: Option<f64>,
    /// One entry per limit and workload, in the order of the baseline.
    pub verdicts: Vec<Verdict>,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
}

/// Checks one run, or several of one machine, against a baseline.
///
/// # Errors
///
/// See [`CompareError`]. A workload that only the baseline has gives an inconclusive verdict, not
/// an error.
pub fn check(
    run: &Contender,
    baseline: &Contender,
    limits: Limits,
    run_to_run: f64,
) -> Result<Check, CompareError> {
    let both = [baseline.clone(), run.clone()];
    super::check(&both)?;
    let (accepted, left_out) = matching::accept(&both);
    let [baseline, run] = accepted.as_slice() else {
        let reasons: Vec<String> = left_out.iter().map(words::left_out).collect();
        return Err(CompareError::NothingShared(reasons.join("; ")));
    };
    let judge = Judge { run, baseline, limits, run_to_run };
    let judged =
        matching::wanted(&accepted).iter().flat_map(|wanted| judge.workload(wanted)).collect();
    let verdicts = together(judged);
    let assumed = accepted.iter().any(|side| side.runs.len() == 1).then_some(run_to_run);
    Ok(Check {
        schema_version: SCHEMA_VERSION,
        answer: verdicts.iter().map(|verdict| verdict.answer).max().unwrap_or(Answer::Inconclusive),
        limits,
        assumed_run_to_run: assumed,
        verdicts,
        warnings: words::warnings(&accepted, assumed),
    })
}

/// A verdict on its own, with the probability of such a ratio if the limit were just kept.
type Judged = (Verdict, Option<f64>);

/// Corrects the verdicts for their number: all of a check together raise a false alarm in one of
/// twenty checks. Without this, two of forty limits would seem broken by chance.
fn together(judged: Vec<Judged>) -> Vec<Verdict> {
    let p: Vec<f64> = judged.iter().filter_map(|(_, p)| *p).collect();
    let mut kept = holm(&p, 0.05).into_iter();
    let settle = |(mut verdict, p): Judged| {
        let sure = p.is_none() || kept.next() == Some(true);
        if verdict.answer == Answer::Fail && !sure {
            verdict.answer = Answer::Inconclusive;
            verdict.text += ", which may be chance, because the check has so many limits";
        }
        verdict
    };
    judged.into_iter().map(settle).collect()
}

struct Judge<'a> {
    run: &'a Entrant<'a>,
    baseline: &'a Entrant<'a>,
    limits: Limits,
    run_to_run: f64,
}

impl Judge<'_> {
    fn workload(&self, wanted: &WorkloadFindings) -> Vec<Judged> {
        let verdict = |what: &str, Word { answer, ratio, p, text }: Word| {
            let (workload, what) = (wanted.label.clone(), what.to_owned());
            (Verdict { workload, what, answer, ratio, text }, p)
        };
        let Some(before) = Best::of(self.baseline, wanted) else { return Vec::new() };
        let Some(now) = Best::of(self.run, wanted) else {
            let reason = matching::why_missing(self.run, wanted);
            return vec![verdict("throughput", Word::plain(Answer::Inconclusive, reason))];
        };
        let efficiency = self.efficiency(wanted, before.mode, before.point.workers);
        [
            Some(verdict("throughput", self.throughput(wanted, &before, &now))),
            efficiency.map(|judged| verdict("efficiency", judged)),
            self.optimum(wanted, before.mode).map(|judged| verdict("optimum", judged)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Compares the runs, each at its own knee. If the baseline's knee is as good for the run, both
    /// are taken there: a knee that moves within the tolerance is no change.
    fn throughput(&self, wanted: &WorkloadFindings, before: &Best<'_>, now: &Best<'_>) -> Word {
        let (mode, count) = (before.mode, before.point.workers);
        let as_good = now.curve.and_then(|curve| curve.knee.as_ref()).is_some_and(|knee| {
            now.mode == mode && knee.as_good.iter().any(|other| same(*other, count))
        });
        let may_lose = self.limits.max_slowdown;
        if as_good
            && !same(now.point.workers, count)
            && let Some(values) = values_at(self.run, wanted, mode, count)
        {
            let ratio = self.ratio(&values, &before.values, may_lose);
            let what = format!("throughput at the knee, {} in {mode}", workers(count));
            return judged(&what, ratio, may_lose);
        }
        let at = |best: &Best<'_>| format!("{} in {}", workers(best.point.workers), best.mode);
        let (before_at, now_at) = (at(before), at(now));
        let place = if before_at == now_at {
            before_at
        } else {
            format!("{now_at} (baseline: {before_at})")
        };
        let ratio = self.ratio(&now.values, &before.values, may_lose);
        judged(&format!("throughput at the knee, {place}"), ratio, may_lose)
    }

    /// Compares speed-up per worker at the baseline's knee. `None` if that is one worker, or if the
    /// speed of one worker is not known.
    fn efficiency(&self, wanted: &WorkloadFindings, mode: &str, count: f64) -> Option<Word> {
        if count <= 1.0 {
            return None;
        }
        let before = speedups(self.baseline, wanted, mode, count)?;
        let what = format!("efficiency at {} in {mode}", workers(count));
        let Some(now) = speedups(self.run, wanted, mode, count) else {
            let text = format!("{what} was not measured; give --workers that include {count}");
            return Some(Word::plain(Answer::Inconclusive, text));
        };
        let may_lose = self.limits.max_efficiency_loss;
        Some(judged(&what, self.ratio(&now, &before, may_lose), may_lose))
    }

    /// Whether the knee has moved. It has not if either knee is as good in the other run. `None` if
    /// the baseline has no optimum.
    fn optimum(&self, wanted: &WorkloadFindings, mode: &str) -> Option<Word> {
        let before = optima(self.baseline, wanted, mode)?;
        let told = |set: &[f64]| count_list(set);
        let Some(now) = optima(self.run, wanted, mode) else {
            let text = format!("no optimum was found in {mode}");
            return Some(Word::plain(Answer::Inconclusive, text));
        };
        // Counts that cost no more than the tolerance are the same answer.
        let holds = |knees: &[f64], set: &[f64]| {
            knees.iter().any(|knee| set.iter().any(|count| same(*knee, *count)))
        };
        let shared = holds(&before.knees, &now.set) || holds(&now.knees, &before.set);
        let counts =
            format!("knee in {mode}: {}, baseline {}", told(&now.knees), told(&before.knees));
        let (answer, said) = match shared {
            true => (Answer::Pass, ": it has not moved by more than the tolerance"),
            false if before.conclusive && now.conclusive => (Answer::Fail, ": it has moved"),
            false => (Answer::Inconclusive, ", and one of them is not settled"),
        };
        Some(Word::plain(answer, format!("{counts}{said}")))
    }

    fn ratio(&self, above: &[Value], below: &[Value], may_lose: f64) -> Option<(Estimate, f64)> {
        let known = |values: &[Value]| Known::from(values, self.run_to_run);
        let identical = same_runs(self.run, self.baseline);
        estimate::held_against(&known(above)?, &known(below)?, identical, 1.0 - may_lose)
    }
}

/// The verdict on one limit and one workload, before the correction for the number of limits.
struct Word {
    answer: Answer,
    ratio: Option<Estimate>,
    p: Option<f64>,
    text: String,
}

impl Word {
    /// A verdict that rests on no ratio.
    fn plain(answer: Answer, text: String) -> Self {
        Self { answer, ratio: None, p: None, text }
    }
}

/// Compares the bounds of a ratio with what may be lost.
fn judged(what: &str, ratio: Option<(Estimate, f64)>, may_lose: f64) -> Word {
    let Some((found, p)) = ratio else {
        let text = format!("{what}: too few rounds for an interval");
        return Word::plain(Answer::Inconclusive, text);
    };
    let limit = 1.0 - may_lose;
    let figure = Quantity::Ratio.interval(found.median, found.low, found.high);
    let allowed = Quantity::Ratio.text(limit);
    let (answer, word) = if found.low >= limit {
        (Answer::Pass, "keeps")
    } else if found.high < limit {
        (Answer::Fail, "breaks")
    } else {
        (Answer::Inconclusive, "may keep or break")
    };
    let text = format!("{what}: {figure} of the baseline {word} the limit of {allowed}");
    Word { answer, ratio: Some(found), p: Some(p), text }
}

/// For each run, its throughput at a cell over its own serial throughput, or over its own single
/// worker.
fn speedups(
    side: &Entrant<'_>,
    wanted: &WorkloadFindings,
    mode: &str,
    count: f64,
) -> Option<Vec<Value>> {
    let many = values_at(side, wanted, mode, count)?;
    let has_serial = side.runs.iter().all(|run| {
        matching::find(run, wanted).is_some_and(|found| point_at(found, "serial", 1.0).is_some())
    });
    let one = values_at(side, wanted, if has_serial { "serial" } else { mode }, 1.0)?;
    let speedup = |(many, one): (Value, Value)| Value {
        log: many.log - one.log,
        within: many.within.zip(one.within).map(|(a, b)| a.hypot(b)),
    };
    Some(many.into_iter().zip(one).map(speedup).collect())
}

/// The counts that the runs of a side recommend in a mode, and every count that is as good in any
/// of them.
struct Optima {
    knees: Vec<f64>,
    set: Vec<f64>,
    conclusive: bool,
}

fn optima(side: &Entrant<'_>, wanted: &WorkloadFindings, mode: &str) -> Option<Optima> {
    let curves = side.runs.iter().filter_map(|run| matching::find(run, wanted));
    let curves = curves.flat_map(|found| &found.curves).filter(|curve: &&Curve| curve.name == mode);
    let all: Vec<(&Optimum, &Knee)> =
        curves.filter_map(|curve| Some((curve.optimum.as_ref()?, curve.knee.as_ref()?))).collect();
    let once = |mut counts: Vec<f64>| {
        counts.sort_by(f64::total_cmp);
        counts.dedup_by(|a, b| same(*a, *b));
        counts
    };
    let knees = once(all.iter().map(|(_, knee)| knee.workers).collect());
    let set = once(all.iter().flat_map(|(_, knee)| knee.as_good.iter().copied()).collect());
    let conclusive = all.iter().all(|(optimum, _)| optimum.conclusive);
    (!knees.is_empty()).then_some(Optima { knees, set, conclusive })
}
