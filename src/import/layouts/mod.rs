//! How cells are arranged in a text: a table of layouts. Each layout gives rows and columns.

pub(super) mod cell;
pub(super) mod decimal;
mod html;
pub(super) mod json;
pub(super) mod lines;
mod missing;
pub(super) mod python;
pub(super) mod records;
mod sections;
mod sniff;
mod split;
pub(super) mod wiki;

use std::fmt::Display;

use super::{Fault, MOST_ROWS, positive, words};
use decimal::Decimal;
use sections::Sections;
use sniff::Block;
use split::Split;

/// Tables with more columns are refused.
const MOST_COLUMNS: usize = 10_000;
/// The most remarks around a table that are shown; further ones are only counted.
const MOST_REMARKS: usize = 3;

/// A layout of text, as listed by `knee fit --formats`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) example: &'static str,
    pub(super) split: Split,
}

/// All layouts. If several fit a text equally well, the first is used.
pub(super) const LAYOUTS: [Layout; 7] = [
    Layout { name: "bars", example: "| 8 | 1.98 |", split: Split::Bars },
    Layout { name: "semicolons", example: "8;1,98", split: Split::Byte(b';') },
    Layout { name: "tabs", example: "8<TAB>1.98", split: Split::Byte(b'\t') },
    Layout { name: "commas", example: "8,1.98", split: Split::Byte(b',') },
    Layout { name: "ampersands", example: r"8 & 1.98 \\", split: Split::Ampersands },
    Layout { name: "gaps", example: "number of threads   time (s)", split: Split::Gaps },
    Layout { name: "spaces", example: "8 1.98", split: Split::Spaces },
];

/// Rows with the same number of fields, without comments, rules and blank lines. All fields are in
/// one text, because there may be millions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    data: String,
    /// The end of each field.
    ends: Vec<u32>,
    /// The line of each row, from 1.
    lines: Vec<u32>,
    width: usize,
    /// The last comment before the first row, split like a row: gnuplot users put their headings
    /// there.
    pub(super) comment: Option<Vec<String>>,
    /// The decimal mark, if the numbers do not show it. Between semicolons it is the comma.
    pub(super) usual: Option<Decimal>,
    /// Lines that were skipped.
    pub(super) remarks: Vec<String>,
    /// Whether the first row certainly holds the headings.
    pub(super) is_headed: bool,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'t> {
    table: &'t Table,
    at: usize,
}

impl<'t> Row<'t> {
    pub(super) fn len(self) -> usize {
        self.table.width
    }

    /// The number of its line, from 1.
    pub(super) fn line(self) -> u32 {
        self.table.lines[self.at]
    }

    #[inline]
    pub(super) fn field(self, column: usize) -> &'t str {
        let table = self.table;
        if column >= table.width {
            return "";
        }
        let at = self.at * table.width + column;
        let start = if at == 0 { 0 } else { table.ends[at - 1] as usize };
        &table.data[start..table.ends[at] as usize]
    }

    pub(super) fn fields(self) -> impl Iterator<Item = &'t str> {
        (0..self.len()).map(move |at| self.field(at))
    }

    pub(super) fn fault(self, column: &str, what: impl Display) -> Fault {
        Fault::at(format!("line {}, column {column:?}", self.line()), what.to_string())
    }
}

impl Table {
    /// An empty table of `width` columns.
    pub(super) fn empty(width: usize) -> Self {
        Self {
            data: String::new(),
            ends: Vec::new(),
            lines: Vec::new(),
            width,
            comment: None,
            usual: None,
            remarks: Vec::new(),
            is_headed: false,
        }
    }

    /// Splits a text into rows.
    pub(super) fn of(text: &str) -> Result<Self, Fault> {
        let cleaned =
            html::rows(text).or_else(|| wiki::rows(text)).or_else(|| sniff::without_marks(text));
        let text = cleaned.as_deref().unwrap_or(text);
        let (text, declared) = declared_separator(text);
        let block = sniff::block(text, declared);
        let mut table = Self::empty(0);
        table.usual = (block.split == Split::Byte(b';')).then_some(Decimal::Comma);
        table.data.reserve(text.len());
        let skipped = u32::from(declared.is_some());
        let mut sections = Sections::default();
        split::each(text, block.split, |line, cells| {
            table.take(line + skipped, cells, &block, &mut sections)
        })?;
        if table.lines.is_empty() {
            return Err(Fault::whole("holds no measurement, only comments"));
        }
        table.narrow();
        sections.told_apart(&mut table);
        Ok(table)
    }

    /// One line that the splitter found.
    fn take(
        &mut self,
        line: u32,
        cells: &[&str],
        block: &Block,
        sections: &mut Sections,
    ) -> Result<(), Fault> {
        let filled = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |at| at + 1);
        if filled == 0 {
            return Ok(());
        }
        let is_comment = ["#", "//", "%"].iter().any(|mark| cells[0].starts_with(mark))
            && block.split != Split::Bars
            && !sniff::is_share(cells[0]);
        if is_comment {
            sections.line(self, &cells.join(" "));
            if self.lines.is_empty() {
                self.comment_above(sniff::comment(cells));
            }
            return Ok(());
        }
        if cells.len() > MOST_COLUMNS {
            let what = format!("has {} columns; at most {MOST_COLUMNS} can be read", cells.len());
            return Err(Fault::at(format!("line {line}"), what));
        }
        if self.lines.is_empty() {
            self.begin(line, cells, block, sections);
            return Ok(());
        }
        if cells.iter().all(|cell| cell.is_empty() || cell.chars().all(|c| c == '.' || c == '…'))
        {
            return Ok(());
        }
        // pandas puts the name of its index in a row of its own. Only rows of the right width are
        // examined for this.
        let is_index = || cells.len() == self.width && words::counts_workers(cells[0]);
        let is_alone = filled == 1 && self.width > 1 && block.is_loose(cells[0]) && !is_index();
        if filled > self.width || is_alone {
            if block.is_remark(cells, self.width) {
                sections.line(self, &cells.join(" "));
                self.remark(line, cells);
                return Ok(());
            }
            let what = format!("has {filled} fields, but the first row has {}", self.width);
            return Err(Fault::at(format!("line {line}"), what));
        }
        if self.lines.len() > MOST_ROWS {
            let what = format!("has more than {MOST_ROWS} rows, too many for measurements");
            return Err(Fault::whole(what));
        }
        if self.lines.len() > 2 && block.is_prose(cells, self.width) {
            self.remark(line, cells);
            return Ok(());
        }
        sections.row(self, line, cells);
        self.push(line, cells);
        Ok(())
    }

    /// A comment before the first row. Lines such as `column 2: time in s` name one column each.
    fn comment_above(&mut self, cells: Vec<String>) {
        let Some((number, name)) = sniff::numbered(&cells.join(" ")) else {
            self.comment = Some(cells);
            return;
        };
        match &mut self.comment {
            Some(names) if number == names.len() + 1 => names.push(name),
            _ => self.comment = Some(vec![name]),
        }
    }

    /// The first row, or a line before it.
    fn begin(&mut self, line: u32, cells: &[&str], block: &Block, sections: &mut Sections) {
        match block.header.as_ref().filter(|(at, _)| *at == line) {
            Some((_, names)) => {
                self.width = names.len();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                self.push(line, &names);
            }
            None if line < block.start => {
                sections.line(self, &cells.join(" "));
                self.remark(line, cells);
            }
            None => {
                self.width = cells.len().max(block.width);
                self.push(line, cells);
            }
        }
    }

    fn remark(&mut self, line: u32, cells: &[&str]) {
        if self.remarks.len() < MOST_REMARKS {
            let text = cells.join(" ");
            let short: String = text.chars().take(40).collect();
            self.remarks.push(format!("line {line} is not a row of the table: {short:?}"));
        }
    }

    /// Adds a row. Missing fields become empty; surplus empty fields are dropped.
    pub(super) fn push(&mut self, line: u32, cells: &[&str]) {
        for at in 0..self.width {
            self.data.push_str(cells.get(at).unwrap_or(&""));
            self.ends.push(self.data.len() as u32);
        }
        self.lines.push(line);
    }

    /// Drops columns at the end that are empty throughout, as spreadsheets write them.
    fn narrow(&mut self) {
        let used =
            |row: Row<'_>| row.fields().collect::<Vec<_>>().iter().rposition(|f| !f.is_empty());
        if self.row(0).field(self.width - 1).is_empty() {
            let widest = self.rows().filter_map(used).max().map_or(1, |at| at + 1);
            if widest < self.width {
                let mut narrow = Self::empty(widest);
                for row in self.rows() {
                    narrow.push(row.line(), &row.fields().take(widest).collect::<Vec<_>>());
                }
                narrow.comment = self.comment.take();
                narrow.usual = self.usual;
                narrow.remarks = std::mem::take(&mut self.remarks);
                *self = narrow;
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn row(&self, at: usize) -> Row<'_> {
        Row { table: self, at }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows_from(0)
    }

    /// The rows from `first` on.
    pub(super) fn rows_from(&self, first: usize) -> impl Iterator<Item = Row<'_>> {
        (first..self.len()).map(move |at| self.row(at))
    }

    /// The column with this name in the first row, ignoring case.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        (!self.lines.is_empty())
            .then(|| self.row(0).fields().position(|field| field.eq_ignore_ascii_case(name)))?
    }

    /// Whether the first row has all these names.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.column(name).is_some())
    }

    /// A field as a plain number, or an error text.
    pub(super) fn number(&self, text: &str) -> Result<f64, String> {
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        let decimal = Decimal::of(std::iter::once(text), self.usual).0;
        cell::figure(text, decimal).ok_or_else(|| format!("{text:?} is not a number"))
    }

    /// A field that must hold a number above 0.
    pub(super) fn positive(&self, row: Row<'_>, column: usize, name: &str) -> Result<f64, Fault> {
        let text = row.field(column);
        let value = self.number(text).and_then(|value| {
            positive(value)
                .map_err(|what| if value.is_finite() { what } else { format!("{text:?} {what}") })
        });
        value.map_err(|what| row.fault(name, what))
    }
}

/// Reads a spreadsheet's first line `sep=;`.
fn declared_separator(text: &str) -> (&str, Option<u8>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    match first.trim_end_matches('\r').trim_matches('"').strip_prefix("sep=").map(str::as_bytes) {
        Some([byte]) if byte.is_ascii() && *byte != b'"' => (rest, Some(*byte)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests;
