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

/// Whether a claim is true here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The figures bear it out.
    Holds,
    /// The figures contradict it.
    DoesNotHold,
    /// The figures leave it open.
    CannotTell,
}

/// One claim with what was measured.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Finding {
    /// A short name.
    pub id: &'static str,
    /// What is claimed.
    pub claim: &'static str,
    /// Whether it is true here.
    pub verdict: Verdict,
    /// What was measured, in a sentence.
    pub evidence: String,
    /// The figures behind it, in SI base units.
    pub figures: Vec<Figure>,
    /// How long the experiment took, in seconds.
    pub seconds: f64,
    /// The share of the CPUs that others used meanwhile.
    pub foreign_cpu: Option<f64>,
    /// The figures, drawn.
    #[serde(skip)]
    pub picture: Option<Picture>,
}

/// What an experiment found; without a picture where there is nothing to draw.
#[derive(Debug)]
struct Measured {
    verdict: Verdict,
    evidence: String,
    figures: Vec<Figure>,
    picture: Option<Picture>,
}

/// One experiment: its name, its claim, and how it is done.
struct Experiment {
    id: &'static str,
    claim: &'static str,
    /// Whether its figures say nothing where other programs take much of the CPUs: more workers
    /// then get more of what is left.
    bent_by_load: bool,
    run: fn(&Place) -> Result<Measured, String>,
}

/// Where experiments are made.
#[derive(Debug)]
struct Place {
    site: Site,
    /// CPUs that can be used, rounded to a whole number.
    cores: usize,
}

/// Others are mentioned where they use more than this share of the CPUs.
const NOTEWORTHY: f64 = 0.05;

/// Where others use more than this share, an experiment that load bends cannot tell.
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

/// Every claim's short name, with what it says.
pub fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
    EXPERIMENTS.iter().map(|experiment| (experiment.id, experiment.claim))
}

/// What worker processes of the experiments run; to be registered in `main`.
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

/// Makes the experiments of these names, or all; calls `tell` before each one.
///
/// An experiment that cannot be made here gives a finding that says why. Nothing more is
/// begun once the user has interrupted.
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
    /// The verdict that remains where others used so much of the CPUs.
    fn under_load(&self, verdict: Verdict, foreign: Option<f64>) -> Verdict {
        if self.bent_by_load && foreign.is_some_and(|share| share > TOO_MUCH) {
            Verdict::CannotTell
        } else {
            verdict
        }
    }
}

impl Finding {
    /// What was measured, and whether others were in the way.
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
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::CannotTell => "cannot tell",
        }
    }

    /// From whether something is so, where that is known.
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
