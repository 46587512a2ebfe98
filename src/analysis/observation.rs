//! The input of a curve's analysis: single measurements, grouped by worker count.

use crate::stats::median;
use crate::stats::moderate::{Variance, moderate};
use crate::stats::polish::Polish;

/// One measurement of one worker count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The worker count, above 0. It can be fractional for loads measured elsewhere.
    pub workers: f64,
    /// Units per second, above 0.
    pub throughput: f64,
    /// Number of its block, if measurements were made in blocks.
    pub block: Option<u32>,
    /// Whether it was made to decide between counts that were already chosen.
    pub confirms: bool,
    /// The launch of its crew, if known.
    pub launch: Option<u32>,
}

impl Observation {
    /// A measurement without further information.
    pub fn plain(workers: f64, throughput: f64) -> Self {
        Self { workers, throughput, block: None, confirms: true, launch: None }
    }

    /// Whether it can be analysed: both figures are finite and above 0.
    pub fn is_sound(&self) -> bool {
        [self.workers, self.throughput].iter().all(|value| value.is_finite() && *value > 0.0)
    }
}

/// All measurements of one worker count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) workers: f64,
    /// Indices of the observations, in the order given.
    pub(super) members: Vec<usize>,
    /// The logarithms of their throughputs.
    pub(super) logs: Vec<f64>,
}

/// Groups measurements by worker count, ascending.
pub(super) fn group(observations: &[Observation]) -> Vec<Group> {
    let mut order: Vec<usize> =
        (0..observations.len()).filter(|&at| observations[at].is_sound()).collect();
    order.sort_by(|&a, &b| {
        observations[a].workers.total_cmp(&observations[b].workers).then(a.cmp(&b))
    });
    order
        .chunk_by(|&a, &b| observations[a].workers.total_cmp(&observations[b].workers).is_eq())
        .map(|members| Group {
            workers: observations[members[0]].workers,
            members: members.to_vec(),
            logs: members.iter().map(|&at| observations[at].throughput.ln()).collect(),
        })
        .collect()
}

/// How much repetitions of a count differ, over all counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    /// Standard deviation of the logarithms within a count.
    pub(super) sd: f64,
    /// Degrees of freedom behind it; 0 if nothing is repeated.
    pub(super) df: f64,
}

impl Spread {
    /// The same spread, with fewer degrees of freedom if whole blocks drifted. `table` is the
    /// separated table of the measurements.
    ///
    /// Measurements of one block share its luck. So two blocks say little about how blocks differ,
    /// however many counts each holds. The two parts of the variance are combined by
    /// Satterthwaite's rule (Biometrics Bulletin 2, 1946).
    pub(super) fn over_blocks(self, table: &Polish) -> Self {
        // With fewer, an interval would be ten times the spread and say nothing.
        const LEAST: f64 = 2.0;
        let blocks = table.blocks.len() as f64;
        if blocks < 2.0 || self.df <= 0.0 {
            return self;
        }
        let mean = table.blocks.iter().sum::<f64>() / blocks;
        let apart =
            table.blocks.iter().map(|block| (block - mean).powi(2)).sum::<f64>() / (blocks - 1.0);
        // Noise of the cells alone makes blocks differ too.
        let by_noise = table.scale.powi(2) * blocks / table.residuals.len() as f64;
        let whole = self.sd.powi(2);
        let wander = (apart - by_noise).clamp(0.0, whole);
        let doubt = wander.powi(2) / (blocks - 1.0) + (whole - wander).powi(2) / self.df;
        let df = if doubt > 0.0 { whole.powi(2) / doubt } else { self.df };
        Self { df: df.max(LEAST).min(self.df), ..self }
    }
}

pub(super) fn spread(groups: &[Group]) -> Spread {
    let (mut squares, mut df) = (0.0, 0.0);
    for group in groups {
        let mean = group.logs.iter().sum::<f64>() / group.logs.len() as f64;
        squares += group.logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
        df += group.logs.len() as f64 - 1.0;
    }
    Spread { sd: if df > 0.0 { (squares / df).sqrt() } else { 0.0 }, df }
}

/// The spread used for each group: its own, combined with that of the others as far as they agree.
pub(super) fn moderated(groups: &[Group]) -> Vec<Spread> {
    let variance = |group: &Group| {
        let own = spread(std::slice::from_ref(group));
        Variance { value: own.sd.powi(2), df: own.df }
    };
    let variances: Vec<Variance> = groups.iter().map(variance).collect();
    moderate(&variances)
        .into_iter()
        .map(|one| Spread { sd: one.value.sqrt(), df: one.df })
        .collect()
}

/// The 95 % interval of a median of logarithms; `None` if nothing is repeated.
///
/// Five or more values give their own interval; fewer borrow the spread of the other counts.
pub(super) fn interval(logs: &[f64], spread: Spread) -> Option<(f64, f64)> {
    let sorted = median::ascending(logs);
    if let Some(ends) = median::interval(&sorted) {
        return Some(ends);
    }
    if spread.df < 1.0 {
        return None;
    }
    let centre = median::median(logs)?;
    let half = median::half_width_from(spread.sd, spread.df, logs.len());
    Some((centre - half, centre + half))
}
