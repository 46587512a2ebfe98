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

/// Figures lose their meaning if others use more than this share of the CPUs.
const FOREIGN: f64 = 0.05;
/// The same for the share that the hypervisor takes.
const STEAL: f64 = 0.02;
/// The share of rounds, or of a core's burn controls, that may be disturbed.
const DISTURBED: f64 = 0.2;
/// A smaller variation of the clock is not reported. The clock is read once per round, when its
/// load has just ended.
const CLOCK: f64 = 0.1;
/// A smaller drift or jump, as a share, is not reported.
const CHANGE: f64 = 0.05;
/// The length of the sequence that is searched for changes. The work grows with its square.
const POINTS: usize = 300;

/// What the ledgers and the burn controls say about the whole run.
struct Noise {
    /// Share of the CPUs that others used in the rounds (median).
    foreign: Option<f64>,
    /// Share that the hypervisor took, over all rounds together: most rounds are shorter than one
    /// tick of that counter.
    steal: Option<f64>,
    /// Share of the time in which a quota stopped tasks.
    throttled: Option<f64>,
    rounds: usize,
    disturbed: usize,
    /// How many rounds each cause disturbed.
    causes: BTreeMap<Cause, usize>,
    cores: Vec<Core>,
    clock: Option<f64>,
    virtual_machine: bool,
}

/// How quiet the machine was, and what a reader must know if it was not.
pub(super) fn quiet(record: &Record) -> (Quiet, Vec<Warning>) {
    let noise = Noise::of(record);
    let mut warnings = noise.warnings();
    let trusted = warnings.is_empty() && !many(noise.disturbed, noise.rounds);
    // Clocks change by themselves; comparing within blocks copes with that.
    warnings.extend(noise.clock.filter(|share| *share > CLOCK).map(machine::Warning::ClockVaried));
    let told = warnings.iter().map(Advice::from).map(|advice| Warning {
        code: advice.code,
        text: advice.text,
        remedy: advice.remedy,
    });
    let word = if trusted { "quiet" } else { "disturbed" };
    let mut parts = noise.parts();
    // The warning says who it was beside how much it was.
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

    /// The smallest and the largest share of its own best that a core gave.
    fn burn(&self) -> Option<[f64; 2]> {
        let ranges = self.cores.iter().map(|core| core.range);
        ranges.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
    }

    /// The core that was low most often.
    fn weakest(&self) -> Option<&Core> {
        let low = self.cores.iter().filter(|core| core.low > 0);
        low.max_by(|a, b| a.low.cmp(&b.low).then(b.range[0].total_cmp(&a.range[0])))
    }

    /// What was seen, as parts of a sentence.
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
            // Rounded down: a value below the limit must not look as if it reached it.
            let (limit, worst) = (BURN_LIMIT * 100.0, (worst * 100.0).floor());
            format!(
                "CPU {cpu} gave less than {limit:.0} % of its best in {low} of {controls} controls \
                 ({worst:.0} % at worst)"
            )
        }));
        parts
    }

    /// Reasons why figures of this run cannot be trusted, each with a remedy.
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
        // If others are blamed already, the core that they held is not reported again.
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

/// Whether more were disturbed than may be.
fn many(disturbed: usize, of: usize) -> bool {
    disturbed as f64 > DISTURBED * of as f64
}

/// The share of the CPUs that others used in the rounds (median). The kernel writes files in its
/// own threads, which look like other programs. So workloads that wait for the kernel count only if
/// there are no other workloads.
fn foreign(record: &Record) -> Option<f64> {
    let waits = |sample: &&Sample| record.header.plan.entries[sample.cell.entry].kind == Kind::Io;
    let share = |sample: &Sample| sample.ledger.as_ref()?.foreign;
    let (io, others): (Vec<&Sample>, Vec<&Sample>) = record.samples.iter().partition(waits);
    let middle =
        |samples: Vec<&Sample>| median(&samples.into_iter().filter_map(share).collect::<Vec<_>>());
    middle(others).or_else(|| middle(io))
}

/// How much the clock of the cores varied between rounds of the same cell, as a share. The inner
/// nine tenths of all rounds count.
fn clock(samples: &[Sample]) -> Option<f64> {
    let hertz = |sample: &Sample| sample.ledger.as_ref()?.frequency.filter(|hertz| *hertz > 0.0);
    let mut residuals = relative(samples, hertz);
    if residuals.len() < 20 {
        return None;
    }
    residuals.sort_by(f64::total_cmp);
    Some((quantile(&residuals, 0.95) - quantile(&residuals, 0.05)).exp_m1())
}

/// Drifts and jumps of the whole machine during the run.
pub(super) fn changes(record: &Record) -> Vec<Warning> {
    let sequence = sequence(&record.samples);
    let seconds = record.samples.last().map_or(0.0, |sample| sample.at);
    let mut out = Vec::new();
    let percent = |log: f64| format!("{:+.0} %", 100.0 * log.exp_m1());
    let jump = trend::jump(&sequence).filter(|jump| jump.p < 0.01 && jump.size.abs() > CHANGE);
    let drift = trend::drift(&sequence)
        .map(|drift| (drift.p, drift.slope * sequence.len() as f64))
        .filter(|(p, change)| *p < 0.01 && change.abs() > CHANGE);
    // A test for drifts also reacts to a jump. The larger of the two is reported.
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

/// The rounds in order of time, each relative to its own cell, thinned to a length that the tests
/// can handle.
fn sequence(samples: &[Sample]) -> Vec<f64> {
    let residuals = relative(samples, |sample| Some(sample.throughput).filter(|rate| *rate > 0.0));
    let chunk = residuals.len().div_ceil(POINTS).max(1);
    residuals.chunks(chunk).filter_map(median).collect()
}

/// For each round, the logarithm of a figure relative to the median of its cell, in order of time.
/// Cells with fewer than three rounds are left out, because they have no middle.
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
