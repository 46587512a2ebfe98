//! The best count, the counts that cannot be told apart from it, the knee, and their certainty.
//!
//! The levels are those of [`crate::stats::levels`]. They are compared by Hsu's multiple
//! comparisons with the best.

use super::findings::{Knee, More, Optimum};
use super::observation::{Group, Observation, Spread, group, spread};
use crate::rng::Rng;
use crate::stats::dunnett::{self, Best};
use crate::stats::knee::{Known, first_within, lower_unproven};
use crate::stats::levels::{self as stats, Measured};
use crate::stats::polish::Polish;

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
    /// The levels. Their cells are indices of the groups.
    compared: stats::Levels,
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
pub(super) fn table(observations: &[Observation], groups: &[Group]) -> Polish {
    stats::table(&measured(observations, groups), false)
}

/// The measurements, one group after another.
fn measured(observations: &[Observation], groups: &[Group]) -> Vec<Measured> {
    let of = |(cell, group): (usize, &Group)| -> Vec<Measured> {
        let one = |(&at, &log): (&usize, &f64)| {
            let Observation { block, launch, confirms, .. } = observations[at];
            Measured { cell, block, launch, log, confirms }
        };
        group.members.iter().zip(&group.logs).map(one).collect()
    };
    groups.iter().enumerate().flat_map(of).collect()
}

/// The levels that decide. `law_noise` is the residual spread of the best law with its degrees of
/// freedom, for data without repetitions.
pub(super) fn levels(
    observations: &[Observation],
    groups: &[Group],
    spread: Spread,
    law_noise: Option<Spread>,
) -> Levels {
    let compared = stats::Levels::of(&measured(observations, groups));
    let df = compared.df;
    let mut levels = Levels {
        compared,
        noise: Noise::Measured,
        is_finished: observations.iter().all(|one| one.block.is_none())
            && groups.iter().all(|group| group.logs.len() == 1),
    };
    let compared = &mut levels.compared;
    if df <= 0.0 && spread.df > 0.0 {
        compared.share(spread.sd, spread.df);
    } else if df <= 0.0 {
        // A misfit contains noise and the law's own error. So at most the noise of an ordinary
        // machine is taken from it.
        let law = law_noise.filter(|law| law.sd < ASSUMED_NOISE);
        let scale = law.map_or(ASSUMED_NOISE, |law| law.sd.max(LEAST_NOISE));
        compared.share(scale, law.map_or(ASSUMED_DF, |law| law.df));
        levels.noise = if law.is_some() { Noise::Law } else { Noise::Assumed };
    }
    levels
}

/// The regret up to which a recommendation counts as settled under this tolerance.
pub(super) fn settled(tolerance: f64) -> f64 {
    SETTLED.max(tolerance + DOUBT)
}

/// Compares the levels; `None` if there are none. More workers than `crowded` need proof of their
/// lead: each has less than a CPU, and work that computes all the time gains nothing by that.
pub(super) fn decide(
    levels: &Levels,
    groups: &[Group],
    (tolerance, crowded): (f64, Option<f64>),
    seed: u64,
) -> Option<Decision> {
    let best = dunnett::best(&levels.known(), levels.compared.df)?;
    let workers = |at: usize| groups[levels.compared.cells[at]].workers;
    let is_crowded = |cell: usize| crowded.is_some_and(|most| groups[cell].workers > most);
    let knee = levels.first_within(tolerance, |_| true, is_crowded)?;
    let several = levels.compared.logs.len() > 1;
    let regret = levels.compared.regret(knee, is_crowded);
    let alone = best.set.as_slice() == [knee];
    let conclusive =
        several && levels.noise == Noise::Measured && (alone || regret <= settled(tolerance));
    let optimum = Optimum {
        workers: workers(best.best),
        set: best.set.iter().map(|&at| workers(at)).collect(),
        probability: levels.probability(best.best, seed),
        conclusive,
        rising: knee + 1 == levels.compared.logs.len()
            && levels.reach_the_largest_of(groups)
            && levels.is_rising(tolerance),
        regret: several.then(|| levels.compared.regret(best.best, |_| false)),
        remedy: (!conclusive).then(|| levels.remedy(&best.set, regret, settled(tolerance))),
    };
    // By more than the tolerance, and by more than chance explains.
    let may_lose = -(1.0 - tolerance).ln();
    let as_good = (0..levels.compared.logs.len())
        .filter(|&at| at == knee || levels.surely_behind(at, &best) <= may_lose);
    let sure = |at: &usize| levels.compared.logs[*at] > levels.compared.logs[knee];
    let more = best.set.iter().find(|at| sure(at)).filter(|_| !best.set.contains(&knee));
    let knee = Knee {
        workers: workers(knee),
        loss: several
            .then(|| -(levels.compared.logs[knee] - levels.compared.logs[best.best]).exp_m1()),
        regret: several.then_some(regret),
        as_good: as_good.map(workers).collect(),
        more: more.map(|&at| More {
            workers: workers(at),
            gain: (levels.compared.logs[at] - levels.compared.logs[knee]).exp_m1(),
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
    let kept = |at: usize| kept(groups[levels.compared.cells[at]].workers);
    let at = levels.first_within(tolerance, kept, |_| false)?;
    Some(groups[levels.compared.cells[at]].workers)
}

impl Levels {
    /// The standard deviation of a single measurement.
    pub(super) fn scale(&self) -> f64 {
        self.compared.scale
    }

    fn known(&self) -> Vec<Known> {
        self.compared.known(0..self.compared.logs.len())
    }

    /// The first of the `kept` levels that costs at most the tolerance against the best of them.
    fn first_within(
        &self,
        tolerance: f64,
        kept: impl Fn(usize) -> bool,
        needs_proof: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let kept: Vec<usize> = (0..self.compared.logs.len()).filter(|&at| kept(at)).collect();
        let mut known = self.compared.known(kept.iter().copied());
        if self.is_finished {
            for level in &mut known {
                level.error = 0.0;
            }
        }
        let needs_proof = |place: usize| needs_proof(self.compared.cells[kept[place]]);
        lower_unproven(&mut known, needs_proof, self.compared.df);
        first_within(&known, tolerance).map(|place| kept[place])
    }

    /// Whether the largest measured count is among the counts that decide.
    fn reach_the_largest_of(&self, groups: &[Group]) -> bool {
        let decides = self.compared.cells.last().map(|&at| groups[at].workers);
        let largest = groups.iter().map(|group| group.workers).fold(0.0, f64::max);
        decides.is_some_and(|decides| decides >= largest)
    }

    /// Whether the last step gained more than the tolerance, beyond one standard error.
    fn is_rising(&self, tolerance: f64) -> bool {
        let [.., before, last] = self.compared.logs.as_slice() else { return false };
        let [.., few, many] = self.compared.errors.as_slice() else { return false };
        let highest = self.compared.logs.iter().all(|log| log <= last);
        highest && last - before - few.hypot(*many) > -(1.0 - tolerance.clamp(0.0, 0.99)).ln()
    }

    /// How much better than the count at `at` another count is at least, on logarithms.
    fn surely_behind(&self, at: usize, best: &Best) -> f64 {
        let known = self.known();
        let own = known[at];
        let lead =
            |other: &Known| other.log - own.log - best.quantile * own.error.hypot(other.error);
        let others = known.iter().enumerate().filter(|(other, _)| *other != at);
        others.map(|(_, other)| lead(other)).fold(0.0, f64::max)
    }

    /// The share of resampled outcomes in which `best` is the best count.
    ///
    /// Each outcome draws the common scale from its chi-squared distribution and each level from a
    /// normal one. This is the posterior under a flat prior.
    fn probability(&self, best: usize, seed: u64) -> f64 {
        if self.compared.scale <= 0.0 {
            return 1.0;
        }
        let mut rng = Rng::labelled(seed, "probability of the optimum");
        let known = self.known();
        // A count ten standard errors below cannot win. Leaving such counts out saves most of the
        // work on long curves.
        let top = known[best];
        let is_near = |one: &Known| top.log - one.log <= 10.0 * one.error.hypot(top.error);
        let near: Vec<usize> = (0..known.len()).filter(|&at| is_near(&known[at])).collect();
        let wins = (0..DRAWS)
            .filter(|_| {
                let wider = chi_over_df(self.compared.df, &mut rng).sqrt().recip();
                let mut draw = |at: usize| known[at].log + wider * known[at].error * rng.normal();
                let own = draw(best);
                near.iter().all(|&at| at == best || draw(at) <= own)
            })
            .count();
        wins as f64 / DRAWS as f64
    }

    /// What would settle the question, in words.
    fn remedy(&self, set: &[usize], regret: f64, settled: f64) -> String {
        if self.compared.logs.len() < 2 {
            return "measure more than one worker count".to_owned();
        }
        if self.noise != Noise::Measured {
            return "measure each count at least 5 times, the counts in random order".to_owned();
        }
        // Counts that have clearly lost need no further measurements.
        let times = set.iter().map(|&at| self.compared.counts[at]).min().unwrap_or(1).max(1);
        let ratio = (regret.ln_1p() / settled.ln_1p()).powi(2);
        let wanted = (times as f64 * ratio).ceil().max(times as f64 + 1.0);
        if wanted > 200.0 {
            return format!(
                "a quieter machine or longer measurements: a noise of {:.0} % each hides the \
                 differences",
                100.0 * self.compared.scale
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
