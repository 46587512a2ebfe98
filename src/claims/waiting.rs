//! Work that waits gains from more workers than cores, up to a limit.

use super::figures::ratio;
use super::lanes::Sweep;
use super::{Experiment, Measured, Place, Verdict};
use crate::plan::Mode;
use crate::units::workers;

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "waiting",
    claim: "Work that waits gains from more workers than cores, up to a limit",
    bent_by_load: true,
    run,
};

/// Microseconds of computing and of waiting in each task. By the textbook, each core keeps (1 + 4)
/// / 1 workers busy.
const GIVEN: [(&str, &str); 2] = [("compute", "1000"), ("wait", "4000")];
const PER_CORE: usize = 5;
/// More workers gain if they do this many times the work of one per core.
const GAIN: f64 = 1.2;

fn run(place: &Place) -> Result<Measured, String> {
    let cores = place.cores;
    let textbook = PER_CORE * cores;
    let mut counts = vec![1, cores, 2 * cores, textbook, 2 * textbook, 4 * textbook];
    counts.sort_unstable();
    counts.dedup();
    let sweep = Sweep {
        workload: "mixed",
        given: &GIVEN,
        mode: Mode::Threads,
        counts: counts.clone(),
        rounds: 7,
    };
    let swept = sweep.run(place)?;
    let at = |count: usize| counts.iter().position(|known| *known == count).unwrap_or(0);
    let (own, most) = (at(cores), counts.len() - 1);
    let best = swept
        .curve
        .optimum
        .as_ref()
        .and_then(|optimum| {
            counts.iter().position(|count| (*count as f64 - optimum.workers).abs() < 1e-9)
        })
        .ok_or("the sweep found no optimum")?;
    let gain = ratio(
        format!("{} workers over {cores}", counts[best]),
        &swept.rates[best],
        &swept.rates[own],
    );
    let beyond = ratio(
        format!("{} workers over {}", counts[most], counts[best]),
        &swept.rates[most],
        &swept.rates[best],
    );
    // The limit must lie within the counts tried: four times the textbook's count must no longer
    // gain in proportion.
    let proportion = counts[most] as f64 / textbook as f64;
    let last = ratio("the last step", &swept.rates[most], &swept.rates[at(textbook)]);
    let verdict = match (gain.is_above(GAIN), last.is_above(proportion / 2.0)) {
        (Some(true), Some(false)) => Some(true),
        (Some(false), _) | (_, Some(true)) => Some(false),
        _ => None,
    };
    let knee = swept
        .curve
        .knee
        .as_ref()
        .map_or_else(|| "unknown".to_owned(), |knee| workers(knee.workers));
    let evidence = format!(
        "tasks that compute 1 ms and wait 4 ms: {} do {} of what {} do; the limit is at {knee} \
         (the textbook says {textbook}), and {} workers do {} of that",
        workers(counts[best] as f64),
        gain.text(),
        workers(cores as f64),
        counts[most],
        beyond.text()
    );
    let picture =
        Some(swept.picture("waiting: 1 ms of computing, 4 ms of waiting", "requests", cores));
    Ok(Measured {
        verdict: Verdict::of(verdict),
        evidence,
        figures: vec![gain, beyond, last],
        picture,
    })
}
