//! Findings as Markdown, to paste into an issue or a wiki: the answers, a table per workload,
//! warnings, and how to repeat the run.

mod comparison;

use std::fmt::Write as _;

use super::{at_rate, axes, money, names, words};
use crate::analysis::findings::{Curve, Findings, Point, WorkloadFindings};
use crate::plot::curves::set_text;
use crate::plot::label::visible;
use crate::units::{ABSENT, Quantity, plural};

pub use self::comparison::comparison;

/// The whole summary.
pub fn summary(findings: &Findings) -> String {
    let findings = &names::with_short_names(findings);
    let run = &findings.run;
    let mut out = format!("# {}\n\n", escape(&run.name));
    let rounds = plural(run.rounds, "round", "rounds");
    line(&mut out, &format!("{}. {}.", escape(&run.machine), escape(&findings.quiet.sentence)));
    if run.interrupted {
        line(&mut out, "The run was interrupted: what follows is partial.");
    }
    out.push_str("\n## Answers\n\n");
    for axis in &findings.axes {
        let name = escape(&format!("{} over workers and {}", axis.of, axis.name));
        let answer = axes::answer(findings, axis).unwrap_or_else(|| "no answer".to_owned());
        let mark = if axes::is_open(axis) { format!(" {}", words::MARK) } else { String::new() };
        line(&mut out, &format!("- **{name}**: {}", escape(&(answer + &mark))));
        for text in axes::others(findings, axis) {
            line(&mut out, &format!("  - {}", escape(&text)));
        }
    }
    for workload in &findings.workloads {
        let answer = escape(&words::answer(workload).line());
        line(&mut out, &format!("- **{}**: {answer}", escape(&workload.label)));
    }
    if let Some(text) = words::to_settle(findings) {
        let _ = write!(out, "\n{}\n", escape(&text));
    }
    warnings(&mut out, findings);
    for workload in &findings.workloads {
        section(&mut out, workload);
    }
    let command = code(&run.command);
    let _ = write!(
        out,
        "\n## Reproduce\n\n{command}\n\nknee {}, seed {}, started {}, {}, {rounds}, {} \
         disturbed.\n",
        escape(&run.knee),
        run.seed,
        escape(&run.started),
        Quantity::Duration.text(run.wall),
        run.disturbed,
    );
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn warnings(out: &mut String, findings: &Findings) {
    if findings.warnings.is_empty() {
        return;
    }
    out.push_str("\n## Before you use a figure\n\n");
    for warning in &findings.warnings {
        line(out, &format!("- {}", with_remedy(&warning.text, &warning.remedy)));
    }
}

fn with_remedy(text: &str, remedy: &str) -> String {
    match remedy {
        "" => escape(text),
        remedy => format!("{} → {}", escape(text), escape(remedy)),
    }
}

fn section(out: &mut String, workload: &WorkloadFindings) {
    let _ = write!(out, "\n## {}\n\n", escape(&workload.label));
    let params = words::params(workload);
    if !params.is_empty() {
        let _ = write!(out, "{}\n\n", escape(&params));
    }
    for text in words::meaning(workload) {
        let _ = write!(out, "{}\n\n", escape(&text));
    }
    table(out, workload);
    let leader = words::leading(workload).map(|index| &workload.curves[index]);
    let mut remarks: Vec<String> =
        leader.into_iter().flat_map(|curve| about(curve, workload)).collect();
    remarks.extend(at_rate::lines(workload).iter().map(|text| escape(text)));
    remarks.extend(words::lengths(workload).iter().map(|text| escape(text)));
    for curve in &workload.curves {
        remarks
            .extend(curve.warnings.iter().map(|text| escape(&format!("{}: {text}", curve.name))));
    }
    remarks.extend(workload.notes.iter().map(|note| with_remedy(&note.text, &note.remedy)));
    let failures = workload.failures.iter();
    remarks.extend(failures.map(|failure| escape(&format!("failed: {}", failure.told()))));
    if !remarks.is_empty() {
        out.push('\n');
    }
    for remark in remarks {
        line(out, &format!("- {remark}"));
    }
}

/// Why the leading curve bends.
fn about(curve: &Curve, workload: &WorkloadFindings) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(bound) = &curve.bound {
        remarks.push(format!("{}: {}", words::limited(bound), bound.evidence.join("; ")));
    }
    remarks.extend(words::more(curve));
    remarks.extend(words::optimum(curve));
    remarks.extend(words::chosen_law(curve).map(words::law));
    remarks.extend(words::limits(curve));
    remarks.extend(money::remark(curve, workload).map(|text| format!("cost: {text}")));
    remarks.iter().map(|remark| escape(remark)).collect()
}

/// One row per mode, at its knee.
fn table(out: &mut String, workload: &WorkloadFindings) {
    let serial = workload.serial.as_ref().map(|point| ("serial", None, point));
    let modes = workload
        .curves
        .iter()
        .filter_map(|curve| Some((curve.name.as_str(), Some(curve), words::best_point(curve)?)));
    let rows: Vec<(&str, Option<&Curve>, &Point)> = serial.into_iter().chain(modes).collect();
    if rows.is_empty() {
        return;
    }
    let kind = words::kind_of_curve(workload);
    line(
        out,
        &format!(
            "| {kind} | knee | as good | throughput [95 %] | speed-up | efficiency | p50 | p99 | \
             break-even |"
        ),
    );
    line(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let rate = words::rate(workload);
    for (name, curve, point) in rows {
        let cells = row(curve, point, &rate).map(|cell| escape(&cell)).join(" | ");
        line(out, &format!("| {} | {cells} |", escape(name)));
    }
}

fn row(curve: Option<&Curve>, point: &Point, rate: &Quantity) -> [String; 8] {
    let absent = || ABSENT.to_owned();
    let time = |seconds: Option<f64>| Quantity::Duration.text(seconds.unwrap_or(f64::NAN));
    let throughput = point.throughput;
    let set = curve.and_then(set_text);
    [
        Quantity::Count.text(point.workers),
        set.unwrap_or_else(absent),
        rate.interval(throughput.median, throughput.low, throughput.high),
        point.speedup.map_or_else(absent, |e| Quantity::Ratio.interval(e.median, e.low, e.high)),
        point.efficiency.map_or_else(absent, |e| Quantity::Share.text(e.median)),
        time(point.latency.map(|latency| latency.p50)),
        time(point.p99()),
        time(curve.and_then(|curve| curve.price).and_then(|price| price.break_even)),
    ]
}

/// Text with everything escaped that could be markup in Markdown or in HTML inside it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in visible(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// A block of code whose fence is longer than any run of backticks in it.
fn code(text: &str) -> String {
    let shown = visible(text);
    let longest = shown.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}sh\n{shown}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::{code, escape};

    #[test]
    fn markup_is_taken_literally() {
        assert_eq!(escape("a|b\n# c"), "a\\|b\\\\u{a}\\# c");
        assert_eq!(escape("<b>[x](y)</b>"), "&lt;b&gt;\\[x\\](y)&lt;/b&gt;");
        assert!(code("a ``` b").starts_with("````sh\n"));
    }
}
