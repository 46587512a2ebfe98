//! JSON as rows and columns: records, and columns of arrays, wherever in a document they stand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::{Fault, words};
use super::Table;

/// So deep below the root records are looked for.
const DEEPEST: usize = 3;
/// More cells are refused.
const MOST_CELLS: usize = 20_000_000;

/// Fields and their values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Found {
    pub(in crate::import) names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Found {
    pub(in crate::import) fn table(&self) -> Result<Table, Fault> {
        if self.rows.len() * self.names.len() > MOST_CELLS {
            return Err(Fault::whole(format!("holds more than {MOST_CELLS} values")));
        }
        let mut table = Table::empty(self.names.len());
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
            known.or_else(|| by_key(fields)).or_else(inside)
        }
        _ => None,
    }
}

/// A record per line.
pub(in crate::import) fn of_lines(lines: &[(usize, Value)]) -> Option<Found> {
    of_records(lines.iter().map(|(_, value)| value))
}

/// `[{"threads": 1, "time": 8.1}, ..]`; an array of numbers in a record is one value per
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
            Value::Object(inner) if depth < DEEPEST => flatten(inner, &name, depth + 1, cells),
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_number) => {
                cells.push((name, items.iter().map(word).collect()));
            }
            Value::Object(_) | Value::Array(_) => {}
            value => cells.push((name, vec![word(value)])),
        }
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `{"threads": [1, 2, 4], "time": [8.1, 4.2, 2.3]}`.
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

/// `{"columns": ["threads", "time"], "data": [[1, 8.1], [2, 4.2]]}`.
fn split(fields: &Map<String, Value>) -> Option<Found> {
    let header = fields.get("columns").or_else(|| fields.get("header"))?;
    let rows = fields.get("data").or_else(|| fields.get("rows"))?.as_array()?;
    rows_under(header, rows)
}

/// `[["threads", "time"], [1, 8.1], [2, 4.2]]`.
fn of_rows(items: &[Value]) -> Option<Found> {
    let (header, rows) = items.split_first()?;
    rows_under(header, rows)
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

/// `{"threads": {"0": 1, "1": 2}, "time": {"0": 8.1, "1": 4.2}}`, as pandas writes a frame: a
/// column by index.
fn by_index(fields: &Map<String, Value>) -> Option<Found> {
    let columns: Vec<(&String, &Map<String, Value>)> =
        fields.iter().filter_map(|(name, value)| Some((name, value.as_object()?))).collect();
    let (_, first) = columns.first()?;
    let numbered = first.len() > 1 && first.keys().all(|key| key.parse::<u32>().is_ok());
    let scalar = |value: &Value| !value.is_object() && !value.is_array();
    let alike = columns.iter().all(|(_, column)| {
        column.len() == first.len()
            && column.keys().all(|key| first.contains_key(key))
            && column.values().all(scalar)
    });
    // Keys that count workers stand one level higher, or their columns have no such name.
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

/// `{"1": {"time": 8.1}, "2": {"time": 4.2}}` and `{"1": 8.1, "2": 4.2}`: the keys are the workers.
fn by_key(fields: &Map<String, Value>) -> Option<Found> {
    let numbered = fields.len() > 1 && fields.keys().all(|key| key.parse::<u32>().is_ok());
    if !numbered {
        return None;
    }
    let counted = |record: &Map<String, Value>| record.keys().any(|n| words::counts_workers(n));
    let record = |(key, value): (&String, &Value)| {
        let mut record = match value {
            Value::Object(inner) => inner.clone(),
            value => Map::from_iter([("value".to_owned(), value.clone())]),
        };
        // Where the records count workers themselves, the keys are no more than their numbers.
        if !counted(&record) {
            let key = key.parse::<u32>().unwrap_or_default();
            record.insert("workers".to_owned(), Value::from(key));
        }
        Value::Object(record)
    };
    let records: Vec<Value> = fields.iter().map(record).collect();
    of_records(records.iter())
}
