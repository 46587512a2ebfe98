//! Computing is best with as many workers as cores; more of them cost switching.

use super::figures::{Figure, ratio};
use super::lanes::Sweep;
use super::{Experiment, Measured, Place, Verdict};
use crate::plan::Mode;

pub(super) const EXPERIMENT: Experiment = Experiment {
    id: "cores",
    claim: "Computing is best with as many workers as cores; more cost switching",
    bent_by_load: true,
    run,
};

fn run(place: &Place) -> Result<Measured, String> {
    let cores = place.cores;
    let mut counts = vec![1, cores.div_ceil(2), cores, 2 * cores, 4 * cores, 8 * cores];
    counts.sort_unstable();
    counts.dedup();
    let sweep = Sweep {
        workload: "pi",
        given: &[("digits", "1000")],
        mode: Mode::Threads,
        counts: counts.clone(),
        rounds: 8,
    };
    let swept = sweep.run(place)?;
    let at = |count: usize| counts.iter().position(|known| *known == count).unwrap_or(0);
    let (own, many) = (at(cores), counts.len() - 1);
    let kept = ratio(
        format!("{} workers over {cores}", counts[many]),
        &swept.rates[many],
        &swept.rates[own],
    );
    let switches = [own, many]
        .map(|at| Figure::of(format!("switches/s with {}", counts[at]), "", &swept.switches[at]));
    let set = swept.curve.optimum.as_ref().map(|optimum| optimum.set.clone()).unwrap_or_default();
    // The count must be the best, and no smaller count may be as good. Slightly larger counts that
    // are as good do not matter.
    let verdict = match (set.first(), &swept.curve.knee) {
        (Some(_), Some(knee)) if (knee.workers - cores as f64).abs() < 1e-9 => Some(true),
        (Some(first), _) if set.len() > 1 && *first < cores as f64 => None,
        (Some(_), _) => Some(false),
        (None, _) => None,
    };
    let evidence = format!(
        "of {} workers the best are {}, on {cores} cores; {} workers do {} of what {cores} do, and \
         are switched {} times a second against {}",
        counts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        swept.set(),
        counts[many],
        kept.text(),
        switches[1].text(),
        switches[0].text()
    );
    let picture = Some(swept.picture("computing: pi", "digits", cores));
    let figures = std::iter::once(kept).chain(switches).collect();
    Ok(Measured { verdict: Verdict::of(verdict), evidence, figures, picture })
}
