//! The best count, the counts that cannot be told apart from it, the knee, and their certainty.
//!
//! Counts are compared within blocks, because a slow spell hits all counts of a block. The method
//! is Hsu's multiple comparisons with the best. If counts were chosen by their measurements, only
//! the measurements made afterwards decide: a count chosen for its good figures had luck in them.

use std::collections::BTreeMap;

use super::findings::{Knee, More, Optimum};
use super::observation::{Group, Observation, Spread, group, spread};
use crate::rng::Rng;
use crate::stats::dunnett::{self, Best};
use crate::stats::knee::{Known, first_within};
use crate::stats::nested::{self, Nested};
use crate::stats::polish::{Cell, Polish, polish};
use crate::stats::regret::regret;

/// A recommendation is settled if following it costs at most this share of throughput, with 95 %
/// confidence.
pub const SETTLED: f64 = 0.1;
/// With a larger tolerance, this much doubt is allowed beside it.
const DOUBT: f64 = 0.05;
/// The assumed noise (standard deviation as a share) if nothing tells it.
pub(super) const ASSUMED_NOISE: f64 = 0.03;
/// The degrees of freedom with which the assumed noise counts.
const ASSUMED_DF: f64 = 30.0;
/// No benchmark repeats more exactly than this.
pub(super) const LEAST_NOISE: f64 = 0.01;
/// Number of resampled outcomes behind the probability of being best.
const DRAWS: usize = 4000;

/// Levels of counts that can be compared with each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Levels {
    /// Indices of the groups.
    groups: Vec<usize>,
    /// The logarithm of each throughput.
    logs: Vec<f64>,
    /// The number of measurements of each.
    counts: Vec<usize>,
    scale: f64,
    df: f64,
    noise: Noise,
    /// Whether this is a table from elsewhere with one figure per count. The knee then follows from
    /// the figures as they stand, as everybody reads them.
    is_finished: bool,
}

/// How the size of the noise is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noise {
    /// From repetitions.
    Measured,
    /// From the distances to a smooth law; this is an upper limit.
    Law,
    /// It is assumed.
    Assumed,
}

/// The comparison of the counts of one curve.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    pub(super) optimum: Optimum,
    pub(super) knee: Knee,
    pub(super) noise: Noise,
}

/// The separated table of measurements. Its columns are the `groups`, in their order.
pub(super) fn table(observations: &[Observation], groups: &[Group], fresh: bool) -> Polish {
    let blocked = is_blocked(observations);
    let mut blocks: BTreeMap<u32, usize> = BTreeMap::new();
    let mut cells = Vec::new();
    for (column, group) in groups.iter().enumerate() {
        for (&at, &value) in group.members.iter().zip(&group.logs) {
            if fresh && !observations[at].confirms {
                continue;
            }
            let number = observations[at].block.filter(|_| blocked).unwrap_or(0);
            let next = blocks.len();
            let block = *blocks.entry(number).or_insert(next);
            cells.push(Cell { block, column, value });
        }
    }
    polish(&cells)
}

/// What the launches of crews add to the noise of the levels. It is computed from the residuals, by
/// count and launch.
fn launches(observations: &[Observation], groups: &[Group], table: &Polish, fresh: bool) -> Nested {
    let mut left = table.residuals.iter();
    let cells = groups.iter().map(|group| {
        let used = group.members.iter().filter(|&&at| !fresh || observations[at].confirms);
        used.zip(left.by_ref()).map(|(&at, &rest)| (observations[at].launch, rest)).collect()
    });
    let cells: Vec<Vec<(Option<u32>, f64)>> = cells.collect();
    nested::nested(&cells)
}

/// Whether at least two blocks hold at least two counts each. Otherwise blocks cannot be compared.
fn is_blocked(observations: &[Observation]) -> bool {
    let mut counts: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for observation in observations {
        let Some(block) = observation.block else { return false };
        let seen = counts.entry(block).or_default();
        let workers = observation.workers.to_bits();
        if !seen.contains(&workers) {
            seen.push(workers);
        }
    }
    counts.values().filter(|seen| seen.len() >= 2).count() >= 2
}

/// Whether the confirming measurements suffice to decide. There must be at least two counts,
/// because one count alone cannot be compared, and several measurements of each, because fewer do
/// not tell the noise. Otherwise all measurements decide, including those by which counts were
/// chosen.
fn is_confirmed(observations: &[Observation], groups: &[Group]) -> bool {
    const SEVERAL: usize = 3;
    let fresh = |group: &&Group| {
        group.members.iter().filter(|&&at| observations[at].confirms).count() >= SEVERAL
    };
    groups.iter().filter(fresh).count() >= 2 || observations.iter().all(|one| one.confirms)
}

/// The levels that decide. `law_noise` is the residual spread of the best law with its degrees of
/// freedom, for data without repetitions.
pub(super) fn levels(
    observations: &[Observation],
    groups: &[Group],
    spread: Spread,
    law_noise: Option<Spread>,
) -> Levels {
    let fresh = is_confirmed(observations, groups);
    let table = table(observations, groups, fresh);
    // A count that came into the short list last and was measured once cannot be compared with
    // counts that were measured often.
    let most = table.counts.iter().copied().max().unwrap_or(0);
    let too_few = |at: usize| fresh && table.counts[at] < 2 && most >= 4;
    let used: Vec<usize> = (0..table.columns.len())
        .filter(|&at| table.columns[at].is_finite() && !too_few(at))
        .collect();
    let launches = launches(observations, groups, &table, fresh);
    let pick = |at: &usize| table.columns[*at];
    let mut levels = Levels {
        logs: used.iter().map(pick).collect(),
        counts: used.iter().map(|&at| table.counts[at]).collect(),
        groups: used,
        scale: table.scale * launches.factor,
        df: launches.df.map_or(table.df, |df| df.min(table.df)),
        noise: Noise::Measured,
        is_finished: observations.iter().all(|one| one.block.is_none())
            && groups.iter().all(|group| group.logs.len() == 1),
    };
    if table.df <= 0.0 && spread.df > 0.0 {
        (levels.scale, levels.df) = (spread.sd, spread.df);
    } else if table.df <= 0.0 {
        // A misfit contains noise and the law's own error. So at most the noise of an ordinary
        // machine is taken from it.
        let law = law_noise.filter(|law| law.sd < ASSUMED_NOISE);
        levels.scale = law.map_or(ASSUMED_NOISE, |law| law.sd.max(LEAST_NOISE));
        levels.df = law.map_or(ASSUMED_DF, |law| law.df);
        levels.noise = if law.is_some() { Noise::Law } else { Noise::Assumed };
    }
    levels
}

/// The regret up to which a recommendation counts as settled under this tolerance.
pub(super) fn settled(tolerance: f64) -> f64 {
    SETTLED.max(tolerance + DOUBT)
}

/// Compares the levels; `None` if there are none.
pub(super) fn decide(
    levels: &Levels,
    groups: &[Group],
    tolerance: f64,
    seed: u64,
) -> Option<Decision> {
    let best = dunnett::best(&levels.logs, &levels.counts, levels.scale, levels.df)?;
    let workers = |at: usize| groups[levels.groups[at]].workers;
    let knee = levels.first_within(tolerance, |_| true)?;
    let several = levels.logs.len() > 1;
    let regret = levels.regret(knee);
    let alone = best.set.as_slice() == [knee];
    let conclusive =
        several && levels.noise == Noise::Measured && (alone || regret <= settled(tolerance));
    let optimum = Optimum {
        workers: workers(best.best),
        set: best.set.iter().map(|&at| workers(at)).collect(),
        probability: levels.probability(best.best, seed),
        conclusive,
        rising: knee + 1 == levels.logs.len()
            && levels.reach_the_largest_of(groups)
            && levels.is_rising(tolerance),
        regret: several.then(|| levels.regret(best.best)),
        remedy: (!conclusive).then(|| levels.remedy(&best.set, regret, settled(tolerance))),
    };
    // By more than the tolerance, and by more than chance explains.
    let may_lose = -(1.0 - tolerance).ln();
    let as_good = (0..levels.logs.len())
        .filter(|&at| at == knee || levels.surely_behind(at, &best) <= may_lose);
    let sure = |at: &usize| levels.logs[*at] > levels.logs[knee];
    let more = best.set.iter().find(|at| sure(at)).filter(|_| !best.set.contains(&knee));
    let knee = Knee {
        workers: workers(knee),
        loss: several.then(|| -(levels.logs[knee] - levels.logs[best.best]).exp_m1()),
        regret: several.then_some(regret),
        as_good: as_good.map(workers).collect(),
        more: more.map(|&at| More {
            workers: workers(at),
            gain: (levels.logs[at] - levels.logs[knee]).exp_m1(),
            p99: None,
        }),
    };
    Some(Decision { optimum, knee, noise: levels.noise })
}

/// The smallest of the counts marked `kept` that costs at most the tolerance against the best of
/// them.
pub(super) fn smallest_within(
    observations: &[Observation],
    tolerance: f64,
    kept: impl Fn(f64) -> bool,
) -> Option<f64> {
    let groups = group(observations);
    let levels = levels(observations, &groups, spread(&groups), None);
    let at = levels.first_within(tolerance, |at| kept(groups[levels.groups[at]].workers))?;
    Some(groups[levels.groups[at]].workers)
}

impl Levels {
    /// The standard deviation of a single measurement.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// The first of the `kept` levels that costs at most the tolerance against the best of them.
    fn first_within(&self, tolerance: f64, kept: impl Fn(usize) -> bool) -> Option<usize> {
        let kept: Vec<usize> = (0..self.logs.len()).filter(|&at| kept(at)).collect();
        let mut known = self.known(kept.iter().copied());
        if self.is_finished {
            for level in &mut known {
                level.error = 0.0;
            }
        }
        first_within(&known, tolerance).map(|place| kept[place])
    }

    /// Whether the largest measured count is among the counts that decide.
    fn reach_the_largest_of(&self, groups: &[Group]) -> bool {
        let decides = self.groups.last().map(|&at| groups[at].workers);
        let largest = groups.iter().map(|group| group.workers).fold(0.0, f64::max);
        decides.is_some_and(|decides| decides >= largest)
    }

    /// Whether the last step gained more than the tolerance, beyond one standard error.
    fn is_rising(&self, tolerance: f64) -> bool {
        let [.., before, last] = self.logs.as_slice() else { return false };
        let [.., few, many] = self.counts.as_slice() else { return false };
        let error = self.scale * (1.0 / *few.max(&1) as f64 + 1.0 / *many.max(&1) as f64).sqrt();
        let highest = self.logs.iter().all(|log| log <= last);
        highest && last - before - error > -(1.0 - tolerance.clamp(0.0, 0.99)).ln()
    }

    /// How much better than the count at `at` another count may be, as a share, with 95 %
    /// confidence.
    fn regret(&self, at: usize) -> f64 {
        regret(&self.known(0..self.logs.len()), at, self.df).exp_m1()
    }

    fn known(&self, which: impl Iterator<Item = usize>) -> Vec<Known> {
        let known = |at: usize| Known {
            log: self.logs[at],
            error: self.scale / (self.counts[at].max(1) as f64).sqrt(),
        };
        which.map(known).collect()
    }

    /// How much better than the count at `at` another count is at least, on logarithms.
    fn surely_behind(&self, at: usize, best: &Best) -> f64 {
        (0..self.logs.len())
            .filter(|&other| other != at)
            .map(|other| {
                let pair = 1.0 / self.counts[at] as f64 + 1.0 / self.counts[other] as f64;
                let reach = best.quantile * self.scale * pair.sqrt();
                self.logs[other] - self.logs[at] - reach
            })
            .fold(0.0, f64::max)
    }

    /// The share of resampled outcomes in which `best` is the best count.
    ///
    /// Each outcome draws the common scale from its chi-squared distribution and each level from a
    /// normal one. This is the posterior under a flat prior.
    fn probability(&self, best: usize, seed: u64) -> f64 {
        if self.scale <= 0.0 {
            return 1.0;
        }
        let mut rng = Rng::labelled(seed, "probability of the optimum");
        let errors: Vec<f64> =
            self.counts.iter().map(|&n| self.scale / (n.max(1) as f64).sqrt()).collect();
        // A count ten standard errors below cannot win. Leaving such counts out saves most of the
        // work on long curves.
        let near: Vec<usize> = (0..self.logs.len())
            .filter(|&at| self.logs[best] - self.logs[at] <= 10.0 * errors[at].hypot(errors[best]))
            .collect();
        let wins = (0..DRAWS)
            .filter(|_| {
                let wider = chi_over_df(self.df, &mut rng).sqrt().recip();
                let mut draw = |at: usize| self.logs[at] + wider * errors[at] * rng.normal();
                let own = draw(best);
                near.iter().all(|&at| at == best || draw(at) <= own)
            })
            .count();
        wins as f64 / DRAWS as f64
    }

    /// What would settle the question, in words.
    fn remedy(&self, set: &[usize], regret: f64, settled: f64) -> String {
        if self.logs.len() < 2 {
            return "measure more than one worker count".to_owned();
        }
        if self.noise != Noise::Measured {
            return "measure each count at least 5 times, the counts in random order".to_owned();
        }
        // Counts that have clearly lost need no further measurements.
        let times = set.iter().map(|&at| self.counts[at]).min().unwrap_or(1).max(1);
        let ratio = (regret.ln_1p() / settled.ln_1p()).powi(2);
        let wanted = (times as f64 * ratio).ceil().max(times as f64 + 1.0);
        if wanted > 200.0 {
            return format!(
                "a quieter machine or longer measurements: a noise of {:.0} % each hides the \
                 differences",
                100.0 * self.scale
            );
        }
        format!("about {wanted:.0} measurements of each count ({times} now), or a quieter machine")
    }
}

/// A chi-squared number with `df` degrees of freedom, divided by `df`. Uses Wilson and Hilferty's
/// cube of a normal number (1931).
fn chi_over_df(df: f64, rng: &mut Rng) -> f64 {
    let spread = 2.0 / (9.0 * df.max(1.0));
    (1.0 - spread + spread.sqrt() * rng.normal()).max(0.05).powi(3)
}
