//! A comparison on a terminal: the answers, then each workload at each side's best and at equal
//! counts.

use std::io::{self, Write};

use super::pen::Tone;
use super::table::{self, Column};
use super::{Style, indented};
use crate::analysis::comparison::Comparison;
use crate::report::compared::{self, Table};

/// Longer names of sides do not fit into the tables.
const LONG: usize = 12;
/// Letters that stand for longer names.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Writes a comparison.
///
/// # Errors
/// Whatever writing to `out` returns.
pub fn comparison(out: &mut dyn Write, comparison: &Comparison, style: &Style) -> io::Result<()> {
    let lettered = lettered(comparison);
    for (at, (name, what)) in compared::sides(comparison).into_iter().enumerate() {
        let short =
            lettered.as_ref().map_or(String::new(), |short| format!("{}  ", short.sides[at].name));
        let name = style.cut(&format!("{short}{name}"), style.columns());
        writeln!(out, "{}", style.paint(Tone::Strong, &name))?;
        indented(out, Tone::Faint, &what, style)?;
    }
    writeln!(out)?;
    for sentence in &comparison.sentences {
        for line in style.wrap(sentence, style.columns()) {
            writeln!(out, "{}", style.paint(Tone::Good, &line))?;
        }
    }
    let shown = lettered.as_ref().unwrap_or(comparison);
    table(out, &compared::index(shown), style)?;
    for workload in &shown.workloads {
        let label = style.cut(&workload.label, style.columns());
        writeln!(out, "\n{}", style.paint(Tone::Strong, &label))?;
        table(out, &compared::at_optimum(workload, shown), style)?;
        writeln!(out)?;
        table(out, &compared::at_equal(workload, shown), style)?;
    }
    remarks(out, comparison, style)
}

/// The comparison with a letter for each side, if a name is so long that tables would be cut.
fn lettered(comparison: &Comparison) -> Option<Comparison> {
    let long = comparison.sides.iter().any(|side| side.name.chars().count() > LONG);
    if !long || comparison.sides.len() > LETTERS.len() {
        return None;
    }
    let mut short = comparison.clone();
    let letter = |name: &mut String| {
        let at = comparison.sides.iter().position(|side| side.name == *name);
        if let Some(letter) = at.and_then(|at| LETTERS.get(at..=at)) {
            letter.clone_into(name);
        }
    };
    short.sides.iter_mut().for_each(|side| letter(&mut side.name));
    short.index.iter_mut().for_each(|index| letter(&mut index.side));
    for workload in &mut short.workloads {
        workload.sides.iter_mut().for_each(|at| letter(&mut at.side));
        workload.equal.iter_mut().for_each(|at| letter(&mut at.side));
    }
    Some(short)
}

fn remarks(out: &mut dyn Write, comparison: &Comparison, style: &Style) -> io::Result<()> {
    if !comparison.left_out.is_empty() {
        writeln!(out, "\n{}", style.paint(Tone::Strong, "Left out"))?;
    }
    for item in &comparison.left_out {
        indented(out, Tone::Plain, &compared::left_out(item), style)?;
    }
    if !comparison.warnings.is_empty() {
        writeln!(out, "\n{}", style.paint(Tone::Strong, "Before you use a figure"))?;
    }
    for warning in &comparison.warnings {
        indented(out, Tone::Bad, &warning.text, style)?;
        indented(out, Tone::Plain, &format!("→ {}", warning.remedy), style)?;
    }
    Ok(())
}

/// The first columns are the comparison itself and stay. On a narrow terminal the columns at the
/// right are dropped first.
fn table(out: &mut dyn Write, table: &Table, style: &Style) -> io::Result<()> {
    if table.rows.is_empty() {
        return Ok(());
    }
    let columns = table.heads.iter().zip(&table.names).enumerate().map(|(index, (head, names))| {
        let dispensable = if index < 5 { 0 } else { index as u8 };
        let cell = |text: &String| (Tone::Plain, style.cut(text, (style.columns() / 2).min(40)));
        Column {
            head: style.cut(head, 24).into(),
            figures: !names,
            dispensable,
            cells: table.rows.iter().map(|row| cell(&row[index])).collect(),
        }
    });
    for line in table::lines(columns.collect(), style) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
