//! Splits each line into cells, in one of several ways.

use csv::StringRecord;

use super::super::Fault;

/// The separator of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum Split {
    /// One byte. Cells that contain it are quoted.
    Byte(u8),
    /// Bars, plain or drawn, possibly also at both ends: Markdown, psql, boxes.
    Bars,
    /// LaTeX's `&`.
    Ampersands,
    /// Two or more blanks, or a tab.
    Gaps,
    /// Any white space.
    Spaces,
}

/// Characters that are drawn as bars.
const BARS: [char; 6] = ['|', '\u{2502}', '\u{2503}', '\u{2551}', '\u{2506}', '\u{250a}'];

/// Calls `take` with the number and the cells of every line that is neither blank nor a rule.
pub(super) fn each(
    text: &str,
    split: Split,
    mut take: impl FnMut(u32, &[&str]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if let Split::Byte(byte) = split {
        return separated(text, byte, take);
    }
    for (number, line) in (1..).zip(text.lines()) {
        let cells = of(line, split);
        if !cells.is_empty() {
            take(number, &cells)?;
        }
    }
    Ok(())
}

fn separated(
    text: &str,
    byte: u8,
    mut take: impl FnMut(u32, &[&str]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(byte)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut fields = StringRecord::new();
    let mut cells: Vec<&str> = Vec::new();
    loop {
        let more = reader.read_record(&mut fields);
        if !more.map_err(|error| Fault::whole(format!("is not a table: {error}")))? {
            return Ok(());
        }
        let line = fields.position().map_or(0, |start| line_of(text, start));
        if fields.len() == 1 && is_rule(fields[0].trim()) {
            continue;
        }
        // The list is reused from row to row; only its contents are new.
        let mut list = recycle(std::mem::take(&mut cells));
        list.extend(fields.iter().map(str::trim));
        take(line, &list)?;
        cells = recycle(list);
    }
}

/// Turns a used list into an empty one.
fn recycle<'a>(mut list: Vec<&str>) -> Vec<&'a str> {
    list.clear();
    list.into_iter().map(|_| "").collect()
}

/// The line on which a row starts. The reader counts blank lines before a row as part of it.
fn line_of(text: &str, start: &csv::Position) -> u32 {
    let rest = text.as_bytes().get(start.byte() as usize..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    (start.line() + blank.filter(|byte| **byte == b'\n').count() as u64) as u32
}

/// The cells of one line; empty if it is blank, a rule or a fence.
pub(super) fn of(line: &str, split: Split) -> Vec<&str> {
    let whole = line.trim_end();
    let line = line.trim();
    if line.is_empty() || is_rule(line) || line.starts_with("```") {
        return Vec::new();
    }
    match split {
        // A tab at the start follows an empty cell.
        Split::Byte(b'\t') => quoted(whole.trim_start_matches(' '), '\t'),
        Split::Byte(byte) => quoted(line, byte as char),
        Split::Bars => bars(line),
        Split::Ampersands => {
            let line = line.trim_end_matches("\\hline").trim().trim_end_matches("\\\\");
            if line.starts_with('\\') && !line.contains('&') {
                return Vec::new();
            }
            line.split('&').map(|cell| cell.trim().trim_matches('$')).collect()
        }
        Split::Gaps => gaps(without_comment(line)),
        Split::Spaces => {
            let line = without_comment(line);
            let mut quoted = false;
            let parts = line.split(|c: char| {
                quoted ^= c == '"';
                c.is_whitespace() && !quoted
            });
            parts.filter(|part| !part.is_empty()).map(|part| part.trim_matches('"')).collect()
        }
    }
}

/// A row of numbers without the comment at its end: `8 2500 3.24 # hyper-threads`.
fn without_comment(line: &str) -> &str {
    let row = line.find(" # ").map(|at| line[..at].trim_end());
    let is_figure = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    row.filter(|row| !row.is_empty() && row.split_whitespace().all(is_figure)).unwrap_or(line)
}

fn bars(line: &str) -> Vec<&str> {
    // Wikis double the bars between headings, or between the cells of a line.
    let inside = line.trim_matches('|');
    let doubled = line.starts_with("||") || !line.ends_with('|');
    if doubled && inside.contains("||") && !inside.replace("||", "").contains('|') {
        return inside.split("||").map(str::trim).collect();
    }
    let line = line.strip_prefix(BARS).unwrap_or(line);
    let line = line.strip_suffix(BARS).unwrap_or(line);
    line.split(BARS).map(str::trim).collect()
}

fn gaps(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    for part in line.split('\t') {
        cells.extend(part.split("  ").map(str::trim).filter(|cell| !cell.is_empty()));
    }
    cells
}

fn quoted(line: &str, separator: char) -> Vec<&str> {
    let mut inside = false;
    let parts = line.split(|c: char| {
        inside ^= c == '"';
        c == separator && !inside
    });
    parts.map(|part| part.trim().trim_matches('"')).collect()
}

/// Whether a line is drawn rather than written: `|---|---:|`, `+----+`, `=====`, `\hline`.
pub(super) fn is_rule(line: &str) -> bool {
    if line.starts_with("\\hline") || line.starts_with("\\toprule") {
        return line.trim_start_matches(|c: char| c == '\\' || c.is_ascii_alphabetic()).is_empty();
    }
    // R's data frames print the types of their columns: `<int> <dbl>`.
    let is_type = |word: &str| {
        let inner = word.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        inner.is_some_and(|inner| ["int", "dbl", "chr", "fct", "lgl", "num"].contains(&inner))
    };
    if line.starts_with('<') && line.split_whitespace().all(is_type) {
        return true;
    }
    let drawn = |c: char| {
        matches!(c, '-' | '=' | '+' | '|' | ':' | ' ' | '\t' | '_' | '*')
            || ('\u{2500}'..='\u{257f}').contains(&c)
    };
    let strong = |c: char| matches!(c, '-' | '=' | '_') || ('\u{2500}'..='\u{257f}').contains(&c);
    line.chars().all(drawn) && line.chars().filter(|c| strong(*c)).count() >= 3
}
