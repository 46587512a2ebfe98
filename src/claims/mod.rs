#![doc = include_str!("README.md")]

mod cores;
mod figures;
mod globals;
mod lanes;
mod messages;
mod order;
mod page;
mod parallel;
mod pool;
mod short;
mod starting;
mod turns;
mod waiting;

use std::sync::atomic::Ordering;

use knee_process::Entry;
use schemars::JsonSchema;
use serde::Serialize;

use crate::machine::{Ledger, Machine, Root, Watch, process_cpu_time};
use crate::mode::Site;
use crate::units::Quantity;

pub use figures::{Figure, Picture};
pub use page::{html, text};

/// Whether a claim holds here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The figures support it.
    Holds,
    /// The figures contradict it.
    DoesNotHold,
    /// The figures leave it undecided.
    CannotTell,
}

/// One claim with its measurements.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Finding {
    /// A short name.
    pub id: &'static str,
    /// What is claimed.
    pub claim: &'static str,
    /// Whether it holds here.
    pub verdict: Verdict,
    /// What was measured, in a sentence.
    pub evidence: String,
    /// The figures behind it, in SI base units.
    pub figures: Vec<Figure>,
    /// How long the experiment took, in seconds.
    pub seconds: f64,
    /// The share of the CPUs that other programs used meanwhile.
    pub foreign_cpu: Option<f64>,
    /// The figures as a picture.
    #[serde(skip)]
    pub picture: Option<Picture>,
}

/// The result of an experiment, without a picture if there is nothing to draw.
#[derive(Debug)]
struct Measured {
    verdict: Verdict,
    evidence: String,
    figures: Vec<Figure>,
    picture: Option<Picture>,
}

/// One experiment: its name, its claim, and its code.
struct Experiment {
    id: &'static str,
    claim: &'static str,
    /// Whether its figures say nothing while other programs use much of the CPUs. More workers then
    /// get a larger part of the remaining time.
    bent_by_load: bool,
    run: fn(&Place) -> Result<Measured, String>,
}

/// Where experiments are made.
#[derive(Debug)]
struct Place {
    site: Site,
    /// Usable CPUs, rounded to a whole number.
    cores: usize,
}

/// Other programs are mentioned if they use more than this share of the CPUs.
const NOTEWORTHY: f64 = 0.05;

/// If others use more than this share, an experiment that load distorts cannot tell.
const TOO_MUCH: f64 = 0.25;

/// All experiments, in the order of the lecture.
const EXPERIMENTS: &[Experiment] = &[
    globals::EXPERIMENT,
    starting::EXPERIMENT,
    pool::EXPERIMENT,
    order::EXPERIMENT,
    short::EXPERIMENT,
    turns::EXPERIMENT,
    cores::EXPERIMENT,
    waiting::EXPERIMENT,
    messages::EXPERIMENT,
    parallel::EXPERIMENT,
];

/// The short name and the text of every claim.
pub fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
    EXPERIMENTS.iter().map(|experiment| (experiment.id, experiment.claim))
}

/// The functions that worker processes of the experiments run. They must be registered in `main`.
pub fn entries() -> Vec<Entry> {
    let all = [
        globals::entries(),
        starting::entries(),
        pool::entries(),
        short::entries(),
        messages::entries(),
    ];
    all.into_iter().flatten().collect()
}

/// Makes the experiments with these names, or all. Calls `tell` before each.
///
/// An experiment that is impossible here gives a finding with the reason. After an interrupt no
/// further experiment begins.
pub fn run(
    names: &[String],
    site: Site,
    machine: &Machine,
    tell: &mut dyn FnMut(&'static str),
) -> Vec<Finding> {
    let place = Place { site, cores: (machine.budget.usable().round() as usize).max(1) };
    let mut watch = Watch::open(&Root::live(), &machine.budget);
    let wanted = EXPERIMENTS
        .iter()
        .filter(|experiment| names.is_empty() || names.iter().any(|name| name == experiment.id));
    let mut findings = Vec::new();
    for experiment in wanted {
        if place.site.cancel.load(Ordering::Relaxed) {
            break;
        }
        tell(experiment.claim);
        findings.push(experiment.finding(&place, &mut watch));
    }
    findings
}

impl Experiment {
    fn finding(&self, place: &Place, watch: &mut Watch) -> Finding {
        let (before, own) = (watch.snapshot(), process_cpu_time().ok());
        let start = crate::clock::now();
        let measured = (self.run)(place).unwrap_or_else(|reason| Measured {
            verdict: Verdict::CannotTell,
            evidence: format!("the experiment could not be made: {reason}"),
            figures: Vec::new(),
            picture: None,
        });
        let Measured { verdict, evidence, figures, picture } = measured;
        let seconds = crate::clock::since(start).as_secs_f64();
        let used = process_cpu_time().ok().zip(own).map(|(after, before)| after - before);
        let ledger = used.map(|used| Ledger::between(&before, &watch.snapshot(), used));
        let foreign_cpu = ledger.and_then(|ledger| ledger.foreign);
        let verdict = self.under_load(verdict, foreign_cpu);
        Finding {
            id: self.id,
            claim: self.claim,
            verdict,
            evidence,
            figures,
            seconds,
            foreign_cpu,
            picture,
        }
    }
}

impl Experiment {
    /// The verdict that remains if others used so much of the CPUs.
    fn under_load(&self, verdict: Verdict, foreign: Option<f64>) -> Verdict {
        if self.bent_by_load && foreign.is_some_and(|share| share > TOO_MUCH) {
            Verdict::CannotTell
        } else {
            verdict
        }
    }
}

impl Finding {
    /// What was measured, and whether others disturbed it.
    fn told(&self) -> String {
        let foreign = self.foreign_cpu.filter(|share| *share > NOTEWORTHY);
        let aside = foreign.map_or_else(String::new, |share| {
            let open = self.verdict == Verdict::CannotTell && share > TOO_MUCH;
            let so = if open { ", too much to tell" } else { "" };
            format!("; others used {} of the CPUs meanwhile{so}", Quantity::Share.text(share))
        });
        format!("{}{aside}", self.evidence)
    }
}

impl Verdict {
    /// The verdict in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::CannotTell => "cannot tell",
        }
    }

    /// The verdict from a condition, if it is known.
    fn of(known: Option<bool>) -> Self {
        match known {
            Some(true) => Self::Holds,
            Some(false) => Self::DoesNotHold,
            None => Self::CannotTell,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_settles_only_what_load_does_not_bend() {
        let [curve, globals] = ["cores", "globals"].map(|id| {
            EXPERIMENTS.iter().find(|experiment| experiment.id == id).expect("it is known")
        });
        for (foreign, left) in [
            (None, Verdict::DoesNotHold),
            (Some(0.1), Verdict::DoesNotHold),
            (Some(0.8), Verdict::CannotTell),
        ] {
            assert_eq!(curve.under_load(Verdict::DoesNotHold, foreign), left, "{foreign:?}");
        }
        assert_eq!(globals.under_load(Verdict::Holds, Some(0.8)), Verdict::Holds);
    }
}
