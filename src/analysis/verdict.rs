//! The verdict: which mode, at how many workers, and how much better it is.

use super::findings::{Curve, Estimate, Other, Verdict};
use super::observation::{Observation, Spread, group, spread};
use super::optimum::{self, settled};
use super::ratio::ratio;
use super::round::Rounded;
use crate::plan::{Candidates, Mode};
use crate::stats::joint::{Entry, Table};
use crate::stats::knee::{Known, first_within};
use crate::units::{Quantity, plural, workers};

/// One mode at its own knee, or one of several ways to do the same work.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    /// Its name: the mode, or the user's name for a way.
    pub(super) name: String,
    /// Whether it is a way that the user named.
    pub(super) is_alternative: bool,
    pub(super) mode: Mode,
    pub(super) workers: f64,
    /// The measurements at the knee.
    pub(super) cell: Vec<Observation>,
    /// The spread of one measurement of its series.
    pub(super) within: Spread,
    /// The same spread without the drift of whole blocks. It has no degrees of freedom if that is
    /// not known.
    pub(super) in_block: Spread,
    /// Whether the count itself is settled.
    pub(super) settled: bool,
    /// Another of its counts may be better by this share.
    pub(super) regret: Option<f64>,
    /// What its knee costs against its best count.
    pub(super) loss: f64,
    /// The measurements at its best count.
    pub(super) top: Vec<Observation>,
    /// All measurements of its curve.
    pub(super) all: Vec<Observation>,
    /// The count beyond which workers have less than a CPU each, if a worker alone computes all the
    /// time.
    pub(super) crowded: Option<f64>,
    /// The speed-up of the knee against serial.
    pub(super) speedup: Option<Estimate>,
}

impl Contender {
    /// The contender for a curve at its knee. If the user `asked` for only one count, the count is
    /// settled.
    pub(super) fn of(
        mode: Mode,
        curve: &Curve,
        observations: &[Observation],
        (asked, crowded): (&Candidates, Option<f64>),
    ) -> Option<Self> {
        let found = curve.knee.as_ref()?;
        let knee = found.workers;
        let best = curve.optimum.as_ref().map_or(knee, |optimum| optimum.workers);
        let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let cell = |count: f64| -> Vec<Observation> {
            observations.iter().copied().filter(|o| same(o.workers, count)).collect()
        };
        let groups = group(observations);
        let table = optimum::table(observations, &groups);
        Some(Self {
            name: curve.name.clone(),
            is_alternative: false,
            mode,
            workers: knee,
            cell: cell(knee),
            within: spread(&groups),
            in_block: Spread { sd: table.scale, df: table.df },
            settled: matches!(asked, Candidates::Exactly { counts } if counts.len() == 1)
                || curve.optimum.as_ref().is_some_and(|found| found.conclusive && !found.rising),
            regret: found.regret,
            loss: found.loss.unwrap_or(0.0),
            top: cell(best),
            all: observations.to_vec(),
            crowded,
            speedup: curve.points.iter().find(|point| same(point.workers, knee))?.speedup,
        })
    }

    /// The contender for the serial cell.
    pub(super) fn serial(cell: Vec<Observation>) -> Option<Self> {
        let one = Estimate { median: 1.0, low: 1.0, high: 1.0 };
        let within = spread(&group(&cell));
        let settled = !cell.is_empty();
        settled.then_some(Self {
            name: Mode::Serial.name().to_owned(),
            is_alternative: false,
            mode: Mode::Serial,
            workers: 1.0,
            top: cell.clone(),
            all: cell.clone(),
            crowded: None,
            cell,
            within,
            in_block: Spread { sd: 0.0, df: 0.0 },
            settled,
            regret: None,
            loss: 0.0,
            speedup: Some(one),
        })
    }

    /// Its level relative to the fastest, with the error.
    fn against(&self, fastest: &Self) -> Known {
        const ENDS: f64 = 2.0 * 1.959_963_985;
        if self.name == fastest.name {
            return Known { log: 0.0, error: 0.0 };
        }
        match self.over(fastest) {
            Some(e) => Known { log: e.median.ln(), error: (e.high / e.low).ln() / ENDS },
            None => Known { log: f64::NAN, error: 0.0 },
        }
    }

    fn over(&self, other: &Self) -> Option<Estimate> {
        self.ratio(&self.cell, other)
    }

    /// Its best count relative to the knee of the other contender.
    fn top_over(&self, other: &Self) -> Option<Estimate> {
        self.ratio(&self.top, other)
    }

    fn ratio(&self, own: &[Observation], other: &Self) -> Option<Estimate> {
        let within = pooled(self.within, other.within);
        let in_block = Some(pooled(self.in_block, other.in_block)).filter(|pair| pair.df > 0.0);
        ratio(own, &other.cell, within, in_block.unwrap_or(within))
    }

    fn level(&self) -> f64 {
        let logs: Vec<f64> = self.cell.iter().map(|o| o.throughput.ln()).collect();
        crate::stats::median::median(&logs).unwrap_or(f64::NEG_INFINITY)
    }
}

/// The common spread of two series, weighted by their degrees of freedom.
fn pooled(one: Spread, other: Spread) -> Spread {
    let df = one.df + other.df;
    let squares = one.sd.powi(2) * one.df + other.sd.powi(2) * other.df;
    Spread { sd: if df > 0.0 { (squares / df).sqrt() } else { 0.0 }, df }
}

/// Modes that differ by less than this share are equal.
pub(crate) const EQUAL: f64 = 0.02;

/// A mode this far behind counts as behind, even with few rounds.
const FAR: f64 = 0.2;

/// Whether it is open which of two modes does more, and it hardly matters.
pub(crate) fn is_close(ratio: Estimate) -> bool {
    (ratio.median - 1.0).abs() < FAR && ratio.low <= 1.0 && ratio.high >= 1.0
}

/// The verdict over all modes under this tolerance; `None` if there are none.
///
/// Of the modes that cost at most the tolerance, the simplest is recommended, by the same rule as
/// for counts. Of ways that the user named, the first one is.
pub(super) fn verdict(label: &str, contenders: &[Contender], tolerance: f64) -> Option<Verdict> {
    let fastest = contenders.iter().max_by(|a, b| a.level().total_cmp(&b.level()))?;
    let mut ranked: Vec<&Contender> = contenders.iter().collect();
    ranked.sort_by_key(|contender| {
        if contender.is_alternative { 0 } else { contender.mode.description().rank }
    });
    // If the modes share blocks, all their cells are compared together.
    let table = entries(&ranked).and_then(|entries| Table::of(&entries));
    let together = table.as_ref().and_then(|table| levels_in(table, &ranked));
    let levels: Vec<Known> = together
        .unwrap_or_else(|| ranked.iter().map(|contender| contender.against(fastest)).collect());
    let chosen = ranked[first_within(&levels, tolerance)?];
    let rivals: Vec<Rival<'_>> = contenders
        .iter()
        .filter(|other| other.name != chosen.name)
        .filter_map(|other| Rival::of(other, chosen))
        .collect();
    let mut others: Vec<Other> = rivals.iter().map(Rival::told).collect();
    others.sort_by(|a, b| b.ratio.median.total_cmp(&a.ratio.median).then(a.mode.cmp(&b.mode)));
    let limit = settled(tolerance);
    let most = rivals.iter().map(|rival| rival.top.high - 1.0).reduce(f64::max);
    let most = table.and_then(|table| regret_in(&table, &ranked, chosen)).or(most);
    let regret = [chosen.regret, most].into_iter().flatten().reduce(f64::max);
    let conclusive = chosen.settled && most.is_none_or(|most| most <= limit);
    let sentence = sentence(label, chosen, &others, conclusive);
    Some(Verdict {
        mode: chosen.name.clone(),
        workers: chosen.workers,
        speedup: chosen.speedup,
        others,
        conclusive,
        regret: regret.map(|regret| regret.max(0.0)).rounded(),
        times_the_rounds: (!conclusive).then(|| times(chosen, &rivals, limit)).flatten().rounded(),
        asides: Vec::new(),
        sentence,
    })
}

/// How much better than the `chosen` one a cell of another mode may be, as a share. `None` if the
/// table does not hold the chosen one.
fn regret_in(table: &Table<usize>, ranked: &[&Contender], chosen: &Contender) -> Option<f64> {
    let own = ranked.iter().position(|contender| contender.name == chosen.name)?;
    let is_crowded = |group: usize, cell: u64| {
        ranked[group].crowded.is_some_and(|most| f64::from_bits(cell) > most)
    };
    table.regret((own, chosen.workers.to_bits()), is_crowded)
}

/// The level of each contender's knee. `None` if the table does not hold all of them.
fn levels_in(table: &Table<usize>, ranked: &[&Contender]) -> Option<Vec<Known>> {
    let of = |(group, contender): (usize, &&Contender)| {
        table.levels.get(&(group, contender.workers.to_bits())).copied()
    };
    ranked.iter().enumerate().map(of).collect()
}

/// All measurements, grouped by contender. `None` if one was not made in a block.
fn entries(contenders: &[&Contender]) -> Option<Vec<Entry<usize>>> {
    let mut entries = Vec::new();
    for (group, contender) in contenders.iter().enumerate() {
        for o in contender.all.iter().filter(|o| o.is_sound()) {
            let (cell, block, log) = (o.workers.to_bits(), o.block?, o.throughput.ln());
            let (launch, confirms) = (o.launch, o.confirms);
            entries.push(Entry { group, cell, block, launch, log, confirms });
        }
    }
    Some(entries)
}

/// Another mode, compared with the chosen one.
struct Rival<'c> {
    contender: &'c Contender,
    /// Its knee relative to the chosen one.
    ratio: Estimate,
    /// Its best count relative to the chosen one.
    top: Estimate,
}

impl<'c> Rival<'c> {
    fn of(contender: &'c Contender, chosen: &Contender) -> Option<Self> {
        let ratio = contender.over(chosen)?;
        let top = contender.top_over(chosen).unwrap_or(ratio);
        Some(Self { contender, ratio, top })
    }

    fn told(&self) -> Other {
        Other {
            mode: self.contender.name.clone(),
            workers: self.contender.workers,
            ratio: self.ratio.rounded(),
        }
    }
}

/// The factor by which rounds must grow to bring the regret below the limit; `None` if none would
/// do.
///
/// Doubt shrinks with the root of the number of rounds. A known advantage of another mode remains.
fn times(chosen: &Contender, rivals: &[Rival<'_>], limit: f64) -> Option<f64> {
    let gap = |loss: f64| -(1.0 - loss).max(f64::MIN_POSITIVE).ln();
    let own = chosen.regret.map(|regret| {
        let gap = gap(chosen.loss);
        (gap, regret.ln_1p() - gap)
    });
    let others = rivals.iter().map(|rival| {
        let middle = rival.top.median.ln();
        (middle, rival.top.high.ln() - middle)
    });
    let needed = own.into_iter().chain(others).map(|(gap, doubt)| {
        let room = limit.ln_1p() - gap;
        if room > 0.0 { (doubt / room).powi(2) } else { f64::INFINITY }
    });
    needed.reduce(f64::max).filter(|times| times.is_finite()).map(|times| times.max(1.0))
}

fn sentence(label: &str, chosen: &Contender, others: &[Other], conclusive: bool) -> String {
    let what = match chosen.mode {
        Mode::Serial => "nothing beats doing it serially".to_owned(),
        Mode::Copies => plural(chosen.workers.round() as u64, "copy", "copies"),
        mode => format!("{} in {mode} mode", workers(chosen.workers)),
    };
    let (what, base) = match chosen.mode {
        _ if chosen.is_alternative => {
            (format!("{}, {}", workers(chosen.workers), chosen.name), "one")
        }
        Mode::Copies => (what, "one"),
        _ => (what, "serial"),
    };
    let gain =
        chosen.speedup.filter(|_| chosen.mode != Mode::Serial).map_or_else(String::new, |e| {
            format!(", {} of {base}", Quantity::Ratio.interval(e.median, e.low, e.high))
        });
    let rest: Vec<String> = others
        .iter()
        .filter(|other| other.mode != Mode::Serial.name())
        .map(|other| {
            let e = other.ratio;
            if (e.median - 1.0).abs() < EQUAL {
                return format!("{} is equal", other.mode);
            }
            if is_close(e) {
                let both = format!("{} or {}", chosen.name, other.mode);
                return format!("{both}: too close to call; either will do");
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
                launch: None,
            })
            .collect();
        let within = spread(&group(&cell));
        Contender {
            name: mode.name().to_owned(),
            is_alternative: false,
            mode,
            workers,
            top: cell.clone(),
            all: cell.clone(),
            crowded: None,
            cell,
            within,
            in_block: within,
            settled: true,
            regret: None,
            loss: 0.0,
            speedup: None,
        }
    }

    #[test]
    fn what_is_far_behind_is_no_close_call() {
        let ratio = |low, median, high| Estimate { median, low, high };
        assert!(is_close(ratio(0.8, 0.95, 1.1)) && is_close(ratio(0.9, 1.1, 1.3)));
        assert!(!is_close(ratio(0.003, 0.054, 1.02)) && !is_close(ratio(0.9, 0.95, 0.99)));
    }

    #[test]
    fn the_faster_mode_wins_and_the_simpler_one_where_they_are_alike() {
        let serial = contender(Mode::Serial, 1.0, [1.0, 1.01, 0.99, 1.0, 1.02, 0.98]);
        let threads = contender(Mode::Threads, 2.0, [1.9, 1.93, 1.88, 1.9, 1.92, 1.91]);
        let slower = contender(Mode::ProcessPool, 2.0, [1.7, 1.72, 1.69, 1.7, 1.71, 1.73]);
        let alike = contender(Mode::ProcessPool, 2.0, [1.92, 1.9, 1.91, 1.91, 1.89, 1.93]);
        let clear = verdict("pi", &[serial.clone(), threads.clone(), slower], 0.05).unwrap();
        assert_eq!((clear.mode.as_str(), clear.conclusive), ("threads", true));
        assert!(clear.sentence.contains("process-pool does 1"), "{}", clear.sentence);
        assert_eq!(clear.others[0].mode, "process-pool");
        let tie = verdict("pi", &[serial.clone(), threads, alike], 0.05).unwrap();
        assert_eq!(tie.mode, "threads");
        assert!(tie.sentence.contains("process-pool is equal"), "{}", tie.sentence);
        let useless = contender(Mode::Threads, 2.0, [1.0, 1.0, 0.99, 1.01, 1.01, 0.99]);
        assert_eq!(verdict("noop", &[useless, serial], 0.05).unwrap().mode, "serial");
        assert!(verdict("none", &[], 0.05).is_none());
    }
}
