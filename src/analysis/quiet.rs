//! How quiet the machine was during a run, and whether it changed.

use std::collections::BTreeMap;

use knee_workloads::Kind;

use super::control::{self, Core};
use super::doubt::NEIGHBOUR;
use super::findings::{Quiet, Warning};
use super::round::Rounded;
use crate::machine::{self, BURN_LIMIT, Cause, Ledger, Severity, WeakCore};
use crate::record::{Advice, Record};
use crate::run::Sample;
use crate::stats::median::{median, quantile};
use crate::stats::trend;
use crate::units::Quantity;

/// Others may use this share of the CPUs before figures lose their meaning.
const FOREIGN: f64 = 0.05;
/// And the hypervisor may take this share.
const STEAL: f64 = 0.02;
/// This share of the rounds, or of a core's burn controls, may be disturbed.
const DISTURBED: f64 = 0.2;
/// A clock that varies less is not worth a word: it is read once per round, when its load has just
/// ended.
const CLOCK: f64 = 0.1;
/// A drift or jump below this share is not worth a word.
const CHANGE: f64 = 0.05;
/// Points of the sequence that is searched for changes: enough for its power, few enough for its
/// quadratic work.
const POINTS: usize = 300;

/// What the ledgers and the burn control say of the whole run.
struct Noise {
    /// What others used in the rounds (median).
    foreign: Option<f64>,
    /// What the hypervisor took, over all rounds: most rounds are too short for a single tick of
    /// it.
    steal: Option<f64>,
    /// For which share a quota held tasks back.
    throttled: Option<f64>,
    rounds: usize,
    disturbed: usize,
    /// How many rounds each cause spoiled.
    causes: BTreeMap<Cause, usize>,
    cores: Vec<Core>,
    clock: Option<f64>,
    virtual_machine: bool,
}

/// How quiet it was, and what a reader must know where it was not.
pub(super) fn quiet(record: &Record) -> (Quiet, Vec<Warning>) {
    let noise = Noise::of(record);
    let mut warnings = noise.warnings();
    let trusted = warnings.is_empty() && !many(noise.disturbed, noise.rounds);
    // What clocks do is the machine itself; blocks bear it.
    warnings.extend(noise.clock.filter(|share| *share > CLOCK).map(machine::Warning::ClockVaried));
    let told = warnings.iter().map(Advice::from).map(|advice| Warning {
        code: advice.code,
        text: advice.text,
        remedy: advice.remedy,
    });
    let word = if trusted { "quiet" } else { "disturbed" };
    let mut parts = noise.parts();
    // Who it was stands beside how much it was.
    let who = record.warnings.iter().rfind(|advice| advice.code == NEIGHBOUR);
    parts.extend(who.filter(|_| !trusted).map(|who| who.text.clone()));
    let quiet = Quiet {
        sentence: format!("{word}: {}", parts.join(", ")),
        trusted,
        foreign_cpu: noise.foreign.rounded(),
        steal: noise.steal.rounded(),
        burn: noise.burn().rounded(),
    };
    (quiet, told.collect())
}

impl Noise {
    fn of(record: &Record) -> Self {
        let samples = &record.samples;
        let machine = &record.header.machine;
        let total = Ledger::total(samples.iter().filter_map(|sample| sample.ledger.as_ref()));
        let total = total.as_ref();
        let mut causes = BTreeMap::new();
        for ledger in samples.iter().filter_map(|sample| sample.ledger.as_ref()) {
            let spoiled = ledger.disturbances().into_iter();
            for found in spoiled.filter(|found| found.severity == Severity::Repeat) {
                *causes.entry(found.cause).or_default() += 1;
            }
        }
        Self {
            foreign: foreign(record),
            steal: total.and_then(|total| total.steal),
            throttled: total.and_then(|total| total.throttled),
            rounds: samples.len(),
            disturbed: samples.iter().filter(|sample| sample.is_disturbed()).count(),
            causes,
            cores: control::cores(&record.burns, machine.budget.quota.is_some()),
            clock: clock(samples),
            virtual_machine: machine.virtualisation.as_deref().is_some_and(|name| name != "none"),
        }
    }

    /// The smallest and largest share of its own best that a core gave.
    fn burn(&self) -> Option<[f64; 2]> {
        let ranges = self.cores.iter().map(|core| core.range);
        ranges.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
    }

    /// The core that was low most often.
    fn weakest(&self) -> Option<&Core> {
        let low = self.cores.iter().filter(|core| core.low > 0);
        low.max_by(|a, b| a.low.cmp(&b.low).then(b.range[0].total_cmp(&a.range[0])))
    }

    /// What was seen, part by part.
    fn parts(&self) -> Vec<String> {
        let percent = |share: f64| Quantity::Share.text(share);
        let mut parts = vec![match self.foreign {
            Some(foreign) => format!("others used {} of the CPUs", percent(foreign)),
            None => "what others used could not be seen".to_owned(),
        }];
        for (share, some, none) in
            [(self.steal, "stolen", "no steal"), (self.throttled, "throttled", "no throttling")]
        {
            parts.extend(share.map(|share| match share {
                share if share > 0.0005 => format!("{} {some}", percent(share)),
                _ => none.to_owned(),
            }));
        }
        if self.disturbed > 0 {
            parts.push(format!("{} of {} rounds disturbed", self.disturbed, self.rounds));
        }
        parts.extend(self.weakest().map(|core| {
            let Core { cpu, controls, low, range: [worst, _], .. } = core;
            // Rounded down, for what is below the limit must not look as if it were not.
            let (limit, worst) = (BURN_LIMIT * 100.0, (worst * 100.0).floor());
            format!(
                "CPU {cpu} gave less than {limit:.0} % of its best in {low} of {controls} controls \
                 ({worst:.0} % at worst)"
            )
        }));
        parts
    }

    /// What makes figures of this run untrustworthy, each with what to do about it.
    fn warnings(&self) -> Vec<machine::Warning> {
        let spoiled = |cause| self.causes.get(&cause).copied().unwrap_or(0);
        let often = |cause| many(spoiled(cause), self.rounds);
        let rounds = |cause| machine::Warning::Rounds { cause, rounds: spoiled(cause) };
        let mut found = Vec::new();
        if let Some(foreign) = self.foreign.filter(|share| *share > FOREIGN) {
            found.push(machine::Warning::ForeignLoad(foreign));
        } else if often(Cause::Foreign) {
            found.push(rounds(Cause::Foreign));
        }
        if let Some(steal) = self.steal.filter(|share| *share > STEAL) {
            found.push(machine::Warning::Oversubscribed(steal));
        } else if often(Cause::Steal) {
            found.push(rounds(Cause::Steal));
        }
        let seldom = [
            Cause::Throttled,
            Cause::MemoryPressure,
            Cause::Thermal,
            Cause::Suspended,
            Cause::Stopped,
            Cause::BudgetChanged,
        ];
        found.extend(seldom.into_iter().filter(|cause| often(*cause)).map(rounds));
        // Where others are blamed already, the core that they held is no news.
        let blamed = !found.is_empty();
        let weak = self.weakest().filter(|core| many(core.low, core.controls));
        found.extend(weak.filter(|core| !(core.held && blamed)).map(|core| {
            let virtual_machine = self.virtual_machine;
            let &Core { cpu, controls, low, range: [worst, _], held } = core;
            let core = WeakCore { cpu, low, controls, worst };
            if held {
                machine::Warning::HeldCore { core, virtual_machine }
            } else {
                machine::Warning::SlowCore { core, virtual_machine }
            }
        }));
        found
    }
}

/// More than may be disturbed.
fn many(disturbed: usize, of: usize) -> bool {
    disturbed as f64 > DISTURBED * of as f64
}

/// What others used in the rounds (median). The kernel writes files in threads of its own, which
/// look like others; so workloads that wait for it count only where there are no others.
fn foreign(record: &Record) -> Option<f64> {
    let waits = |sample: &&Sample| record.header.plan.entries[sample.cell.entry].kind == Kind::Io;
    let share = |sample: &Sample| sample.ledger.as_ref()?.foreign;
    let (io, others): (Vec<&Sample>, Vec<&Sample>) = record.samples.iter().partition(waits);
    let middle =
        |samples: Vec<&Sample>| median(&samples.into_iter().filter_map(share).collect::<Vec<_>>());
    middle(others).or_else(|| middle(io))
}

/// By how much the clock of the cores varied between rounds of the same cell, as a share: the inner
/// nine tenths of all rounds.
fn clock(samples: &[Sample]) -> Option<f64> {
    let hertz = |sample: &Sample| sample.ledger.as_ref()?.frequency.filter(|hertz| *hertz > 0.0);
    let mut residuals = relative(samples, hertz);
    if residuals.len() < 20 {
        return None;
    }
    residuals.sort_by(f64::total_cmp);
    Some((quantile(&residuals, 0.95) - quantile(&residuals, 0.05)).exp_m1())
}

/// Drifts and jumps of the whole machine over the session.
pub(super) fn changes(record: &Record) -> Vec<Warning> {
    let sequence = sequence(&record.samples);
    let seconds = record.samples.last().map_or(0.0, |sample| sample.at);
    let mut out = Vec::new();
    let percent = |log: f64| format!("{:+.0} %", 100.0 * log.exp_m1());
    let jump = trend::jump(&sequence).filter(|jump| jump.p < 0.01 && jump.size.abs() > CHANGE);
    let drift = trend::drift(&sequence)
        .map(|drift| (drift.p, drift.slope * sequence.len() as f64))
        .filter(|(p, change)| *p < 0.01 && change.abs() > CHANGE);
    // A jump looks like a drift to a test for drifts; the larger of the two explains it.
    match (jump, drift) {
        (Some(jump), drift)
            if drift.is_none_or(|(_, change)| jump.size.abs() >= 0.6 * change.abs()) =>
        {
            out.push(Warning {
                code: "jump".to_owned(),
                text: format!(
                    "the whole machine changed by {} about {:.0} % into the run",
                    percent(jump.size),
                    100.0 * jump.at as f64 / sequence.len() as f64
                ),
                remedy: "counts and modes can still be compared, since they were measured in \
                    turns; for the figures themselves measure again on a quiet machine"
                    .to_owned(),
            });
        }
        (_, Some((_, change))) => out.push(Warning {
            code: "drift".to_owned(),
            text: format!(
                "the whole machine changed speed slowly, by {} within {}",
                percent(change),
                Quantity::Duration.text(seconds)
            ),
            remedy: "counts and modes can still be compared, since they were measured in turns; \
                the figures themselves are averages over that time"
                .to_owned(),
        }),
        _ => {}
    }
    out
}

/// The rounds in order of time, each relative to its own cell, thinned to a length that tests can
/// take.
fn sequence(samples: &[Sample]) -> Vec<f64> {
    let residuals = relative(samples, |sample| Some(sample.throughput).filter(|rate| *rate > 0.0));
    let chunk = residuals.len().div_ceil(POINTS).max(1);
    residuals.chunks(chunk).filter_map(median).collect()
}

/// The logarithm of a figure of each round relative to the median of its cell, in order of time;
/// cells of fewer than three rounds have no middle.
fn relative(samples: &[Sample], figure: impl Fn(&Sample) -> Option<f64>) -> Vec<f64> {
    let mut cells: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let logs = || samples.iter().filter_map(|sample| Some((sample.cell, figure(sample)?.ln())));
    for (cell, log) in logs() {
        cells.entry(cell).or_default().push(log);
    }
    let centres: BTreeMap<_, f64> = cells
        .into_iter()
        .filter(|(_, logs)| logs.len() >= 3)
        .filter_map(|(cell, logs)| Some((cell, median(&logs)?)))
        .collect();
    logs().filter_map(|(cell, log)| Some(log - centres.get(&cell)?)).collect()
}
