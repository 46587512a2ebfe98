//! Chooses the best of several curves measured elsewhere, where each curve is a way of doing the
//! same work.

use super::findings::{Curve, Other, Verdict};
use super::observation::{Observation, Spread, group, spread};
use super::optimum::SETTLED;
use super::ratio::ratio;
use super::round::Rounded;
use crate::units::{Quantity, workers};

/// One of the curves that are compared.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What the mode is called in a sentence: `processes`.
    pub mode: &'a str,
    /// The findings for the curve.
    pub curve: &'a Curve,
    /// Its measurements.
    pub observations: &'a [Observation],
    /// The noise that its file states, as in [`super::Input`].
    pub noise: Option<(f64, f64)>,
}

impl Side<'_> {
    /// The knee, and the measurements there.
    fn at_knee(&self) -> Option<(f64, Vec<Observation>)> {
        let knee = self.curve.knee.as_ref()?.workers;
        let near = |one: &&Observation| (one.workers - knee).abs() < 1e-9;
        Some((knee, self.observations.iter().filter(near).copied().collect()))
    }

    fn spread(&self) -> Spread {
        let own = spread(&group(self.observations));
        match self.noise.filter(|_| own.df <= 0.0) {
            Some((sd, df)) => Spread { sd, df },
            None => own,
        }
    }

    fn rate(&self) -> Option<f64> {
        let knee = self.curve.knee.as_ref()?.workers;
        let point = self.curve.points.iter().find(|point| (point.workers - knee).abs() < 1e-9);
        point.map(|point| point.throughput.median)
    }
}

/// The best of several curves, each at its own knee; `None` for fewer than two.
pub fn between(label: &str, sides: &[Side<'_>]) -> Option<Verdict> {
    let known: Vec<&Side<'_>> = sides.iter().filter(|side| side.rate().is_some()).collect();
    let rate = |side: &&&Side<'_>| side.rate().unwrap_or(0.0);
    let best = *known.iter().max_by(|a, b| rate(a).total_cmp(&rate(b)))?;
    if known.len() < 2 {
        return None;
    }
    let (count, own) = best.at_knee()?;
    let mut others = Vec::new();
    for other in known.iter().filter(|other| other.curve.name != best.curve.name) {
        let (workers, cell) = other.at_knee()?;
        let (one, two) = (other.spread(), best.spread());
        let wider = if one.df > 0.0 && one.sd > two.sd { one } else { two };
        let ratio = ratio(&cell, &own, wider, wider)?.rounded();
        others.push((other.mode, Other { mode: other.curve.name.clone(), workers, ratio }));
    }
    let settled = best.curve.optimum.as_ref().is_some_and(|optimum| optimum.conclusive);
    let conclusive = settled && others.iter().all(|(_, other)| other.ratio.high <= 1.0 + SETTLED);
    let rest: Vec<String> = others
        .iter()
        .map(|(mode, other)| {
            let ratio = other.ratio;
            if ratio.low < 1.0 && ratio.high > 1.0 {
                return format!("{mode} cannot be told apart");
            }
            let share = Quantity::Share.text((1.0 - ratio.median).abs());
            format!("{mode}, {}, does {share} less", workers(other.workers))
        })
        .collect();
    let doubt = if conclusive { "" } else { " (not settled)" };
    let sentence =
        format!("{label}: {}, {}; {}{doubt}", best.mode, workers(count), rest.join("; "));
    let point = best.curve.points.iter().find(|point| (point.workers - count).abs() < 1e-9);
    Some(Verdict {
        mode: best.curve.name.clone(),
        workers: count,
        speedup: point.and_then(|point| point.speedup),
        others: others.into_iter().map(|(_, other)| other).collect(),
        conclusive,
        regret: best.curve.knee.as_ref().and_then(|knee| knee.regret),
        times_the_rounds: None,
        asides: Vec::new(),
        sentence,
    })
}
