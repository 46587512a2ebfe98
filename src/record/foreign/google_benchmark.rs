//! Google Benchmark's JSON.
//!
//! Its traps: bare NaN; aggregate rows beside the runs they summarise; rows that failed or were skipped; and the wall time of a threaded benchmark, which
//! before version 1.9.0 was already divided by the threads (and such files do not always name their version).

use serde_json::Value;

use super::axis::{self, Named};
use super::json::{self, array};
use super::{ForeignError, Result, Row, Series};

pub(super) fn read(text: &str, param: Option<&str>) -> Result<Vec<Series>> {
    let value = json::parse(text)?;
    let rows = array(&value, "benchmarks")?;
    let broken = |row: &&Value| flag(row, "error_occurred") || flag(row, "skipped");
    let usable: Vec<&Value> = rows.iter().filter(|row| !broken(row) && !is_fit(row)).collect();
    let runs: Vec<&Value> = usable.iter().copied().filter(|row| !is_aggregate(row)).collect();
    let summary = runs.is_empty();
    let chosen: Vec<&Value> =
        if summary { usable.into_iter().filter(|row| is_median(row)).collect() } else { runs };
    let failed = rows.iter().filter(broken).count();
    let named = counts(&chosen, param)?;
    let divided = is_divided(&value["context"]["library_version"]);
    let mut series: Vec<Series> = Vec::new();
    for (row, named) in chosen.iter().zip(named) {
        let (throughput, unit, rule) = throughput(row, divided)?;
        let at = series.iter().position(|series| series.name == named.rest).unwrap_or_else(|| {
            series.push(Series {
                name: named.rest.clone(),
                unit: unit.to_owned(),
                rows: Vec::new(),
                notes: Vec::new(),
            });
            series.len() - 1
        });
        let series = &mut series[at];
        if !series.notes.contains(&rule) {
            series.notes.push(rule);
        }
        let repetition = row["repetition_index"].as_u64().map(|index| index as u32);
        series.rows.push(Row { workers: named.workers, throughput, repetition });
    }
    for series in &mut series {
        if failed > 0 {
            series.notes.push(format!("{failed} row(s) of the file failed or were skipped"));
        }
        if summary {
            series.notes.push("single runs are not in the file: one median per count".to_owned());
        }
    }
    Ok(series)
}

fn flag(row: &Value, key: &str) -> bool {
    match &row[key] {
        Value::Bool(set) => *set,
        Value::String(text) => !text.is_empty(),
        _ => false,
    }
}

fn is_aggregate(row: &Value) -> bool {
    row["run_type"] == "aggregate"
        || row.get("aggregate_name").is_some()
        || old_aggregate(row).is_some()
}

/// Before 1.5 aggregates were only told by their names.
fn old_aggregate(row: &Value) -> Option<&'static str> {
    let name = row["name"].as_str()?;
    ["mean", "median", "stddev", "cv"]
        .into_iter()
        .find(|ending| name.ends_with(&format!("_{ending}")))
}

fn is_median(row: &Value) -> bool {
    row["aggregate_name"] == "median" || old_aggregate(row) == Some("median")
}

/// Rows that hold a fitted complexity, no measurement.
fn is_fit(row: &Value) -> bool {
    row.get("big_o").is_some()
        || row.get("rms").is_some()
        || row["real_time"].is_null() && row["items_per_second"].is_null()
}

/// The worker count of each row: `threads`, where that varies or is the only number there is, else in the name.
fn counts(rows: &[&Value], param: Option<&str>) -> Result<Vec<Named>> {
    let name = |row: &Value| {
        let name = row["run_name"].as_str().or_else(|| row["name"].as_str()).unwrap_or_default();
        name.trim_end_matches("_median").to_owned()
    };
    let names: Vec<String> = rows.iter().map(|row| name(row)).collect();
    let threads: Vec<Option<f64>> = rows.iter().map(|row| json::number(&row["threads"])).collect();
    let varies = threads.iter().flatten().any(|count| *count > 1.0);
    if let Some(param) = param {
        // A user counter or a labelled argument of the name.
        return rows.iter().zip(&names).map(|(row, name)| labelled(row, name, param)).collect();
    }
    if varies && threads.iter().all(Option::is_some) {
        return Ok(threads
            .iter()
            .flatten()
            .zip(&names)
            .map(|(&workers, name)| Named { rest: without_threads(name), workers })
            .collect());
    }
    axis::differ(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn labelled(row: &Value, name: &str, param: &str) -> Result<Named> {
    if let Some(workers) = json::number(&row[param]) {
        return Ok(Named { rest: name.to_owned(), workers });
    }
    let part = name.split('/').find_map(|part| part.strip_prefix(param)?.strip_prefix(':'));
    let value = part.and_then(|text| super::text::number(text, false));
    let workers = value.ok_or_else(|| {
        ForeignError::new(format!("{name:?} has neither a counter nor an argument {param:?}"))
    })?;
    let rest: Vec<&str> =
        name.split('/').filter(|part| !part.starts_with(&format!("{param}:"))).collect();
    Ok(Named { rest: rest.join("/"), workers })
}

fn without_threads(name: &str) -> String {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.starts_with("threads:")).collect();
    parts.join("/")
}

/// Whether wall times of threaded benchmarks were divided by the threads: up to 1.8.x, and in files that name no version, which are older still.
fn is_divided(version: &Value) -> bool {
    let Some(version) = version.as_str() else { return true };
    let mut parts = version.trim_start_matches('v').split(['.', '-']);
    let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok());
    match (next(), next()) {
        (Some(major), Some(minor)) => (major, minor) < (1, 9),
        // A build from a working copy, without a number: new.
        _ => false,
    }
}

fn throughput(row: &Value, divided: bool) -> Result<(f64, &'static str, String)> {
    for (key, unit) in [("items_per_second", "items"), ("bytes_per_second", "bytes")] {
        if let Some(rate) = json::number(&row[key]) {
            return Ok((rate, unit, format!("throughput = {key}, of all threads together")));
        }
    }
    let name = row["name"].as_str().unwrap_or_default();
    let bad = |what: &str| ForeignError::new(format!("{name:?} {what}"));
    let time = json::number(&row["real_time"]).ok_or_else(|| bad("has no real_time"))?;
    if time <= 0.0 {
        return Err(bad("has a real_time that is not above 0"));
    }
    let seconds = match row["time_unit"].as_str() {
        None | Some("ns") => 1e-9,
        Some("us") => 1e-6,
        Some("ms") => 1e-3,
        Some("s") => 1.0,
        Some(_) => return Err(bad("has a time_unit other than ns, us, ms, s")),
    };
    let threads = json::number(&row["threads"]).unwrap_or(1.0);
    let (factor, rule) = if divided {
        (1.0, "throughput = 1 / real_time, which before version 1.9.0 was divided by the threads")
    } else {
        (threads, "throughput = threads / real_time")
    };
    Ok((factor / (time * seconds), "iterations", rule.to_owned()))
}
