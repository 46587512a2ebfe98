//! A table that drops its least important columns if the terminal is narrow.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::pen::{Style, Tone};

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) head: Cow<'static, str>,
    /// Whether it holds figures, which are right-aligned. Names are left-aligned.
    pub(super) figures: bool,
    /// Columns with a higher value are dropped first; columns with 0 stay.
    pub(super) dispensable: u8,
    pub(super) cells: Vec<(Tone, String)>,
}

impl Column {
    pub(super) fn names(head: &'static str, dispensable: u8) -> Self {
        Self { head: head.into(), figures: false, dispensable, cells: Vec::new() }
    }

    pub(super) fn figures(head: &'static str, dispensable: u8) -> Self {
        Self { head: head.into(), figures: true, dispensable, cells: Vec::new() }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|(_, cell)| cell.width());
        cells.max().unwrap_or(0).max(self.head.width())
    }

    /// Whether all its cells are empty.
    fn is_empty(&self) -> bool {
        self.cells.iter().all(|(_, cell)| cell.is_empty() || cell == "-" || cell == "–")
    }
}

const GAP: usize = 2;

/// The lines of a table, indented, none wider than the style allows. Cells must be clean.
pub(super) fn lines(mut columns: Vec<Column>, style: &Style) -> Vec<String> {
    columns.retain(|column| column.dispensable == 0 || !column.is_empty());
    let room = style.columns();
    while total(&columns) > room {
        let least = columns.iter().map(|column| column.dispensable).max().unwrap_or(0);
        if least == 0 {
            break;
        }
        let Some(index) = columns.iter().rposition(|column| column.dispensable == least) else {
            break;
        };
        columns.remove(index);
    }
    // If it is still too wide, a name is too long: cut it.
    let excess = total(&columns).saturating_sub(room);
    let widths: Vec<usize> =
        columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                if index == 0 {
                    column.width().saturating_sub(excess).max(6)
                } else {
                    column.width()
                }
            })
            .collect();
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let head =
        columns.iter().map(|column| (Tone::Faint, column.head.clone().into_owned())).collect();
    let body =
        (0..rows).map(|row| columns.iter().map(|column| column.cells[row].clone()).collect());
    std::iter::once(head)
        .chain(body)
        .map(|cells: Vec<(Tone, String)>| line(&columns, &widths, &cells, style))
        .collect()
}

fn total(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width() + GAP).sum()
}

fn line(columns: &[Column], widths: &[usize], cells: &[(Tone, String)], style: &Style) -> String {
    let mut line = String::new();
    for ((column, width), (tone, cell)) in columns.iter().zip(widths).zip(cells) {
        let cell = style.cut(cell, *width);
        let padding = " ".repeat(width - cell.width());
        let painted = style.paint(*tone, &cell);
        line.push_str(&" ".repeat(GAP));
        if column.figures {
            line.push_str(&padding);
            line.push_str(&painted);
        } else {
            line.push_str(&painted);
            line.push_str(&padding);
        }
    }
    line.truncate(line.trim_end().len());
    line
}
