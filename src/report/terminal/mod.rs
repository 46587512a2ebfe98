//! Findings on a terminal: first the answer of each workload, then a table and a curve per
//! workload, then warnings and the paths of the files.

mod at_rate;
mod comparison;
mod curve;
mod machine;
mod pen;
mod table;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use unicode_width::UnicodeWidthStr;

pub(crate) use self::pen::Tone;
use self::table::Column;
use super::words::{self, Certainty};
use super::{axes, money};
use crate::analysis::findings::{Curve, Findings, Point, WorkloadFindings};
use crate::plot::curves::set_text;
use crate::units::{ABSENT, Quantity, plural};

pub use self::comparison::comparison;
pub use self::machine::machine;
pub use self::pen::Style;

/// Writes all findings.
///
/// # Errors
/// Whatever writing to `out` returns.
pub fn write(out: &mut dyn Write, findings: &Findings, style: &Style) -> io::Result<()> {
    head(out, findings, style)?;
    answers(out, findings, style)?;
    for workload in &findings.workloads {
        section(out, workload, findings.workloads.len() <= FEW, style)?;
    }
    warnings(out, findings, style)
}

/// Writes only the answers: one line per workload.
///
/// # Errors
/// Whatever writing to `out` returns.
pub fn answers(out: &mut dyn Write, findings: &Findings, style: &Style) -> io::Result<()> {
    pairs(out, findings, style)?;
    let names: Vec<String> =
        findings.workloads.iter().map(|workload| style.cut(&workload.label, 28)).collect();
    let wide = names.iter().map(|name| name.width()).max().unwrap_or(0).min(style.columns() / 3);
    for (workload, name) in findings.workloads.iter().zip(&names) {
        let answer = words::answer(workload);
        let name = style.cut(name, wide);
        let padding = " ".repeat(wide - name.width());
        // Names are right-aligned, so that a line still reads `pi: 2 workers` when it is copied or
        // searched for.
        write!(out, "{padding}{}: ", style.paint(Tone::Strong, &name))?;
        let tone = match answer.certainty {
            Certainty::Settled => Tone::Good,
            Certainty::Part => Tone::Plain,
            Certainty::Open | Certainty::Missing => Tone::Bad,
        };
        let indent = wide + 2;
        let lines = style.wrap(&answer.line(), style.columns() - indent);
        let strong = style.clean(&answer.choice);
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                write!(out, "{}", " ".repeat(indent))?;
            }
            match line.strip_prefix(&strong).filter(|_| index == 0) {
                Some(rest) => writeln!(out, "{}{rest}", style.paint(tone, &strong))?,
                None if index == 0 => writeln!(out, "{}", style.paint(tone, line))?,
                None => writeln!(out, "{line}")?,
            }
        }
    }
    if let Some(text) = words::to_settle(findings) {
        writeln!(out)?;
        for line in style.wrap(&text, style.columns()) {
            writeln!(out, "{}", style.paint(Tone::Bad, &line))?;
        }
    }
    Ok(())
}

/// The answer of one workload in one line, without a mark.
pub fn answer(workload: &WorkloadFindings) -> String {
    let line = words::answer(workload).line();
    let line = line.trim_end_matches(words::MARK).trim_end();
    format!("{}: {line}", workload.label)
}

/// Writes the answers of second axes, each with the pairs that are as good and the command to
/// paste.
fn pairs(out: &mut dyn Write, findings: &Findings, style: &Style) -> io::Result<()> {
    for axis in &findings.axes {
        let name = style.cut(&format!("{} over {}", axis.of, axis.name), 48);
        let (tone, mark) =
            if axes::is_open(axis) { (Tone::Bad, words::MARK) } else { (Tone::Good, "") };
        let answer = axes::answer(findings, axis);
        let answer = answer.map_or_else(|| "no answer".to_owned(), |text| format!("{text} {mark}"));
        let whole = format!("{name}: {}", answer.trim_end());
        for (index, line) in style.wrap(&whole, style.columns()).iter().enumerate() {
            match line.strip_prefix(&name).filter(|_| index == 0) {
                Some(rest) => {
                    let name = style.paint(Tone::Strong, &name);
                    writeln!(out, "{name}{}", style.paint(tone, rest))?;
                }
                None => writeln!(out, "{}", style.paint(tone, line))?,
            }
        }
        for text in axes::others(findings, axis) {
            indented(out, Tone::Plain, &text, style)?;
        }
        if let Some(line) = axes::settings(findings, axis) {
            indented(out, Tone::Plain, &format!("to run it so: {line}"), style)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes where the files are.
///
/// # Errors
/// Whatever writing to `out` returns.
pub fn files(out: &mut dyn Write, dir: &Path, paths: &[PathBuf], style: &Style) -> io::Result<()> {
    let page = paths.iter().find(|path| path.extension().is_some_and(|end| end == "html"));
    let shown = |path: &Path| style.clean(&path.display().to_string());
    writeln!(out)?;
    if let Some(page) = page {
        writeln!(out, "{} {}", style.paint(Tone::Strong, "report:"), shown(page))?;
    }
    let all = plural(paths.len() as u64, "file", "files");
    writeln!(out, "{} {} ({all})", style.paint(Tone::Strong, "all:"), shown(dir))
}

/// Machine, noise and size of the run.
fn head(out: &mut dyn Write, findings: &Findings, style: &Style) -> io::Result<()> {
    let run = &findings.run;
    let mut size = vec![format!("knee {}", run.knee)];
    // Measurements from elsewhere have no rounds.
    if run.rounds > 0 {
        size.push(Quantity::Duration.text(run.wall));
        size.push(plural(run.rounds, "round", "rounds"));
    }
    if run.disturbed > 0 {
        size.push(format!("{} disturbed", run.disturbed));
    }
    size.push(format!("seed {}", run.seed));
    if run.interrupted {
        size.push("interrupted: what follows is partial".to_owned());
    }
    let size = size.join(&format!(" {} ", style.bullet()));
    let quiet = if findings.quiet.trusted { Tone::Faint } else { Tone::Bad };
    for (tone, text) in
        [(Tone::Plain, &run.machine), (Tone::Faint, &size), (quiet, &findings.quiet.sentence)]
    {
        for line in style.wrap(text, style.columns()).iter().filter(|line| !line.is_empty()) {
            writeln!(out, "{}", style.paint(tone, line))?;
        }
    }
    writeln!(out)
}

/// Up to this many workloads are shown with drawings and all remarks. With more, these appear only
/// in the other reports.
const FEW: usize = 2;

/// Everything about one workload.
fn section(
    out: &mut dyn Write,
    workload: &WorkloadFindings,
    thorough: bool,
    style: &Style,
) -> io::Result<()> {
    writeln!(out)?;
    title(out, workload, style)?;
    if workload.at_rate.is_some() {
        for line in table::lines(at_rate::columns(workload, style), style) {
            writeln!(out, "{line}")?;
        }
        for (tone, text) in remarks(workload, thorough) {
            indented(out, tone, &text, style)?;
        }
        return Ok(());
    }
    let mut columns = columns(workload, style);
    let curves: Vec<&Curve> = workload.curves.iter().collect();
    let drawing = if thorough {
        curve::lines(&curves, words::leading(workload), &words::rate(workload), style)
    } else {
        columns.push(drawn_in_words(workload, style));
        Vec::new()
    };
    for line in table::lines(columns, style) {
        writeln!(out, "{line}")?;
    }
    if !drawing.is_empty() {
        writeln!(out)?;
    }
    for line in drawing {
        writeln!(out, "{line}")?;
    }
    for (tone, text) in remarks(workload, thorough) {
        indented(out, tone, &text, style)?;
    }
    Ok(())
}

fn title(out: &mut dyn Write, workload: &WorkloadFindings, style: &Style) -> io::Result<()> {
    let label = style.cut(&workload.label, style.columns());
    let bound = words::leading(workload)
        .and_then(|index| workload.curves[index].bound.as_ref())
        .map(words::limited);
    let mut rest = vec![words::params(workload)];
    rest.extend(bound);
    rest.extend(words::meaning(workload));
    rest.retain(|part| !part.is_empty());
    let rest = rest.join(&format!(" {} ", style.bullet()));
    let room = style.columns().saturating_sub(label.width() + 2);
    let rest = style.cut(&rest, room);
    let label = style.paint(Tone::Strong, &label);
    if rest.is_empty() {
        return writeln!(out, "{label}");
    }
    writeln!(out, "{label}  {}", style.paint(Tone::Faint, &rest))
}

/// If there is no room for drawings: each curve in a word, all to the same scale.
fn drawn_in_words(workload: &WorkloadFindings, style: &Style) -> Column {
    let mut column = Column::names("curve", 3);
    let rates = workload.curves.iter().flat_map(|curve| &curve.points);
    let top = rates.map(|point| point.throughput.median).fold(0.0, f64::max);
    for (tone, _, curve, _) in rows(workload) {
        let word = curve.map_or_else(String::new, |curve| curve::word(curve, top, style));
        column.cells.push((tone, word));
    }
    column
}

/// Each mode with its curve and the point at its knee.
fn rows(workload: &WorkloadFindings) -> impl Iterator<Item = (Tone, &str, Option<&Curve>, &Point)> {
    let leading = words::leading(workload);
    let serial = workload.serial.as_ref().map(|point| (Tone::Plain, "serial", None, point));
    let modes = workload.curves.iter().enumerate().filter_map(move |(index, curve)| {
        let tone = if leading == Some(index) { Tone::Strong } else { Tone::Plain };
        Some((tone, curve.name.as_str(), Some(curve), words::best_point(curve)?))
    });
    serial.into_iter().chain(modes)
}

/// One row per mode, at its knee.
fn columns(workload: &WorkloadFindings, style: &Style) -> Vec<Column> {
    let mut columns = [
        Column::names(words::kind_of_curve(workload), 0),
        Column::figures("knee", 0),
        Column::figures("as good", 4),
        Column::figures("throughput", 0),
        Column::figures("95 % interval", 5),
        Column::figures("speed-up", 1),
        Column::figures("efficiency", 3),
        Column::figures("p50", 7),
        Column::figures("p99", 2),
        Column::figures("cost", 2),
        Column::figures("CPUs", 6),
        Column::figures("GPU busy", 5),
        Column::figures("GPU memory", 7),
        Column::figures("launches", 8),
    ];
    let rate = words::rate(workload);
    for (tone, name, curve, point) in rows(workload) {
        let cells = row(name, curve, point, &rate);
        for (column, cell) in columns.iter_mut().zip(cells) {
            // A long unit must not push out the figures of the other columns.
            column.cells.push((tone, style.cut(&cell, (style.columns() / 2).min(34))));
        }
    }
    columns.to_vec()
}

fn row(name: &str, curve: Option<&Curve>, point: &Point, rate: &Quantity) -> [String; 14] {
    let absent = || ABSENT.to_owned();
    let set = curve.and_then(set_text);
    let estimate = point.throughput;
    let scale = rate.scale(estimate.median.abs());
    let decimals = scale.decimals_for(estimate.median, estimate.low, estimate.high);
    let ends = [estimate.low, estimate.high].map(|end| scale.bare(end, decimals)).join(", ");
    // A single measurement has no interval.
    let interval = if estimate.low < estimate.high { format!("[{ends}]") } else { absent() };
    let time =
        |seconds: Option<f64>| seconds.map_or_else(absent, |value| Quantity::Duration.text(value));
    [
        name.to_owned(),
        Quantity::Count.text(point.workers),
        set.unwrap_or_else(absent),
        rate.text(estimate.median),
        interval,
        point.speedup.map_or_else(absent, |speedup| Quantity::Ratio.text(speedup.median)),
        point.efficiency.map_or_else(absent, |share| Quantity::Share.text(share.median)),
        time(point.latency.map(|latency| latency.p50)),
        time(point.p99()),
        point.cost.as_ref().map_or_else(absent, money::text),
        point.cpu.map_or_else(absent, |cpu| Quantity::Count.text(cpu)),
        point.gpu_busy.map_or_else(absent, |share| Quantity::Share.text(share)),
        point.gpu_memory.map_or_else(absent, |bytes| Quantity::Memory.text(bytes)),
        Some(point.launches).filter(|n| *n > 0).map_or_else(absent, |n| n.to_string()),
    ]
}

/// The remarks under the figures of a workload.
fn remarks(workload: &WorkloadFindings, thorough: bool) -> Vec<(Tone, String)> {
    let mut remarks = Vec::new();
    let leader = words::leading(workload).map(|index| &workload.curves[index]);
    if let Some(bound) = leader.and_then(|curve| curve.bound.as_ref()) {
        let why = bound.evidence.join("; ");
        remarks.push((Tone::Plain, format!("{}: {why}", words::limited(bound))));
    }
    remarks.extend(leader.and_then(words::more).map(|text| (Tone::Plain, text)));
    if let Some(limits) = leader.and_then(words::limits) {
        remarks.push((Tone::Plain, limits));
    }
    let cost = leader.and_then(|curve| money::remark(curve, workload));
    remarks.extend(cost.map(|text| (Tone::Plain, format!("cost: {text}"))));
    remarks.extend(words::lengths(workload).into_iter().map(|text| (Tone::Plain, text)));
    if thorough {
        remarks.extend(together(workload, |curve| curve.warnings.clone()));
    }
    for note in &workload.notes {
        let tone = if note.warning { Tone::Bad } else { Tone::Faint };
        let remedy =
            if note.remedy.is_empty() { String::new() } else { format!(" ({})", note.remedy) };
        remarks.push((tone, format!("{}{remedy}", note.text)));
    }
    for failure in &workload.failures {
        remarks.push((Tone::Bad, format!("failed: {}", failure.told())));
    }
    remarks
}

/// Remarks about curves. Each text appears once, with the names of all curves that it applies to.
fn together(
    workload: &WorkloadFindings,
    said: impl Fn(&Curve) -> Vec<String>,
) -> Vec<(Tone, String)> {
    let mut texts: Vec<(String, Vec<&str>)> = Vec::new();
    for curve in &workload.curves {
        for text in said(curve) {
            match texts.iter_mut().find(|(known, _)| *known == text) {
                Some((_, names)) => names.push(&curve.name),
                None => texts.push((text, vec![&curve.name])),
            }
        }
    }
    texts
        .into_iter()
        .map(|(text, names)| (Tone::Bad, format!("{}: {text}", names.join(", "))))
        .collect()
}

fn indented(out: &mut dyn Write, tone: Tone, text: &str, style: &Style) -> io::Result<()> {
    for (index, line) in style.wrap(text, style.columns() - 4).iter().enumerate() {
        let margin = if index == 0 { "  " } else { "    " };
        writeln!(out, "{margin}{}", style.paint(tone, line))?;
    }
    Ok(())
}

fn warnings(out: &mut dyn Write, findings: &Findings, style: &Style) -> io::Result<()> {
    if findings.warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.paint(Tone::Strong, "Before you use a figure"))?;
    for warning in &findings.warnings {
        indented(out, Tone::Bad, &warning.text, style)?;
        if !warning.remedy.is_empty() {
            indented(out, Tone::Plain, &format!("→ {}", warning.remedy), style)?;
        }
    }
    Ok(())
}
