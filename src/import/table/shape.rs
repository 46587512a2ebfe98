//! Where the headings of a table are: above, at the left, in a comment, on two lines, or nowhere.

use std::borrow::Cow;

use super::super::layouts::cell::{self, Cell, Decimal};
use super::super::layouts::{Row, Table};
use super::super::words::{self, Kind, axis, units};

/// A table, separated from its headings.
#[derive(Debug)]
pub(super) struct Headed<'t> {
    /// The table itself, or a transposed one.
    pub(super) table: Cow<'t, Table>,
    pub(super) names: Vec<String>,
    /// The first row with measurements.
    pub(super) first: usize,
    /// Whether the numbers of workers were headings.
    pub(super) turned: Option<String>,
}

fn is_number(text: &str) -> bool {
    matches!(cell::parse(text, Decimal::Point), Cell::Number(_))
        || matches!(cell::parse(text, Decimal::Comma), Cell::Number(_))
}

fn counts(name: &str) -> bool {
    words::meaning(name).kind == Kind::Workers
}

/// Finds the headings; `None` if there are none.
pub(super) fn headed(table: &Table) -> Option<Headed<'_>> {
    if table.is_headed {
        let names = owned(table.row(0));
        return Some(Headed { table: Cow::Borrowed(table), names, first: 1, turned: None });
    }
    if let Some(turned) = transposed(table).or_else(|| by_count(table)) {
        return Some(turned);
    }
    let (names, first) = header(table)?;
    let (names, first) = with_units_below(table, names, first);
    let first = first + usize::from(are_types_below(table, first));
    Some(Headed { table: Cow::Borrowed(table), names, first, turned: None })
}

fn owned(row: Row<'_>) -> Vec<String> {
    row.fields().map(str::to_owned).collect()
}

/// The names of the columns, and the first row with measurements.
fn header(table: &Table) -> Option<(Vec<String>, usize)> {
    // A title above the table fills only one of many cells.
    let is_title = |row: Row<'_>| {
        row.len() > 1
            && row.fields().filter(|cell| !cell.is_empty()).count() == 1
            && !row.field(0).is_empty()
    };
    let start = (0..table.len().min(3)).find(|at| !is_title(table.row(*at))).unwrap_or(0);
    let first = table.row(start);
    let filled = || (0..first.len()).filter(move |at| !first.field(*at).is_empty());
    if !filled().any(|at| is_number(first.field(at))) {
        return Some(below(table, start).unwrap_or_else(|| (owned(first), start + 1)));
    }
    // `workers,1,2,3` is a heading of repetitions; `threads,1,20.5` is a measurement of the series
    // `threads`.
    let heads = |at: usize| {
        let below = table.len() > start + 1 && is_number(table.row(start + 1).field(at));
        below && counts(first.field(at))
    };
    if filled().any(heads) {
        return Some((owned(first), start + 1));
    }
    let comment = table.comment.as_ref()?;
    let names = if comment.len() == first.len() {
        comment.clone()
    } else {
        let words: Vec<String> =
            comment.iter().flat_map(|cell| cell.split_whitespace()).map(str::to_owned).collect();
        if words.len() == first.len() { words } else { return None }
    };
    names.iter().any(|name| counts(name)).then_some((names, start))
}

/// The most lines of headings.
const MOST_LINES: usize = 3;

/// Headings on several lines, as in pandas and spreadsheets. A lower heading adds to the one above,
/// and an empty cell belongs to the one before. `None` if there is only one line.
fn below(table: &Table, start: usize) -> Option<(Vec<String>, usize)> {
    let has_number = |at: &usize| table.row(*at).fields().any(is_number);
    let end = (start..table.len().min(start + MOST_LINES + 1)).find(has_number)?;
    let width = table.width();
    let counted =
        (start..end).find_map(|at| (0..width).find(|c| counts(table.row(at).field(*c))))?;
    // The heading of the workers is on one line only; the other line has nothing there.
    let cells = (start..end).filter(|at| !table.row(*at).field(counted).is_empty()).count();
    if end < start + 2 || cells != 1 {
        return None;
    }
    let mut names = vec![String::new(); width];
    for at in start..end {
        let row = table.row(at);
        let is_last = at + 1 == end;
        let mut spanning = "";
        for (column, name) in names.iter_mut().enumerate() {
            let own = row.field(column);
            let spans = own.is_empty() && column != counted && !is_last;
            spanning = if spans { spanning } else { own };
            if !spanning.is_empty() {
                let blank = if name.is_empty() { "" } else { " " };
                *name = format!("{name}{blank}{spanning}");
            }
        }
    }
    Some((names, end))
}

/// A second line of headings with only units: `(s)`, `[ops/s]`, `-`.
fn with_units_below(table: &Table, names: Vec<String>, first: usize) -> (Vec<String>, usize) {
    if first >= table.len() {
        return (names, first);
    }
    let row = table.row(first);
    let bare = |text: &str| text.trim_matches(['(', ')', '[', ']']).trim().to_owned();
    let is_unit = |text: &str| {
        let text = bare(text);
        matches!(text.as_str(), "" | "-" | "#" | "count" | "%")
            || units::Unit::parse(&text).is_some()
    };
    let named = |text: &&str| units::Unit::parse(&bare(text)).is_some();
    if !row.fields().all(is_unit) || !row.fields().any(|text| named(&text)) {
        return (names, first);
    }
    let join = |(name, unit): (String, &str)| match bare(unit).as_str() {
        "" | "-" | "#" | "count" => name,
        unit => format!("{name} ({unit})"),
    };
    (names.into_iter().zip(row.fields()).map(join).collect(), first + 1)
}

/// Types that databases and data frames print below their headings.
const TYPES: [&str; 36] = [
    "int", "int8", "int16", "int32", "int64", "integer", "bigint", "smallint", "uint8", "uint16",
    "uint32", "uint64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "float", "float32",
    "float64", "f32", "f64", "double", "dbl", "real", "numeric", "decimal", "varchar", "text",
    "str", "chr", "string", "bool",
];

/// Whether the row holds only the types of the columns: `int32 | double`, `<int> <dbl>`.
fn are_types_below(table: &Table, at: usize) -> bool {
    let is_type = |text: &str| {
        let bare = text.trim_matches(['<', '>']).to_lowercase();
        TYPES.contains(&bare.split('(').next().unwrap_or_default())
    };
    at < table.len() && table.row(at).fields().all(is_type)
}

/// Headings at the left: `threads,1,2,4,8` above `time,8.1,4.2,2.3,1.9`.
fn transposed(table: &Table) -> Option<Headed<'static>> {
    let width = table.width();
    if width < 3 || table.len() > 64 || table.len() < 2 {
        return None;
    }
    let lead = table.rows().find(|row| counts(row.field(0)))?;
    let numbers = |row: Row<'_>| (1..width).filter(|at| is_number(row.field(*at))).count();
    let first = table.row(0);
    // The numbers of workers run from left to right, and every row begins with a name.
    let named = table.rows().all(|row| !is_number(row.field(0)) && !row.field(0).is_empty());
    let of_workers =
        numbers(lead) + 1 == width && (first.line() == lead.line() || numbers(first) == 0);
    let measured =
        table.rows().filter(|row| row.line() != lead.line()).any(|row| numbers(row) * 2 > width);
    if !named || !of_workers || !measured || table.rows().all(|row| counts(row.field(0))) {
        return None;
    }
    let rows: Vec<Row<'_>> = table.rows().filter(|row| numbers(*row) > 0).collect();
    let mut turned = Table::empty(rows.len());
    turned.usual = table.usual;
    for at in 1..width {
        turned.push(lead.line(), &rows.iter().map(|row| row.field(at)).collect::<Vec<_>>());
    }
    let names = rows.iter().map(|row| row.field(0).to_owned()).collect();
    Some(Headed { table: Cow::Owned(turned), names, first: 0, turned: None })
}

/// Whether a corner such as `size\\threads` says that numbers of workers run across. `None` if it
/// is no such corner.
fn workers_across(corner: &str) -> Option<bool> {
    let (down, across) = corner.rsplit_once('\\')?;
    match (counts(down), counts(across)) {
        (_, true) => Some(true),
        (true, false) => Some(false),
        _ => None,
    }
}

/// Numbers of workers as headings: `benchmark,1 thread,2 threads,4 threads`, or `size,1,2,4,8`.
fn by_count(table: &Table) -> Option<Headed<'static>> {
    let width = table.width();
    if width < 3 || table.len() < 2 {
        return None;
    }
    // A cell above several numbers may say what they are.
    let above: Vec<&str> = table.row(0).fields().filter(|cell| !cell.is_empty()).collect();
    let is_told = matches!(above.as_slice(), [one] if counts(one)) && table.len() > 2;
    let start = usize::from(is_told);
    let head = table.row(start);
    let names_workers = |at: usize| words::meaning(head.field(at)).kind == Kind::Workers;
    let across = workers_across(head.field(0));
    if across == Some(false) || (usize::from(across.is_some())..width).any(names_workers) {
        return None;
    }
    let said = |text: &str| {
        let found = axis::in_text(text, None).map(|found| found.workers);
        found.or_else(|| {
            text.strip_prefix(['t', 'T', 'p', 'P', 'n', 'N']).and_then(|rest| rest.parse().ok())
        })
    };
    let by_word: Vec<Option<f64>> = (0..width).map(|at| said(head.field(at))).collect();
    let plain: Vec<Option<f64>> = (0..width)
        .map(|at| head.field(at).parse::<f64>().ok().filter(|n| *n >= 1.0 && n.fract() == 0.0))
        .collect();
    let words = by_word.iter().flatten().count();
    let found = if words >= 2 { by_word } else { plain };
    let (from, numbers) = (found.iter().position(Option::is_some)?, found.iter().flatten().count());
    let ascends = found[from..].windows(2).all(|pair| matches!(pair, [Some(a), Some(b)] if a < b));
    // 1, 2, 3 may as well be repetitions; 1, 2, 4 cannot be.
    let sure = is_told
        || words >= 2
        || found.iter().flatten().enumerate().any(|(at, n)| *n > at as f64 + 1.0);
    if numbers < 2 || from == 0 || from > 3 || !ascends || !sure || from + numbers != width {
        return None;
    }
    let rows = || table.rows_from(start + 1).filter(|row| *row.field(from) != *head.field(from));
    if !rows().all(|row| (from..width).any(|at| is_number(row.field(at))))
        || rows().count() * numbers > 1_000_000
    {
        return None;
    }
    let mut turned = Table::empty(from + 2);
    turned.usual = table.usual;
    for row in rows() {
        for (at, count) in found.iter().enumerate().skip(from) {
            let count = count.unwrap_or_default().to_string();
            let mut cells: Vec<&str> = (0..from).map(|at| row.field(at)).collect();
            cells.extend([count.as_str(), row.field(at)]);
            turned.push(row.line(), &cells);
        }
    }
    let mut names: Vec<String> = (0..from).map(|at| head.field(at).to_owned()).collect();
    if across == Some(true) {
        let down = head.field(0).rsplit_once('\\').map_or("", |(down, _)| down.trim());
        // Here `n` names the rows, not a number of workers.
        names[0] = if counts(down) { format!("case {down}") } else { down.to_owned() };
    }
    names.extend(["workers".to_owned(), "value".to_owned()]);
    let counts: Vec<&str> = (from..width).map(|at| head.field(at)).collect();
    let said =
        format!("the headings {} are taken as numbers of workers", axis::list(counts.into_iter()));
    Some(Headed {
        table: Cow::Owned(turned),
        names,
        first: 0,
        turned: (words < 2 && !is_told).then_some(said),
    })
}

/// A grid of processes, `P` by `Q`, as in linear algebra: the number of workers is their product.
pub(super) fn with_grid(headed: Headed<'_>) -> Headed<'_> {
    let place = |wanted: &str| headed.names.iter().position(|name| name == wanted);
    let (Some(p), Some(q)) = (place("P"), place("Q")) else { return headed };
    let others = |at: &usize| {
        let name = &headed.names[*at];
        ![p, q].contains(at) && name.len() > 1 && words::counts_workers(name)
    };
    // If another column already counts them, both are left out.
    let other = (0..headed.names.len()).find(others);
    let table = headed.table.as_ref();
    let kept: Vec<usize> =
        (0..table.width()).filter(|at| *at != q && (*at != p || other.is_none())).collect();
    let mut turned = Table::empty(kept.len());
    (turned.usual, turned.remarks) = (table.usual, table.remarks.clone());
    for row in table.rows_from(headed.first) {
        let number = |at: usize| row.field(at).parse::<f64>().ok();
        let product = number(p).zip(number(q)).map(|(p, q)| (p * q).to_string());
        let product = product.unwrap_or_else(|| row.field(p).to_owned());
        let cell = |at: &usize| if *at == p { product.as_str() } else { row.field(*at) };
        turned.push(row.line(), &kept.iter().map(cell).collect::<Vec<_>>());
    }
    if other.is_none() {
        turned.remarks.push("the number of workers is P times Q".to_owned());
    }
    let name = |at: &usize| {
        if *at == p { "workers".to_owned() } else { headed.names[*at].clone() }
    };
    let names = kept.iter().map(name).collect();
    Headed { table: Cow::Owned(turned), names, first: 0, turned: headed.turned }
}

/// Numbers of workers inside texts, such as `make -j 8` in a column of commands. The number gets a
/// column of its own.
pub(super) fn stated_in_texts(
    table: &Table,
    headed: &Headed<'_>,
    param: Option<&str>,
) -> Option<(Table, Vec<String>, String)> {
    let rows = || table.rows_from(headed.first);
    let stated = |at: usize| rows().filter_map(|row| axis::in_text(row.field(at), param)).count();
    let width = table.width();
    let at = (0..width).max_by_key(|at| (stated(*at), width - at))?;
    let distinct: std::collections::BTreeSet<u64> = rows()
        .filter_map(|row| axis::in_text(row.field(at), param))
        .map(|f| f.workers.to_bits())
        .collect();
    if distinct.len() < 2 || rows().count() > 1_000_000 {
        return None;
    }
    let mut wider = Table::empty(width + 1);
    wider.usual = table.usual;
    for row in rows() {
        let found = axis::in_text(row.field(at), param);
        let count = found.as_ref().map(|found| found.workers.to_string()).unwrap_or_default();
        let rest = found.map_or_else(|| row.field(at).to_owned(), |found| found.rest);
        let mut cells: Vec<&str> = row.fields().collect();
        cells[at] = &rest;
        cells.push(&count);
        wider.push(row.line(), &cells);
    }
    let mut names = headed.names.clone();
    names.push("workers".to_owned());
    let said = format!("the number of workers is taken from column {:?}", headed.names[at]);
    Some((wider, names, said))
}
