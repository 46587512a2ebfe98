//! Several tables in one text, one below another, each below its own title.

use super::Table;
use super::cell::{self, Cell};
use super::decimal::Decimal;

/// The heading of the column that holds the titles.
const HEADING: &str = "section";
/// A text with more sections has none.
const MOST: usize = 1000;
/// A longer line is not a title.
const LONGEST: usize = 80;

/// The titles between rows.
#[derive(Debug, Default)]
pub(super) struct Sections {
    /// The lines before the first row.
    before: Vec<String>,
    /// The last line since the last row that may be a title.
    title: Option<String>,
    /// Where the sections after the first one begin.
    starts: Vec<(usize, String)>,
    /// Whether the headings were repeated since the last row.
    headed: bool,
    /// The line on which the table begins again without a title.
    again: Option<u32>,
}

fn is_number(text: &str) -> bool {
    matches!(cell::parse(text, Decimal::Point), Cell::Number(_))
}

impl Sections {
    /// A line that is no row.
    pub(super) fn line(&mut self, table: &Table, text: &str) {
        let text = text.trim_matches(|c: char| "#*_=-:/% ".contains(c)).trim();
        if text.is_empty() || text.len() > LONGEST {
            return;
        }
        if table.len() == 0 {
            self.before.push(text.to_owned());
            return;
        }
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let headings = table.comment.as_ref().map(|cells| words(&cells.join(" ")));
        // Headings in a comment are repeated in every section.
        if headings.is_some_and(|headings| headings == words(text)) {
            self.headed = true;
        } else {
            self.title = Some(text.to_owned());
        }
    }

    /// Handles a row before it is added.
    pub(super) fn row(&mut self, table: &Table, line: u32, cells: &[&str]) {
        let first = cells[0];
        let is_text = !first.starts_with(|c: char| c.is_ascii_digit());
        if is_text && table.len() > 0 && table.row(0).fields().eq(cells.iter().copied()) {
            self.headed = true;
            return;
        }
        if self.title.is_none() && !self.headed {
            return;
        }
        let (title, headed) = (self.title.take(), std::mem::take(&mut self.headed));
        let from = usize::from(!has_numbers(table, 0));
        let begins_anew = !is_text && table.len() > from && table.row(from).field(0) == first;
        match title.filter(|_| begins_anew) {
            Some(title) => self.starts.push((table.len(), title)),
            None if begins_anew && headed => self.again = self.again.or(Some(line)),
            None => {}
        }
    }

    /// Adds a column of titles to the table, if there are sections.
    pub(super) fn told_apart(mut self, table: &mut Table) {
        let titles: std::collections::BTreeSet<&str> =
            self.starts.iter().map(|(_, title)| title.as_str()).collect();
        if titles.is_empty() || titles.len() < self.starts.len() || titles.len() > MOST {
            let at = self.again.or(self.starts.first().map(|(at, _)| table.row(*at).line()));
            table.remarks.extend(at.map(|line| {
                format!(
                    "the table begins anew in line {line}: what follows is taken as repetitions"
                )
            }));
            return;
        }
        // If the headings are numbers of workers, each row is already a curve.
        let headed = !table.row(0).fields().any(is_number);
        if !headed && !table.row(0).fields().all(|cell| is_number(cell) || cell.is_empty()) {
            return;
        }
        let first = self.first_title(headed);
        let mut wider = Table::empty(table.width() + 1);
        (wider.comment, wider.usual) = (table.comment.take(), table.usual);
        wider.remarks = std::mem::take(&mut table.remarks);
        if let Some(comment) = &mut wider.comment {
            let words: Vec<String> = comment
                .iter()
                .flat_map(|cell| cell.split_whitespace())
                .map(str::to_owned)
                .collect();
            if comment.len() != table.width() && words.len() == table.width() {
                *comment = words;
            }
            comment.push(HEADING.to_owned());
        }
        let mut title = first.as_str();
        let mut starts = self.starts.iter().peekable();
        for (at, row) in table.rows().enumerate() {
            if let Some((_, next)) = starts.next_if(|(start, _)| *start == at) {
                title = next;
            }
            let last = if at == 0 && headed { HEADING } else { title };
            let cells: Vec<&str> = row.fields().chain([last]).collect();
            // The headings stand only above the first section.
            if at == 0 || !headed || !row.fields().eq(table.row(0).fields()) {
                wider.push(row.line(), &cells);
            }
        }
        *table = wider;
    }

    /// The title above the first section. A line directly above numbers holds the headings.
    fn first_title(&mut self, headed: bool) -> String {
        if !headed && self.before.len() > 1 {
            self.before.pop();
        }
        self.before.pop().unwrap_or_else(|| "first".to_owned())
    }
}

fn has_numbers(table: &Table, at: usize) -> bool {
    table.len() > at && table.row(at).fields().any(is_number)
}
