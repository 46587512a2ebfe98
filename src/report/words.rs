//! Findings in words: what every report says alike, whatever it is written in.

use std::fmt::Write as _;

use crate::analysis::findings::{
    Curve, Findings, Law, Optimum, Other, Point, Verdict, WorkloadFindings,
};
use crate::plan::Mode;
use crate::plot::View;
use crate::plot::curves::set_text;
use crate::plot::label::shortened;
use crate::units::{Quantity, coefficient, plural, workers};

/// How sure an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// The data settle it.
    Settled,
    /// They do not.
    Open,
    /// There are no data.
    Missing,
}

/// The answer for one workload.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// `2 workers, threads (1.9x)`.
    pub(super) choice: String,
    /// `process-pool 3.1 % behind`, one per other mode.
    pub(super) others: Vec<String>,
    /// Whether to trust it.
    pub(super) certainty: Certainty,
}

impl Answer {
    /// All of it in one line.
    pub(super) fn line(&self) -> String {
        let mut parts = vec![self.choice.clone()];
        parts.extend(self.others.iter().cloned());
        let line = parts.join("; ");
        if self.certainty == Certainty::Open { format!("inconclusive: {line}") } else { line }
    }
}

/// Which mode at how many workers, and how far behind the others are.
pub(super) fn answer(workload: &WorkloadFindings) -> Answer {
    match &workload.verdict {
        Some(verdict) => chosen(verdict),
        None => unchosen(workload),
    }
}

fn chosen(verdict: &Verdict) -> Answer {
    // Against itself, serial gains nothing.
    let speedup = verdict.speedup.filter(|_| verdict.mode != SERIAL);
    let gain = speedup.map(|speedup| format!(" ({})", Quantity::Ratio.text(speedup.median)));
    let choice =
        format!("{}, {}{}", workers(verdict.workers), verdict.mode, gain.unwrap_or_default());
    let certainty = if verdict.conclusive { Certainty::Settled } else { Certainty::Open };
    // How far serial lies behind is the speed-up that has just been said.
    let others = verdict.others.iter().filter(|other| other.mode != SERIAL);
    Answer { choice, others: others.map(beside).collect(), certainty }
}

/// The mode that speed-ups are relative to.
const SERIAL: &str = Mode::Serial.name();
/// Modes whose throughputs lie this close and cannot be told apart are as good as each other.
const CLOSE: f64 = 0.05;

/// `process-pool 3.1 % behind`; `perhaps` where it cannot be told apart.
fn beside(other: &Other) -> String {
    let ratio = other.ratio;
    let mode = &other.mode;
    let away = (ratio.median - 1.0).abs();
    if !ratio.median.is_finite() {
        return format!("{mode} unknown");
    }
    let told_apart = ratio.low > 1.0 || ratio.high < 1.0;
    if !told_apart && away <= CLOSE {
        return format!("{mode} as good");
    }
    let perhaps = if told_apart { "" } else { "perhaps " };
    let side = if ratio.median < 1.0 { "behind" } else { "ahead" };
    format!("{mode} {perhaps}{} {side}", Quantity::Share.text(away))
}

/// Without a verdict (curves measured elsewhere, or failures) the curves speak for themselves.
fn unchosen(workload: &WorkloadFindings) -> Answer {
    let one = workload.curves.len() == 1;
    let counts: Vec<(&Curve, &Optimum)> =
        workload.curves.iter().filter_map(|curve| Some((curve, curve.optimum.as_ref()?))).collect();
    let certainty = match counts.is_empty() {
        true => Certainty::Missing,
        false if counts.iter().all(|(_, optimum)| optimum.conclusive) => Certainty::Settled,
        false => Certainty::Open,
    };
    let words = |(curve, optimum): &(&Curve, &Optimum)| {
        let best = curve.knee.map_or(optimum.workers, |knee| knee.workers);
        if one { workers(best) } else { format!("{}: {}", curve.name, workers(best)) }
    };
    let mut parts = counts.iter().map(words);
    let choice = parts.next().unwrap_or_else(|| match workload.failures.len() {
        0 => "no figure".to_owned(),
        failed => format!("no figure: {} failed", plural(failed as u64, "cell", "cells")),
    });
    Answer { choice, others: parts.collect(), certainty }
}

/// The index of the curve that is recommended, else of the first with an optimum.
pub(super) fn leading(workload: &WorkloadFindings) -> Option<usize> {
    let curves = &workload.curves;
    let recommended = workload.verdict.as_ref().map(|verdict| verdict.mode.as_str());
    let named = curves.iter().position(|curve| Some(curve.name.as_str()) == recommended);
    named.or_else(|| curves.iter().position(|curve| curve.optimum.is_some()))
}

/// What the plots of a workload show.
pub(super) fn view(workload: &WorkloadFindings, usable_cpus: f64) -> View<'_> {
    let curves = workload.curves.iter().map(|curve| (curve.name.as_str(), curve)).collect();
    View {
        serial: workload.serial.as_ref(),
        // Where there is neither serial cell nor verdict, the curves come from another machine than this one.
        usable_cpus: (workload.serial.is_some() || workload.verdict.is_some())
            .then_some(usable_cpus)
            .filter(|cpus| *cpus > 0.0),
        textbook: workload.textbook_optimum,
        leading: leading(workload),
        lengths: &workload.lengths,
        ..View::plain(&workload.label, &workload.unit_many, curves)
    }
}

/// What is counted per second.
pub(super) fn rate(workload: &WorkloadFindings) -> Quantity {
    Quantity::rate(&workload.unit_many)
}

/// The point of a curve at its knee, else at its optimum, else the best one.
pub(super) fn best_point(curve: &Curve) -> Option<&Point> {
    let at = |workers: f64| curve.points.iter().find(|point| same(point.workers, workers));
    let knee = curve.knee.and_then(|knee| at(knee.workers));
    knee.or_else(|| curve.optimum.as_ref().and_then(|optimum| at(optimum.workers))).or_else(|| {
        let rate = |point: &&Point| point.throughput.median;
        curve.points.iter().max_by(|a, b| rate(a).total_cmp(&rate(b)))
    })
}

/// Whether two worker counts are the same.
pub(super) fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

/// `2-4` (P = 83 % that 2 is the best measured count; no other is more than 1.2 % better).
pub(super) fn optimum(curve: &Curve) -> Option<String> {
    let optimum = curve.optimum.as_ref()?;
    let mut words = format!(
        "best measured: {} with probability {}; as good: {}",
        workers(optimum.workers),
        Quantity::Share.text(optimum.probability),
        set_text(curve)?
    );
    if let Some(bound) = optimum.bound {
        let most = Quantity::Share.text(bound);
        let _ = write!(words, "; no other count is more than {most} better");
    }
    Some(words)
}

/// `usl: lambda = 90 [88, 92], sigma = 0.02773 [0.022, 0.033]`.
pub(super) fn law(law: &Law) -> String {
    let coefficients = law.coefficients.iter().map(|(name, value)| {
        let [median, low, high] = [value.median, value.low, value.high].map(coefficient);
        format!("{name} = {median} [{low}, {high}]")
    });
    format!("{}: {}", law.name, coefficients.collect::<Vec<_>>().join(", "))
}

/// The law that was chosen for a curve.
pub(super) fn chosen_law(curve: &Curve) -> Option<&Law> {
    curve.laws.iter().find(|law| law.chosen)
}

/// Parameters as the user would type them, without those that the label holds already.
pub(super) fn params(workload: &WorkloadFindings) -> String {
    let typed = workload.label.split_once(':').map_or("", |(_, params)| params);
    let typed: Vec<&str> = typed.split(',').collect();
    // What is empty was not asked for, and the label of a command is the command.
    let said = |(key, value): &(&String, &String)| !value.is_empty() && *key != "argv";
    let pairs = workload.params.iter().filter(said).map(|(key, value)| format!("{key}={value}"));
    pairs.filter(|pair| !typed.contains(&pair.as_str())).collect::<Vec<_>>().join(" ")
}

/// `= 10.3 x 1080p25 streams`, `91 % of what 2 cores can do (41 Gflop/s)`: what a figure means to people.
pub(super) fn meaning(workload: &WorkloadFindings) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(equivalent) = &workload.equivalent {
        words.push(format!("= {} {}", Quantity::Number.text(equivalent.count), equivalent.name));
    }
    if let Some(ceiling) = &workload.ceiling {
        let most = rate(workload).text(ceiling.units_per_second);
        let share = Quantity::Share.text(ceiling.share);
        words.push(format!("{share} of the ceiling {most} ({})", ceiling.source));
    }
    if let Some(textbook) = workload.textbook_optimum {
        words.push(format!("textbook optimum: {}", workers(textbook)));
    }
    words
}

/// From which task length on each mode pays, with what was seen: `in process-pool mode it pays from tasks of 1.91 µs on: 0.6x at 1.41 µs, ..`.
pub(super) fn lengths(workload: &WorkloadFindings) -> Vec<String> {
    let Some(shortest) = workload.lengths.first() else { return Vec::new() };
    let sentence = |curve: &Curve| {
        let seen: Vec<(f64, f64)> = workload
            .lengths
            .iter()
            .filter_map(|length| {
                let result = length.modes.iter().find(|result| result.mode == curve.name)?;
                Some((length.task, result.speedup.median))
            })
            .collect();
        let lowest = seen.iter().map(|(_, speedup)| *speedup).reduce(f64::min)?;
        let highest = seen.iter().map(|(_, speedup)| *speedup).reduce(f64::max)?;
        let tasks = |seconds: f64| format!("tasks of {}", Quantity::Duration.text(seconds));
        let break_even = curve.price.and_then(|price| price.break_even);
        let verdict = if lowest >= 1.0 {
            format!("pays at every length tried, from {} on", tasks(shortest.task))
        } else if highest < 1.0 {
            "pays at no length tried".to_owned()
        } else {
            format!("pays from {} on", tasks(break_even?))
        };
        let seen: Vec<String> = seen
            .iter()
            .map(|(task, speedup)| {
                let at = Quantity::Duration.text(*task);
                format!("{} at {at}", Quantity::Ratio.text(*speedup))
            })
            .collect();
        Some(format!("in {} mode it {verdict}: {}", curve.name, seen.join(", ")))
    };
    workload.curves.iter().filter_map(sentence).collect()
}

/// The limits that the user set, and what keeping them means.
pub(super) fn limits(curve: &Curve) -> Option<String> {
    let limits = curve.limits.as_ref()?;
    let asked = limits.asked.join(", ");
    Some(match (limits.workers, limits.cost) {
        (None, _) => format!("no measured count keeps {asked}"),
        (Some(count), None) => format!("{} for {asked}", workers(count)),
        (Some(count), Some(cost)) => {
            format!("{} for {asked}, which costs {}", workers(count), Quantity::Share.text(cost))
        }
    })
}

/// The answer as settings that can be pasted, for the runtimes that people use; empty for modes that have no such setting.
pub(super) fn settings(mode: &str, count: f64) -> Vec<String> {
    if !(count.is_finite() && count >= 1.0) {
        return Vec::new();
    }
    let n = Quantity::Count.text(count.round());
    let templates = Mode::named(mode).map_or(&[][..], |mode| mode.description().settings);
    templates.iter().map(|template| template.replace("{n}", &n)).collect()
}

/// Columns that a name may take on a page.
const NAME: usize = 80;
/// Columns that a unit, a law or a bound may take.
const WORD: usize = 24;

/// The findings with every name cut to what a reader can take in; `findings.json` keeps them whole.
pub(super) fn with_short_names(findings: &Findings) -> Findings {
    let mut short = findings.clone();
    let cut = |name: &mut String, columns: usize| *name = shortened(name, columns);
    for workload in &mut short.workloads {
        cut(&mut workload.label, NAME);
        cut(&mut workload.unit_one, WORD);
        cut(&mut workload.unit_many, WORD);
        for curve in &mut workload.curves {
            cut(&mut curve.name, NAME);
            curve.laws.iter_mut().for_each(|law| cut(&mut law.name, WORD));
            curve.bound.iter_mut().for_each(|bound| cut(&mut bound.label, WORD));
        }
        if let Some(verdict) = &mut workload.verdict {
            cut(&mut verdict.mode, NAME);
            verdict.others.iter_mut().for_each(|other| cut(&mut other.mode, NAME));
        }
        workload.failures.iter_mut().for_each(|failure| cut(&mut failure.mode, NAME));
    }
    short
}
