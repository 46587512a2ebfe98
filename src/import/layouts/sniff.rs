//! Finds the layout of a text, and the place of the table in it.

use super::super::words;
use super::LAYOUTS;
use super::cell::{self, Cell, Decimal};
use super::split::{self, Split};

/// Lines that are examined to find the separator.
const LOOKED_AT: usize = 60;

/// The place of the table, and the separator of its cells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    pub(super) split: Split,
    /// The line of the first row. Lines before it are remarks.
    pub(super) start: u32,
    pub(super) width: usize,
    /// A header whose cells were found in another way than those of the rows, with its line.
    pub(super) header: Option<(u32, Vec<String>)>,
}

impl Block {
    /// Whether a line with one cell is not a row, such as prose between two tables.
    pub(super) fn is_loose(&self, cell: &str) -> bool {
        self.split != Split::Byte(b'\t') && !is_number(cell)
    }

    /// Whether a line below a table with blanks is not a row: it has fewer words than columns, and
    /// no number.
    pub(super) fn is_prose(&self, cells: &[&str], width: usize) -> bool {
        matches!(self.split, Split::Spaces | Split::Gaps)
            && cells.len() < width
            && !cells.iter().any(|cell| is_number(cell))
    }

    /// Whether a line with more or fewer cells than the rows is a remark: it has words where rows
    /// have numbers.
    pub(super) fn is_remark(&self, cells: &[&str], width: usize) -> bool {
        let loose = matches!(self.split, Split::Spaces | Split::Gaps) && self.header.is_some();
        let one = cells.iter().filter(|cell| !cell.is_empty()).count() == 1;
        width > 1 && (one || (loose && !is_number(cells[0])))
    }
}

/// The number and name of a column from a comment: `column 2: time in s`, `$2 = time`.
pub(super) fn numbered(comment: &str) -> Option<(usize, String)> {
    let text = comment.trim();
    let word = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let is_column = ["", "column", "col", "field", "spalte", "colonne", "columna"]
        .contains(&text[..word].to_ascii_lowercase().as_str());
    let rest = text[word..].trim_start_matches(['$', ' ', '#', '(']);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().ok().filter(|number| (1..=100).contains(number))?;
    let name = rest[digits..].trim_start_matches([')', ' ']).strip_prefix([':', '=', '-', '.'])?;
    (is_column && !name.trim().is_empty()).then(|| (number, name.trim().to_owned()))
}

fn is_number(cell: &str) -> bool {
    matches!(cell::parse(cell, Decimal::Point), Cell::Number(_))
}

/// Whether a cell is a share (`% of peak`) rather than a comment.
pub(super) fn is_share(cell: &str) -> bool {
    cell.starts_with('%') && cell.len() > 1 && !cell.starts_with("% ") && !cell.starts_with("%%")
}

/// The cells of a comment, without its mark.
pub(super) fn comment(cells: &[&str]) -> Vec<String> {
    let text = cells[0].trim_start_matches(['#', '/', '%', ' ']);
    let rest = cells.iter().skip(1).copied();
    std::iter::once(text).chain(rest).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

/// The text without the marks of quoted mail at the start of each line; `None` if there are none.
pub(super) fn without_marks(text: &str) -> Option<String> {
    let filled = || text.lines().take(LOOKED_AT).filter(|line| !line.trim().is_empty());
    let marked = filled().filter(|line| line.trim_start().starts_with('>')).count();
    if marked == 0 || marked * 2 < filled().count() {
        return None;
    }
    let plain = |line: &str| line.trim_start_matches(['>', ' ']).to_owned() + "\n";
    Some(text.lines().map(plain).collect())
}

/// The examined lines, with their numbers.
type Lines<'t> = Vec<(u32, &'t str)>;

/// Finds the separator and the place of the table.
pub(super) fn block(text: &str, declared: Option<u8>) -> Block {
    let marks = ["#", "//", "%"];
    let is_comment =
        |line: &str| marks.iter().any(|mark| line.starts_with(mark)) && !is_share(line);
    let lines: Lines<'_> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !is_comment(line) && !split::is_rule(line)
        })
        .take(LOOKED_AT)
        .collect();
    let split = match declared {
        Some(byte) => Split::Byte(byte),
        None => separator(&lines),
    };
    let mut block = Block { split, start: 0, width: 0, header: None };
    let widths: Vec<usize> = lines.iter().map(|(_, line)| split::of(line, split).len()).collect();
    let Some((width, _)) = modal(&widths) else { return block };
    block.width = width;
    let first = beginning(&lines, &widths, width, split);
    block.start = lines[first].0;
    if matches!(split, Split::Spaces | Split::Gaps) {
        spaced_header(&lines, &widths, first, &mut block);
    }
    // If the first line has more cells than the others, rows are too short; the line is no remark.
    if widths[..first].iter().any(|one| *one > width) && block.header.is_none() {
        block.start = lines[0].0;
        block.width = widths[0];
    }
    block
}

/// The line on which the table begins: the first of several consecutive lines that are as wide as
/// its rows and include numbers. A line of prose may have that width by chance.
fn beginning(lines: &Lines<'_>, widths: &[usize], width: usize, split: Split) -> usize {
    let holds_row = |run: &std::ops::Range<usize>| {
        run.len() > 1 && lines[run.clone()].iter().any(|(_, line)| is_row(line, split))
    };
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for at in (0..widths.len()).filter(|at| widths[*at] == width) {
        // Rules have no cells.
        let follows =
            |run: &&mut std::ops::Range<usize>| widths[run.end..at].iter().all(|width| *width == 0);
        match runs.last_mut().filter(follows) {
            Some(run) => run.end = at + 1,
            None => runs.push(at..at + 1),
        }
    }
    let Some(run) = runs.iter().find(|run| holds_row(run)).or(runs.first()) else { return 0 };
    if !matches!(split, Split::Spaces | Split::Gaps) {
        return run.start;
    }
    let above = run.clone().take_while(|at| !is_row(lines[*at].1, split));
    let counts =
        |at: &usize| split::of(lines[*at].1, split).iter().any(|cell| words::counts_workers(cell));
    let headings: Vec<usize> = above.collect();
    let named = headings.iter().find(|at| counts(at)).filter(|_| headings.len() > 1);
    named.copied().unwrap_or(run.start)
}

/// The most frequent number of cells, if at least two, and how many lines have it. Of equally
/// frequent ones, the first.
fn modal(widths: &[usize]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    for &width in widths.iter().filter(|width| **width >= 2) {
        let lines = widths.iter().filter(|one| **one == width).count();
        if best.is_none_or(|(_, most)| lines > most) {
            best = Some((width, lines));
        }
    }
    best
}

fn separator(lines: &Lines<'_>) -> Split {
    let score = |split: Split| {
        let cells: Vec<Vec<&str>> = lines.iter().map(|(_, line)| split::of(line, split)).collect();
        let widths: Vec<usize> = cells.iter().map(Vec::len).collect();
        let (_, fitting) = modal(&widths)?;
        // In `1 64,9` and `1      1 8.1` blanks are the separator, whatever the commas suggest.
        let pairs = cells.iter().filter(|cells| holds_pairs(cells)).count();
        let may_pair = !matches!(split, Split::Byte(b',') | Split::Gaps);
        (may_pair || pairs * 2 < fitting).then_some(fitting)
    };
    let mut best = (Split::Byte(b'\t'), 0);
    for layout in &LAYOUTS {
        let Some(fitting) = score(layout.split) else { continue };
        let better = match layout.split {
            Split::Gaps => fitting > best.1 && gaps_are_sure(lines),
            Split::Spaces => best.1 == 0 || fitting > 2 * best.1.max(1),
            _ => fitting > best.1,
        };
        if better {
            best = (layout.split, fitting);
        }
    }
    // For a single line, whatever separates it.
    best.0
}

/// Whether one cell holds two plain numbers.
fn holds_pairs(cells: &Vec<&str>) -> bool {
    cells.iter().any(|cell| {
        let parts: Vec<&str> = cell.split_whitespace().collect();
        parts.len() > 1 && parts.iter().all(|part| part.parse::<f64>().is_ok())
    })
}

/// Whether gaps give the same number of cells in all lines except remarks, and no line has only
/// single blanks.
fn gaps_are_sure(lines: &Lines<'_>) -> bool {
    let widths: Vec<usize> =
        lines.iter().map(|(_, line)| split::of(line, Split::Gaps).len()).collect();
    let Some((width, _)) = modal(&widths) else { return false };
    let spaced: Vec<usize> =
        lines.iter().map(|(_, line)| split::of(line, Split::Spaces).len()).collect();
    let tables = widths.iter().zip(&spaced).filter(|(gap, _)| **gap == width);
    // If blanks alone would do, they are more certain.
    let by_spaces = modal(&spaced).map_or(0, |(_, lines)| lines);
    let by_gaps = tables.count();
    by_gaps > by_spaces
}

/// Headings that contain blanks. Their cells are found by gaps, by brackets, or by the cells below.
fn spaced_header(lines: &Lines<'_>, widths: &[usize], first: usize, block: &mut Block) {
    let rows_start_here = is_row(lines[first].1, block.split);
    // The header is the line before the first row of numbers, or the first of these lines itself.
    let at = if rows_start_here { first.checked_sub(1) } else { Some(first) };
    let Some(at) = at else { return };
    let (number, line) = lines[at];
    if is_row(line, block.split) {
        return;
    }
    let width = (at + 1..lines.len())
        .map(|next| widths[next])
        .find(|width| *width >= 2)
        .unwrap_or(block.width);
    let data = lines.get(at + 1).map_or("", |(_, line)| line);
    let found = names(line, data, width).or_else(|| above_index(lines, at, width));
    if let Some(names) = found {
        block.start = number;
        block.width = names.len();
        block.header = Some((number, names));
    }
}

fn is_row(line: &str, split: Split) -> bool {
    split::of(line, split).iter().any(|cell| is_number(cell))
}

/// The headings in a line above rows of `width` cells. There may be one fewer if rows begin with a
/// running number.
fn names(line: &str, data: &str, width: usize) -> Option<Vec<String>> {
    let own = |cells: Vec<&str>| cells.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let plain = own(split::of(line, Split::Spaces));
    if plain.len() == width {
        return Some(plain);
    }
    let gaps = own(split::of(line, Split::Gaps));
    for names in [gaps, bracketed(&plain)] {
        if names.len() == width {
            return Some(names);
        }
    }
    if let Some(names) = above(line, data, width) {
        return Some(names);
    }
    // pandas and R number their rows, without a heading for the numbers.
    if plain.len() + 1 == width && plain.iter().any(|name| words::counts_workers(name)) {
        let index = std::iter::once(String::new());
        return Some(index.chain(plain).collect());
    }
    None
}

/// pandas prints the name of its index below the other headings, and their common name above them.
fn above_index(lines: &Lines<'_>, at: usize, width: usize) -> Option<Vec<String>> {
    let words = |at: usize| lines[at].1.split_whitespace().collect::<Vec<_>>();
    let (index, own) = (words(at), words(at.checked_sub(1)?));
    let counts = index.iter().any(|name| words::counts_workers(name));
    if index.len() + own.len() != width || !counts || own.iter().any(|name| is_number(name)) {
        return None;
    }
    let shared = at.checked_sub(2).map(words).unwrap_or_default();
    let shared = match shared.as_slice() {
        [one] if !is_number(one) => vec![*one; own.len()],
        many if many.len() == own.len() => many.to_vec(),
        _ => vec![""; own.len()],
    };
    let joined = shared.iter().zip(&own).map(|(shared, own)| format!("{shared} {own}"));
    Some(index.iter().map(|name| (*name).to_owned()).chain(joined).collect())
}

/// Joins brackets: `time (s)` is one heading, and so is `time [in s]`.
fn bracketed(words: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut open = false;
    for word in words {
        let joins = open || word.starts_with(['(', '[']) || word == "in" || word == "/";
        match names.last_mut().filter(|_| joins) {
            Some(last) => *last = format!("{last} {word}"),
            None => names.push(word.clone()),
        }
        open = (word.contains(['(', '[']) || open) && !word.ends_with([')', ']']);
        open |= word == "in" || word == "/";
    }
    names
}

/// Assigns each word of the header to the cell below it.
fn above(line: &str, data: &str, width: usize) -> Option<Vec<String>> {
    let cells = spans(data);
    if cells.len() != width {
        return None;
    }
    let mut names = vec![String::new(); width];
    for (start, end, word) in spans(line) {
        let distance = |cell: &(usize, usize, &str)| {
            if cell.1 <= start { start - cell.1 } else { cell.0.saturating_sub(end) }
        };
        let (at, _) = cells.iter().enumerate().min_by_key(|(_, cell)| distance(cell))?;
        let name = &mut names[at];
        let blank = if name.is_empty() { "" } else { " " };
        *name = format!("{name}{blank}{word}");
    }
    names.iter().all(|name| !name.is_empty()).then_some(names)
}

/// Start, end and text of each word of a line, in characters.
fn spans(line: &str) -> Vec<(usize, usize, &str)> {
    let mut found = Vec::new();
    for word in line.split_whitespace() {
        let byte = word.as_ptr() as usize - line.as_ptr() as usize;
        let start = line[..byte].chars().count();
        found.push((start, start + word.chars().count(), word));
    }
    found
}
