//! JSON as rows and columns: records, or columns of arrays, anywhere in a document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::words::axis;
use super::super::{Fault, words};
use super::Table;
use super::decimal::Decimal;

/// The depth below the root to which records are searched.
const DEEPEST: usize = 3;
/// Documents with more cells are refused.
const MOST_CELLS: usize = 20_000_000;

/// Fields and their values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Found {
    pub(in crate::import) names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Found {
    /// Whether the texts of a field state numbers of workers: `"label": "-j 8"`.
    pub(in crate::import) fn states_counts(&self) -> bool {
        let stated = |at: usize| {
            self.rows.iter().filter(|row| axis::in_text(&row[at], None).is_some()).take(2).count()
        };
        (0..self.names.len()).any(|at| stated(at) == 2)
    }

    pub(in crate::import) fn table(&self) -> Result<Table, Fault> {
        if self.rows.len() * self.names.len() > MOST_CELLS {
            return Err(Fault::whole(format!("holds more than {MOST_CELLS} values")));
        }
        let mut table = Table::empty(self.names.len());
        (table.usual, table.is_headed) = (Some(Decimal::Point), true);
        table.push(1, &self.names.iter().map(String::as_str).collect::<Vec<_>>());
        for (line, row) in (1..).zip(&self.rows) {
            table.push(line, &row.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Ok(table)
    }
}

/// The first records or columns in a document.
pub(in crate::import) fn find(value: &Value) -> Option<Found> {
    below(value, 0)
}

fn below(value: &Value, depth: usize) -> Option<Found> {
    if depth > DEEPEST {
        return None;
    }
    match value {
        Value::Array(items) => of_records(items.iter()).or_else(|| of_rows(items)),
        Value::Object(fields) => {
            let inside = || fields.values().find_map(|inner| below(inner, depth + 1));
            let known = split(fields).or_else(|| columns(fields)).or_else(|| by_index(fields));
            known.or_else(|| by_key(fields)).or_else(|| by_name(fields)).or_else(inside)
        }
        _ => None,
    }
}

/// A record per line.
pub(in crate::import) fn of_lines(lines: &[(usize, Value)]) -> Option<Found> {
    of_records(lines.iter().map(|(_, value)| value))
}

/// Reads `[{"threads": 1, "time": 8.1}, ..]`. An array of numbers in a record holds one value per
/// repetition.
fn of_records<'v>(items: impl Iterator<Item = &'v Value> + Clone) -> Option<Found> {
    let mut names: Vec<String> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut flat = Vec::new();
    for item in items {
        let mut cells = Vec::new();
        flatten(item.as_object()?, "", 0, &mut cells);
        for (name, _) in &cells {
            if seen.insert(name.clone()) {
                names.push(name.clone());
            }
        }
        flat.push(cells);
    }
    if flat.is_empty() || names.is_empty() || names.len() > 1000 {
        return None;
    }
    let places: BTreeMap<&str, usize> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let mut rows = Vec::new();
    for cells in &flat {
        let most = cells.iter().map(|(_, values)| values.len()).max().unwrap_or(1);
        for at in 0..most {
            let mut row = vec![String::new(); names.len()];
            for (name, values) in cells {
                let value = if values.len() == 1 { values.first() } else { values.get(at) };
                row[places[name.as_str()]] = value.cloned().unwrap_or_default();
            }
            rows.push(row);
        }
    }
    Some(Found { names, rows })
}

type Cells = Vec<(String, Vec<String>)>;

fn flatten(fields: &Map<String, Value>, prefix: &str, depth: usize, cells: &mut Cells) {
    for (key, value) in fields {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix} {key}") };
        match value {
            Value::Object(inner) if seconds(inner).is_some() => {
                let seconds = seconds(inner).unwrap_or_default();
                cells.push((format!("{name} (s)"), vec![seconds.to_string()]));
            }
            Value::Object(inner) if depth < DEEPEST => flatten(inner, &name, depth + 1, cells),
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_number) => {
                cells.push((name, items.iter().map(word).collect()));
            }
            Value::Object(_) | Value::Array(_) => {}
            value => cells.push((name, vec![word(value)])),
        }
    }
}

/// Reads `{"secs": 8, "nanos": 100000000}`, a duration as Rust and protocol buffers write it.
fn seconds(fields: &Map<String, Value>) -> Option<f64> {
    let number = |names: [&str; 2]| names.iter().find_map(|name| fields.get(*name)?.as_f64());
    let (seconds, nanos) = (number(["secs", "seconds"])?, number(["nanos", "nanoseconds"])?);
    (fields.len() == 2).then_some(seconds + nanos / 1e9)
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Reads `{"threads": [1, 2, 4], "time": [8.1, 4.2, 2.3]}`.
fn columns(fields: &Map<String, Value>) -> Option<Found> {
    let arrays: Vec<(&String, &Vec<Value>)> =
        fields.iter().filter_map(|(name, value)| Some((name, value.as_array()?))).collect();
    let scalar = |value: &Value| !value.is_object() && !value.is_array();
    let length = arrays.first()?.1.len();
    let fit =
        |(_, items): &(&String, &Vec<Value>)| items.len() == length && items.iter().all(scalar);
    if arrays.len() < 2 || length == 0 || !arrays.iter().all(fit) {
        return None;
    }
    let names = arrays.iter().map(|(name, _)| (*name).clone()).collect();
    let rows =
        (0..length).map(|at| arrays.iter().map(|(_, items)| word(&items[at])).collect()).collect();
    Some(Found { names, rows })
}

/// Reads `{"columns": ["threads", "time"], "data": [[1, 8.1], [2, 4.2]]}`.
fn split(fields: &Map<String, Value>) -> Option<Found> {
    let header = fields.get("columns").or_else(|| fields.get("header"))?;
    let rows = fields.get("data").or_else(|| fields.get("rows"))?.as_array()?;
    rows_under(header, rows)
}

/// Reads `[["threads", "time"], [1, 8.1], [2, 4.2]]`.
fn of_rows(items: &[Value]) -> Option<Found> {
    let (header, rows) = items.split_first()?;
    rows_under(header, rows).or_else(|| pairs(items))
}

/// Reads `[[1, 8.1], [2, 4.2], ..]`: two columns without headings.
fn pairs(items: &[Value]) -> Option<Found> {
    let row = |value: &Value| {
        let cells = value.as_array().filter(|cells| cells.len() == 2)?;
        cells.iter().all(Value::is_number).then(|| cells.iter().map(word).collect())
    };
    let rows: Vec<Vec<String>> = items.iter().map(row).collect::<Option<_>>()?;
    let names = ["workers", "value"].map(str::to_owned).to_vec();
    (rows.len() > 1).then_some(Found { names, rows })
}

fn rows_under(header: &Value, rows: &[Value]) -> Option<Found> {
    let name = |value: &Value| value.as_str().map(str::to_owned);
    let names: Vec<String> = header.as_array()?.iter().map(name).collect::<Option<_>>()?;
    let row = |value: &Value| {
        let cells: Vec<String> = value.as_array()?.iter().map(word).collect();
        (cells.len() == names.len()).then_some(cells)
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect::<Option<_>>()?;
    (!rows.is_empty() && !names.is_empty()).then_some(Found { names, rows })
}

/// Reads `{"threads": {"0": 1, "1": 2}, "time": {"0": 8.1, "1": 4.2}}`: columns by index, as pandas
/// writes a frame.
fn by_index(fields: &Map<String, Value>) -> Option<Found> {
    let columns: Vec<(&String, &Map<String, Value>)> =
        fields.iter().filter_map(|(name, value)| Some((name, value.as_object()?))).collect();
    let (_, first) = columns.first()?;
    // An index begins at 0; numbers of workers do not.
    let numbered =
        first.len() > 1 && (0..first.len()).all(|at| first.contains_key(&at.to_string()));
    let scalar = |value: &Value| !value.is_object() && !value.is_array();
    let alike = columns.iter().all(|(_, column)| {
        column.len() == first.len()
            && column.keys().all(|key| first.contains_key(key))
            && column.values().all(scalar)
    });
    // If keys count workers, they are one level higher, or no column has the name of workers.
    let counted = columns.iter().any(|(name, _)| words::counts_workers(name));
    if !numbered || !alike || columns.len() < 2 || !counted {
        return None;
    }
    let mut keys: Vec<&String> = first.keys().collect();
    keys.sort_by_key(|key| key.parse::<u32>().unwrap_or_default());
    let names = columns.iter().map(|(name, _)| (*name).clone()).collect();
    let row = |key: &&String| columns.iter().map(|(_, column)| word(&column[*key])).collect();
    Some(Found { names, rows: keys.iter().map(row).collect() })
}

/// The number of workers that a key holds: `8`, `threads=8`.
fn count_in(key: &str) -> Option<f64> {
    let plain = key.parse::<u32>().ok().map(f64::from);
    plain.or_else(|| Some(axis::in_text(key, None)?.workers))
}

/// Whether all keys hold different numbers of workers.
fn are_counts(fields: &Map<String, Value>) -> bool {
    let counts: BTreeSet<u64> =
        fields.keys().filter_map(|key| Some(count_in(key)?.to_bits())).collect();
    fields.len() > 1 && counts.len() == fields.len()
}

/// The value below a key that is a number of workers: a record or a figure.
fn record((key, value): (&String, &Value)) -> Map<String, Value> {
    let mut record = match value {
        Value::Object(inner) => inner.clone(),
        value => Map::from_iter([("value".to_owned(), value.clone())]),
    };
    // If the records themselves count workers, the keys are just running numbers.
    if !record.keys().any(|name| words::counts_workers(name)) {
        record.insert("workers".to_owned(), Value::from(count_in(key).unwrap_or_default()));
    }
    record
}

/// Reads `{"1": {"time": 8.1}, "2": {"time": 4.2}}` or `{"1": 8.1, "2": 4.2}`: the keys are
/// workers.
fn by_key(fields: &Map<String, Value>) -> Option<Found> {
    if !are_counts(fields) {
        return None;
    }
    let records: Vec<Value> = fields.iter().map(|one| Value::Object(record(one))).collect();
    of_records(records.iter())
}

/// Reads `{"pool": {"1": 8.1, "2": 4.2}, "async": {"1": 8.3, "2": 5.0}}`: a curve per name.
fn by_name(fields: &Map<String, Value>) -> Option<Found> {
    let inner: Vec<(&String, &Map<String, Value>)> = fields
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_object()?)))
        .filter(|(_, inner)| are_counts(inner))
        .collect();
    if inner.len() < 2 {
        return None;
    }
    let named = |(name, counts): &(&String, &Map<String, Value>)| {
        let all = counts.iter().map(|one| {
            let mut record = record(one);
            record.insert("series".to_owned(), Value::from(name.as_str()));
            Value::Object(record)
        });
        all.collect::<Vec<_>>()
    };
    let records: Vec<Value> = inner.iter().flat_map(named).collect();
    of_records(records.iter())
}
