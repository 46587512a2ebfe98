//! The columns of a table: the kind of their cells, and the meaning of heading and cells together.

use std::collections::HashSet;

use super::super::layouts::Table;
use super::super::layouts::cell::{self, Beside, Cell, Decimal, Figure};
use super::super::layouts::decimal::{Said, Usual};
use super::super::words::units::{self, Unit};
use super::super::words::{self, Kind, Meaning, Statistic};

/// The most different values of a column that are counted. A column with more is not a parameter.
const MOST_DISTINCT: usize = 4096;

/// This many values are found without a hash; most columns of settings have no more.
const FEW: usize = 16;

/// Cells that are examined to find the decimal mark.
const MARKED: usize = 20_000;

/// What the cells of a column hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) filled: usize,
    pub(super) numbers: usize,
    pub(super) missing: usize,
    pub(super) whole: bool,
    pub(super) least: f64,
    pub(super) most: f64,
    /// The number of different values; `None` if there are too many.
    pub(super) distinct: Option<usize>,
    /// What stands beside most of the numbers.
    pub(super) beside: Beside,
    pub(super) decimal: Decimal,
    /// The guess about the marks in its numbers, if it is one.
    pub(super) marks: Said,
}

impl Facts {
    /// Examines every cell of a column.
    fn of(table: &Table, first: usize, at: usize, usual: Usual) -> Self {
        let cells = || table.rows_from(first).map(move |row| row.field(at));
        let (decimal, marks) = Decimal::of(cells().take(MARKED), usual);
        let mut facts = Self {
            filled: 0,
            numbers: 0,
            missing: 0,
            whole: true,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            distinct: None,
            beside: Beside::Nothing,
            decimal,
            marks,
        };
        let mut seen: HashSet<u64> = HashSet::new();
        let mut few: Vec<u64> = Vec::with_capacity(FEW);
        let mut beside: Vec<(Beside, usize)> = Vec::new();
        for text in cells() {
            match cell::parse(text, decimal) {
                Cell::Missing => {
                    facts.missing += 1;
                    continue;
                }
                Cell::Text => {}
                Cell::Number(Figure { value, unit, .. }) => {
                    facts.numbers += 1;
                    facts.whole = facts.whole && value.fract() == 0.0 && unit != Beside::Time;
                    facts.least = facts.least.min(value);
                    facts.most = facts.most.max(value);
                    let bits = value.to_bits();
                    if seen.len() <= MOST_DISTINCT && !few.contains(&bits) {
                        seen.insert(bits);
                        if few.len() < FEW {
                            few.push(bits);
                        }
                    }
                    match beside.iter_mut().find(|(other, _)| *other == unit) {
                        Some((_, count)) => *count += 1,
                        None => beside.push((unit, 1)),
                    }
                }
            }
            facts.filled += 1;
        }
        facts.distinct = (seen.len() <= MOST_DISTINCT).then_some(seen.len());
        let most = beside.into_iter().max_by_key(|(_, count)| *count);
        facts.beside = most.map_or(Beside::Nothing, |(unit, _)| unit);
        facts
    }

    /// Whether the column holds numbers, apart from a few cells.
    pub(super) fn is_numeric(&self) -> bool {
        self.numbers * 2 >= self.filled && self.numbers > 0
    }

    pub(super) fn varies(&self) -> bool {
        self.most > self.least
    }

    /// Whether the values may be swept numbers of workers rather than measurements.
    pub(super) fn could_count(&self, rows: usize) -> bool {
        let few = self.distinct.is_some_and(|distinct| distinct < rows || rows <= 12);
        self.whole && self.least >= 0.0 && self.most <= 65_536.0 && few
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) meaning: Meaning,
    pub(super) facts: Facts,
}

impl Column {
    pub(super) fn is(&self, kind: Kind) -> bool {
        self.meaning.kind == kind
    }

    /// Whether it holds figures of this kind that differ, or that are the only ones.
    pub(super) fn measures(&self, kind: Kind) -> bool {
        // If all cells report failures, the heading says what was to be measured.
        let failed = self.facts.filled == 0
            && self.facts.missing > 0
            && matches!(kind, Kind::Rate | Kind::Time | Kind::Value);
        self.is(kind) && (self.facts.is_numeric() || failed)
    }
}

/// All columns that have a heading or stand first, with their meanings.
pub(super) fn columns(table: &Table, names: &[String], first: usize) -> Vec<Column> {
    // If the marks of one column are ambiguous, other columns may show them.
    let shown = (0..names.len()).find_map(|at| {
        let cells = table.rows_from(first).take(1000).map(move |row| row.field(at));
        let (decimal, guess) = Decimal::of(cells, table.usual);
        (decimal == Decimal::Comma && guess.is_none()).then_some(decimal)
    });
    let usual = Usual { decimal: shown.or(table.usual), is_shown: shown.is_some() };
    let column = |(at, name): (usize, &String)| {
        let facts = Facts::of(table, first, at, usual);
        let mut meaning = words::meaning(name);
        by_cells(&mut meaning, &facts);
        Column { at, name: name.clone(), meaning, facts }
    };
    let mut columns: Vec<Column> = names.iter().enumerate().map(column).collect();
    minima(&mut columns);
    quartiles(&mut columns);
    // `user` beside `sys` is CPU time, as `time` prints it.
    let has = |name: &str| names.iter().any(|other| other.eq_ignore_ascii_case(name));
    if ["sys", "system", "real", "elapsed"].into_iter().any(has) {
        let user = columns.iter_mut().filter(|column| column.name.eq_ignore_ascii_case("user"));
        user.for_each(|column| column.meaning.kind = Kind::Aside);
    }
    columns
}

/// `q1` and `q3` beside a median are quartiles, not queries or quarters.
fn quartiles(columns: &mut [Column]) {
    if !columns.iter().any(|column| column.meaning.statistic == Statistic::Median) {
        return;
    }
    let is_quartile = |name: &str| {
        let words = words::words(name);
        words.windows(2).any(|pair| pair[0] == "q" && ["1", "3"].contains(&pair[1].as_str()))
    };
    for column in columns.iter_mut().filter(|column| is_quartile(&column.name)) {
        column.meaning.kind = Kind::Aside;
    }
}

/// `time_min` beside `time_max` is a minimum, not minutes.
fn minima(columns: &mut [Column]) {
    let beside = |wanted: &[Statistic]| {
        columns.iter().any(|column| {
            wanted.contains(&column.meaning.statistic) && !column.meaning.perhaps_minutes
        })
    };
    let has_most = beside(&[Statistic::Maximum]);
    let has_centre = beside(&[Statistic::Mean, Statistic::Median, Statistic::Deviation]);
    for column in columns.iter_mut().filter(|column| column.meaning.perhaps_minutes) {
        if has_most || (has_centre && !column.name.contains(['(', '['])) {
            column.meaning.statistic = Statistic::Minimum;
            column.meaning.perhaps_minutes = false;
            column.meaning.unit = None;
        }
    }
}

/// Cells say more than the heading.
fn by_cells(meaning: &mut Meaning, facts: &Facts) {
    if facts.numbers == 0 && facts.filled > 0 {
        // The heading `Runtime` may have cells such as `.NET 8.0`.
        if !matches!(meaning.kind, Kind::Aside | Kind::Unit | Kind::Repetition) {
            meaning.kind = Kind::Unknown;
        }
        return;
    }
    let open =
        matches!(meaning.kind, Kind::Unknown | Kind::Value | Kind::Work | Kind::Time | Kind::Rate);
    match facts.beside {
        Beside::Time if open => {
            meaning.kind = Kind::Time;
            meaning.unit = Some(Unit::Time { seconds: 1.0, what: String::new() });
        }
        Beside::Rate if open => {
            meaning.kind = Kind::Rate;
            // The cells were already converted to plain counts.
            meaning.unit = Some(match &meaning.unit {
                Some(Unit::Rate { factor, what }) => {
                    let (thousands, what) = units::without_thousands(what);
                    Unit::Rate { factor: factor * thousands, what: what.to_owned() }
                }
                _ => Unit::Rate { factor: 1.0, what: "units".to_owned() },
            });
        }
        Beside::Times if matches!(meaning.kind, Kind::Unknown | Kind::Value) => {
            meaning.kind = Kind::Speedup;
        }
        Beside::Percent if matches!(meaning.kind, Kind::Unknown | Kind::Value | Kind::Rate) => {
            meaning.kind = Kind::Aside;
        }
        _ => {}
    }
}
