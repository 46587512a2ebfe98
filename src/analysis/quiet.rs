//! How quiet the machine was during a run, and whether it changed.

use std::collections::BTreeMap;

use super::findings::{Quiet, Warning};
use super::round::Rounded;
use crate::machine::BurnReport;
use crate::record::Record;
use crate::run::Sample;
use crate::stats::median::median;
use crate::stats::trend;
use crate::units::Quantity;

/// Others may use this share of the CPUs before figures lose their meaning.
const FOREIGN: f64 = 0.05;
/// And the hypervisor may take this share.
const STEAL: f64 = 0.02;
/// This share of the rounds may be disturbed.
const DISTURBED: f64 = 0.2;
/// A core that falls below this share of its own best has been slowed.
const BURN: f64 = 0.9;
/// A drift or jump below this share is not worth a word.
const CHANGE: f64 = 0.05;
/// Points of the sequence that is searched for changes: enough for its power, few enough for its quadratic work.
const POINTS: usize = 300;

/// How quiet it was.
pub(super) fn quiet(record: &Record) -> Quiet {
    let ledgers = || record.samples.iter().filter_map(|sample| sample.ledger.as_ref());
    let middle = |values: Vec<f64>| median(&values);
    let foreign_cpu = middle(ledgers().filter_map(|ledger| ledger.foreign).collect());
    let steal = middle(ledgers().filter_map(|ledger| ledger.steal).collect());
    let throttled = middle(ledgers().filter_map(|ledger| ledger.throttled).collect());
    let ranges: Vec<[f64; 2]> = record.burns.iter().filter_map(BurnReport::range).collect();
    let burn = ranges.into_iter().reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    let disturbed = record.samples.iter().filter(|sample| sample.is_disturbed()).count();
    let share = disturbed as f64 / record.samples.len().max(1) as f64;
    let trusted = foreign_cpu.is_none_or(|f| f <= FOREIGN)
        && steal.is_none_or(|s| s <= STEAL)
        && burn.is_none_or(|b| b[0] >= BURN)
        && share <= DISTURBED;
    let percent = |share: f64| Quantity::Share.text(share);
    let mut parts = Vec::new();
    parts.push(match foreign_cpu {
        Some(foreign) => format!("others used {} of the CPUs", percent(foreign)),
        None => "what others used could not be seen".to_owned(),
    });
    match steal {
        Some(steal) if steal > 0.0005 => parts.push(format!("{} stolen", percent(steal))),
        Some(_) => parts.push("no steal".to_owned()),
        None => {}
    }
    match throttled {
        Some(throttled) if throttled > 0.0005 => {
            parts.push(format!("{} throttled", percent(throttled)));
        }
        Some(_) => parts.push("no throttling".to_owned()),
        None => {}
    }
    if disturbed > 0 {
        parts.push(format!("{disturbed} of {} rounds disturbed", record.samples.len()));
    }
    if let Some([low, _]) = burn.filter(|burn| burn[0] < BURN) {
        parts.push(format!("a core fell to {} of its best", percent(low)));
    }
    let word = if trusted { "quiet" } else { "disturbed" };
    Quiet {
        sentence: format!("{word}: {}", parts.join(", ")),
        trusted,
        foreign_cpu: foreign_cpu.rounded(),
        steal: steal.rounded(),
        burn: burn.rounded(),
    }
}

/// Drifts and jumps of the whole machine over the session.
pub(super) fn changes(record: &Record) -> Vec<Warning> {
    let sequence = sequence(&record.samples);
    let minutes = record.samples.last().map_or(0.0, |sample| sample.at) / 60.0;
    let mut out = Vec::new();
    let percent = |log: f64| format!("{:+.0} %", 100.0 * log.exp_m1());
    let jump = trend::jump(&sequence).filter(|jump| jump.p < 0.01 && jump.size.abs() > CHANGE);
    let drift = trend::drift(&sequence)
        .map(|drift| (drift.p, drift.slope * sequence.len() as f64))
        .filter(|(p, change)| *p < 0.01 && change.abs() > CHANGE);
    // A jump looks like a drift to a test for drifts; the larger of the two explains it.
    match (jump, drift) {
        (Some(jump), drift) if drift.is_none_or(|(_, change)| jump.size.abs() >= 0.6 * change.abs()) => {
            out.push(Warning {
                code: "jump".to_owned(),
                text: format!(
                    "the whole machine changed by {} about {:.0} % into the run",
                    percent(jump.size),
                    100.0 * jump.at as f64 / sequence.len() as f64
                ),
                remedy: "counts were compared within blocks and stand; absolute figures are of a mixture: measure again on a quiet machine".to_owned(),
            });
        }
        (_, Some((_, change))) => out.push(Warning {
            code: "drift".to_owned(),
            text: format!("the whole machine drifted by {} over {minutes:.1} minutes", percent(change)),
            remedy: "counts were compared within blocks and stand; absolute figures are of the middle of the run".to_owned(),
        }),
        _ => {}
    }
    out
}

/// The rounds in order of time, each relative to its own cell, thinned to a length that tests can take.
fn sequence(samples: &[Sample]) -> Vec<f64> {
    let mut cells: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let sound = || samples.iter().filter(|sample| sample.throughput > 0.0);
    for sample in sound() {
        cells.entry(sample.cell).or_default().push(sample.throughput.ln());
    }
    let centres: BTreeMap<_, f64> = cells
        .into_iter()
        .filter(|(_, logs)| logs.len() >= 3)
        .filter_map(|(cell, logs)| Some((cell, median(&logs)?)))
        .collect();
    let residuals: Vec<f64> = sound()
        .filter_map(|sample| Some(sample.throughput.ln() - centres.get(&sample.cell)?))
        .collect();
    let chunk = residuals.len().div_ceil(POINTS).max(1);
    residuals.chunks(chunk).filter_map(median).collect()
}
