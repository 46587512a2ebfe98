//! Findings in words: the texts that all reports share.

use std::fmt::Write as _;

use super::at_rate;
use super::axes;
use super::program;
use crate::analysis::findings::{
    Bound, Curve, Findings, Law, Optimum, Other, Point, Verdict, WorkloadFindings,
};
use crate::analysis::{EQUAL, is_close};
use crate::plan::{Language, Mode};
use crate::plot::View;
use crate::plot::curves::set_text;
use crate::units::{Quantity, coefficient, count_set, plural, workers};

/// How certain an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// The answer is settled.
    Settled,
    /// The answer is not settled.
    Open,
    /// It is only a part of an answer.
    Part,
    /// There are no data.
    Missing,
}

/// The answer for one workload.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// `2 workers, threads`.
    pub(super) choice: String,
    /// `1.9x`, `at most 3.1 % better elsewhere`: the figures in brackets after the choice.
    pub(super) figures: Vec<String>,
    /// `process-pool 3.1 % behind`, one for each other mode; and other remarks that belong to the
    /// answer.
    pub(super) others: Vec<String>,
    /// Whether it can be trusted.
    pub(super) certainty: Certainty,
}

/// The mark of an answer that is not settled.
pub(super) const MARK: &str = "*";

impl Answer {
    /// The whole answer in one line.
    pub(super) fn line(&self) -> String {
        let figures = self.figures.join(", ");
        let figures = if figures.is_empty() { figures } else { format!(" ({figures})") };
        let mut parts = vec![format!("{}{figures}", self.choice)];
        parts.extend(self.others.iter().cloned());
        let line = parts.join("; ");
        if self.certainty == Certainty::Open { format!("{line} {MARK}") } else { line }
    }
}

/// The sentence below all answers, if any of them has the mark.
pub(super) fn to_settle(findings: &Findings) -> Option<String> {
    let marked = findings.workloads.iter().filter(|w| answer(w).certainty == Certainty::Open);
    let pairs = findings.axes.iter().filter(|axis| axes::is_open(axis));
    let marked = Some(marked.count() + pairs.count()).filter(|count| *count > 0)?;
    let what = plural(marked as u64, "answer is", "answers are");
    let them = if marked == 1 { "it" } else { "them" };
    Some(format!("{MARK} {what} not settled; to settle {them}: {}", findings.to_settle.as_ref()?))
}

/// The recommended mode and count, and how far behind the others are.
pub(super) fn answer(workload: &WorkloadFindings) -> Answer {
    match &workload.verdict {
        Some(verdict) if workload.at_rate.is_some() => at_a_rate(workload, verdict),
        Some(verdict) => chosen(workload, verdict),
        None => unchosen(workload),
    }
}

fn chosen(workload: &WorkloadFindings, verdict: &Verdict) -> Answer {
    // Serial has no speed-up against itself.
    let speedup = verdict.speedup.filter(|_| verdict.mode != SERIAL);
    let mut figures: Vec<String> =
        speedup.map(|speedup| Quantity::Ratio.text(speedup.median)).into_iter().collect();
    figures.extend(doubt(verdict.regret));
    let certainty = match verdict.conclusive {
        _ if workload.in_pairs => Certainty::Part,
        true => Certainty::Settled,
        false => Certainty::Open,
    };
    // The speed-up already says how far serial is behind.
    let others = verdict.others.iter().filter(|other| other.mode != SERIAL);
    let others = others.map(beside).chain(verdict.asides.iter().cloned());
    Answer { choice: choice(workload, verdict), figures, others: others.collect(), certainty }
}

/// The answer to `--rate`.
fn at_a_rate(workload: &WorkloadFindings, verdict: &Verdict) -> Answer {
    let certainty = if verdict.conclusive { Certainty::Settled } else { Certainty::Open };
    let figures = workload.at_rate.as_ref().map_or_else(Vec::new, at_rate::figures);
    Answer { choice: choice(workload, verdict), figures, others: Vec::new(), certainty }
}

/// What is recommended: `2 workers, threads`, `4 copies`, `{n} = 4`.
pub(super) fn choice(workload: &WorkloadFindings, verdict: &Verdict) -> String {
    if let Some(answer) = &workload.at_rate {
        return at_rate::choice(answer);
    }
    let chosen = counted(workload, verdict);
    if is_rising(workload, verdict) { format!("at least {chosen}, still rising") } else { chosen }
}

/// Whether the recommended count is the largest that was tried and throughput was still rising.
fn is_rising(workload: &WorkloadFindings, verdict: &Verdict) -> bool {
    let curve = workload.curves.iter().find(|curve| curve.name == verdict.mode);
    let optimum = curve.and_then(|curve| curve.optimum.as_ref());
    optimum.is_some_and(|found| found.rising && (found.workers - verdict.workers).abs() < 1e-9)
}

fn counted(workload: &WorkloadFindings, verdict: &Verdict) -> String {
    if verdict.mode != Mode::Copies.name() {
        return format!("{}, {}", workers(verdict.workers), verdict.mode);
    }
    match program::swept(workload) {
        Some(word) => format!("{word} = {}", Quantity::Count.text(verdict.workers)),
        None => plural(verdict.workers.max(0.0).round() as u64, "copy", "copies"),
    }
}

/// How much better it may be elsewhere; `None` if nothing can be better.
fn doubt(regret: Option<f64>) -> Option<String> {
    const LEAST: f64 = 0.005;
    let regret = regret.filter(|regret| *regret >= LEAST && regret.is_finite())?;
    Some(format!("at most {} better elsewhere", Quantity::Share.text(regret)))
}

/// The mode that speed-ups are relative to.
const SERIAL: &str = Mode::Serial.name();

/// What a speed-up is relative to.
pub(super) fn against(workload: &WorkloadFindings) -> &'static str {
    let copies = |curve: &Curve| curve.name == Mode::Copies.name();
    match &workload.serial {
        Some(_) => " against serial",
        None if program::swept(workload).is_some() => " against a count of 1",
        None if workload.curves.iter().any(copies) => " against one copy",
        None => " against one worker",
    }
}

/// `process-pool 3.1 % behind`, `process-pool equal`.
fn beside(other: &Other) -> String {
    let ratio = other.ratio;
    let mode = &other.mode;
    let away = (ratio.median - 1.0).abs();
    if !ratio.median.is_finite() {
        return format!("{mode} unknown");
    }
    if away < EQUAL {
        return format!("{mode} equal");
    }
    if is_close(ratio) {
        return format!("{mode} too close to call");
    }
    let side = if ratio.median < 1.0 { "behind" } else { "ahead" };
    format!("{mode} {} {side}", Quantity::Share.text(away))
}

/// Without a verdict (curves measured elsewhere, or failures), each curve is described by itself.
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
        let best = curve.knee.as_ref().map_or(optimum.workers, |knee| knee.workers);
        if one { workers(best) } else { format!("{}: {}", curve.name, workers(best)) }
    };
    let regret = counts.first().filter(|_| one).and_then(|(curve, _)| curve.knee.as_ref()?.regret);
    let mut parts = counts.iter().map(words);
    let choice = parts.next().unwrap_or_else(|| match workload.failures.len() {
        0 => "no figure".to_owned(),
        failed => format!("no figure: {} failed", plural(failed as u64, "cell", "cells")),
    });
    let figures = doubt(regret).into_iter().collect();
    Answer { choice, figures, others: parts.collect(), certainty }
}

/// What limits a curve, in a word: `bound by cpu`.
pub(super) fn limited(bound: &Bound) -> String {
    match bound.label.as_str() {
        "unclear" => "limit not identified".to_owned(),
        label => format!("bound by {label}"),
    }
}

/// What more workers than the knee certainly gain: `4 workers: 2.8 % more, at 3 times the p99`.
pub(super) fn more(curve: &Curve) -> Option<String> {
    let more = curve.knee.as_ref()?.more?;
    let gain = Quantity::Share.text(more.gain);
    let price = match more.p99 {
        Some(times) if times >= 1.1 => {
            let times = Quantity::Number.text(if times < 10.0 {
                (times * 10.0).round() / 10.0
            } else {
                times.round()
            });
            format!(", at {} times the p99", times.trim_end_matches('0').trim_end_matches('.'))
        }
        Some(_) | None => String::new(),
    };
    Some(format!("{}: {gain} more{price}", workers(more.workers)))
}

/// The index of the recommended curve, or else of the first one with an optimum.
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
        // Without a serial cell and a verdict, the curves come from another machine than this one.
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
    let knee = curve.knee.as_ref().and_then(|knee| at(knee.workers));
    knee.or_else(|| curve.optimum.as_ref().and_then(|optimum| at(optimum.workers))).or_else(|| {
        let rate = |point: &&Point| point.throughput.median;
        curve.points.iter().max_by(|a, b| rate(a).total_cmp(&rate(b)))
    })
}

/// What the curves of a workload are: modes, or ways that the user named.
pub(super) fn kind_of_curve(workload: &WorkloadFindings) -> &'static str {
    if workload.alternatives.is_empty() { "mode" } else { "alternative" }
}

/// Whether two worker counts are the same.
pub(super) fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

/// `best measured: 4 workers with probability 83 %; cannot be told apart: 3-4; as good: 2-4; no
/// other than the knee is more than 1.2 % better`.
pub(super) fn optimum(curve: &Curve) -> Option<String> {
    let optimum = curve.optimum.as_ref()?;
    let measured: Vec<f64> = curve.points.iter().map(|point| point.workers).collect();
    let mut words = format!(
        "best measured: {} with probability {}; not to be told apart from it: {}; as good as far \
         as the data tell: {}",
        workers(optimum.workers),
        Quantity::Share.text(optimum.probability),
        count_set(&optimum.set, &measured),
        set_text(curve)?
    );
    if let Some(regret) = curve.knee.as_ref().and_then(|knee| knee.regret) {
        let most = Quantity::Share.text(regret);
        let _ = write!(words, "; no other count is more than {most} better than the knee");
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

/// Parameters as the user would type them, without those already in the label.
pub(super) fn params(workload: &WorkloadFindings) -> String {
    // The parameters of one way are not those of the others.
    if !workload.alternatives.is_empty() {
        return String::new();
    }
    let typed = workload.label.split_once(':').map_or("", |(_, params)| params);
    let typed: Vec<&str> = typed.split(',').collect();
    // Empty values were not asked for; the label of a command is the command itself, and a note
    // describes its figure.
    let told = ["argv", "figure", "server", "env"];
    let said =
        |(key, value): &(&String, &String)| !value.is_empty() && !told.contains(&key.as_str());
    let pairs = workload.params.iter().filter(said).map(|(key, value)| format!("{key}={value}"));
    pairs.filter(|pair| !typed.contains(&pair.as_str())).collect::<Vec<_>>().join(" ")
}

/// What a figure means to people: `= 10.3 x 1080p25 streams`, `91 % of what 2 cores can do (41
/// Gflop/s)`.
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

/// From what task length on each mode pays, with the measured ratios: `in process-pool mode it pays
/// from tasks of 1.91 µs on: 0.6x at 1.41 µs, ..`.
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

/// The limits that the user set, and what keeping them costs.
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

/// The answer as settings to paste, for the language of the work. A program that is parallel in
/// itself gets its own command line.
pub(super) fn settings(workload: &WorkloadFindings, verdict: &Verdict) -> Vec<String> {
    let count = verdict.workers;
    let holds = workload.at_rate.as_ref().is_none_or(|answer| answer.found.is_some());
    if !(holds && count.is_finite() && count >= 1.0) {
        return Vec::new();
    }
    let n = Quantity::Count.text(count.round());
    if let Some(line) = program::filled_in(workload, &n) {
        return vec![line];
    }
    let own = program::language(workload);
    let templates = Mode::named(&verdict.mode).map_or(&[][..], |mode| mode.description().settings);
    let fits = |(language, _): &&(Language, &str)| *language == Language::Any || *language == own;
    templates.iter().filter(fits).map(|(_, template)| template.replace("{n}", &n)).collect()
}
