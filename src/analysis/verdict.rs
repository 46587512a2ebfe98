//! Which mode, at how many workers, and by how much.

use super::findings::{Curve, Estimate, Other, Verdict};
use super::observation::{Observation, Spread, group, spread};
use super::optimum::{self, SETTLED};
use super::ratio::ratio;
use super::round::Rounded;
use crate::plan::{Candidates, Mode};
use crate::units::{Quantity, workers};

/// One mode at its own knee.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    pub(super) mode: Mode,
    pub(super) workers: f64,
    /// The measurements there.
    pub(super) cell: Vec<Observation>,
    /// The spread of one measurement of its series.
    pub(super) within: Spread,
    /// The same without what whole blocks wander; without degrees of freedom where that is not known.
    pub(super) in_block: Spread,
    /// Whether its own count is settled.
    pub(super) settled: bool,
    /// Against serial there.
    pub(super) speedup: Option<Estimate>,
}

impl Contender {
    /// A curve at its knee. Where only one count was `asked` for, that count is no question.
    pub(super) fn of(
        mode: Mode,
        curve: &Curve,
        observations: &[Observation],
        asked: &Candidates,
    ) -> Option<Self> {
        let knee = curve.knee?.workers;
        let at = |workers: f64| (workers - knee).abs() < 1e-9;
        let groups = group(observations);
        let table = optimum::table(observations, &groups, false);
        Some(Self {
            mode,
            workers: knee,
            cell: observations.iter().copied().filter(|o| at(o.workers)).collect(),
            within: spread(&groups),
            in_block: Spread { sd: table.scale, df: table.df },
            settled: matches!(asked, Candidates::Exactly { counts } if counts.len() == 1)
                || curve.optimum.as_ref().is_some_and(|optimum| optimum.conclusive),
            speedup: curve.points.iter().find(|point| at(point.workers))?.speedup,
        })
    }

    /// The serial cell.
    pub(super) fn serial(cell: Vec<Observation>) -> Option<Self> {
        let one = Estimate { median: 1.0, low: 1.0, high: 1.0 };
        let within = spread(&group(&cell));
        let settled = !cell.is_empty();
        settled.then_some(Self {
            mode: Mode::Serial,
            workers: 1.0,
            cell,
            within,
            in_block: Spread { sd: 0.0, df: 0.0 },
            settled,
            speedup: Some(one),
        })
    }

    fn over(&self, other: &Self) -> Option<Estimate> {
        let within = pooled(self.within, other.within);
        let in_block = Some(pooled(self.in_block, other.in_block)).filter(|pair| pair.df > 0.0);
        ratio(&self.cell, &other.cell, within, in_block.unwrap_or(within))
    }

    fn level(&self) -> f64 {
        let logs: Vec<f64> = self.cell.iter().map(|o| o.throughput.ln()).collect();
        crate::stats::median::median(&logs).unwrap_or(f64::NEG_INFINITY)
    }
}

/// The common spread of two series, each with the weight of its degrees of freedom.
fn pooled(one: Spread, other: Spread) -> Spread {
    let df = one.df + other.df;
    let squares = one.sd.powi(2) * one.df + other.sd.powi(2) * other.df;
    Spread { sd: if df > 0.0 { (squares / df).sqrt() } else { 0.0 }, df }
}

/// A mode is as good as the best when at most this share is lost for sure, and the two cannot be told apart.
const AS_GOOD: f64 = 0.02;

/// The verdict over all modes; `None` without any.
pub(super) fn verdict(label: &str, contenders: &[Contender]) -> Option<Verdict> {
    let fastest = contenders.iter().max_by(|a, b| a.level().total_cmp(&b.level()))?;
    let as_good = |contender: &&Contender| {
        contender.mode == fastest.mode
            || contender.over(fastest).is_some_and(|e| e.high >= 1.0 && e.median >= 1.0 - AS_GOOD)
    };
    let rank = |contender: &&Contender| contender.mode.description().rank;
    let chosen = contenders.iter().filter(as_good).min_by_key(rank)?;
    let mut others: Vec<Other> = contenders
        .iter()
        .filter(|other| other.mode != chosen.mode)
        .filter_map(|other| {
            Some(Other {
                mode: other.mode.name().to_owned(),
                workers: other.workers,
                ratio: other.over(chosen)?.rounded(),
            })
        })
        .collect();
    others.sort_by(|a, b| b.ratio.median.total_cmp(&a.ratio.median).then(a.mode.cmp(&b.mode)));
    let conclusive = chosen.settled && others.iter().all(|other| other.ratio.high <= 1.0 + SETTLED);
    let sentence = sentence(label, chosen, &others, conclusive);
    Some(Verdict {
        mode: chosen.mode.name().to_owned(),
        workers: chosen.workers,
        speedup: chosen.speedup,
        others,
        conclusive,
        sentence,
    })
}

fn sentence(label: &str, chosen: &Contender, others: &[Other], conclusive: bool) -> String {
    let what = match chosen.mode {
        Mode::Serial => "nothing beats doing it serially".to_owned(),
        mode => format!("{} in {mode} mode", workers(chosen.workers)),
    };
    let gain =
        chosen.speedup.filter(|_| chosen.mode != Mode::Serial).map_or_else(String::new, |e| {
            format!(", {} of serial", Quantity::Ratio.interval(e.median, e.low, e.high))
        });
    let rest: Vec<String> = others
        .iter()
        .filter(|other| other.mode != Mode::Serial.name())
        .map(|other| {
            let e = other.ratio;
            if e.low <= 1.0 && e.high >= 1.0 {
                return format!("{} cannot be told apart", other.mode);
            }
            let share = Quantity::Share.text((1.0 - e.median).abs());
            let side = if e.median < 1.0 { "less" } else { "more" };
            format!("{} does {share} {side}", other.mode)
        })
        .collect();
    let rest = if rest.is_empty() { String::new() } else { format!("; {}", rest.join(", ")) };
    let doubt = if conclusive { "" } else { " (not settled)" };
    format!("{label}: {what}{gain}{rest}{doubt}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(mode: Mode, workers: f64, levels: [f64; 6]) -> Contender {
        let cell: Vec<Observation> = (0..)
            .zip(levels)
            .map(|(block, throughput)| Observation {
                workers,
                throughput,
                block: Some(block),
                confirms: true,
            })
            .collect();
        let within = spread(&group(&cell));
        Contender { mode, workers, cell, within, in_block: within, settled: true, speedup: None }
    }

    #[test]
    fn the_faster_mode_wins_and_the_simpler_one_where_they_are_alike() {
        let serial = contender(Mode::Serial, 1.0, [1.0, 1.01, 0.99, 1.0, 1.02, 0.98]);
        let threads = contender(Mode::Threads, 2.0, [1.9, 1.93, 1.88, 1.9, 1.92, 1.91]);
        let slower = contender(Mode::ProcessPool, 2.0, [1.7, 1.72, 1.69, 1.7, 1.71, 1.73]);
        let alike = contender(Mode::ProcessPool, 2.0, [1.92, 1.9, 1.91, 1.91, 1.89, 1.93]);
        let clear = verdict("pi", &[serial.clone(), threads.clone(), slower]).unwrap();
        assert_eq!((clear.mode.as_str(), clear.conclusive), ("threads", true));
        assert!(clear.sentence.contains("process-pool does 1"), "{}", clear.sentence);
        assert_eq!(clear.others[0].mode, "process-pool");
        let tie = verdict("pi", &[serial.clone(), threads, alike]).unwrap();
        assert_eq!(tie.mode, "threads");
        assert!(tie.sentence.contains("cannot be told apart"), "{}", tie.sentence);
        let useless = contender(Mode::Threads, 2.0, [1.0, 1.0, 0.99, 1.01, 1.01, 0.99]);
        assert_eq!(verdict("noop", &[useless, serial]).unwrap().mode, "serial");
        assert!(verdict("none", &[]).is_none());
    }
}
