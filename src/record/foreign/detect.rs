//! Which format a content is in: told from what stands in it, never from the name of a file.

use serde_json::Value;

use super::table::Table;
use super::{Fault, Format, json};

/// A text, taken apart as far as its outer form goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// One JSON value.
    Json(Value),
    /// One JSON value per line, with the line's number.
    Lines(Vec<(usize, Value)>),
    /// Rows and columns.
    Table(Table),
}

impl Content {
    pub(super) fn of(text: &str) -> Result<Self, Fault> {
        let trimmed = text.trim_start();
        if !trimmed.starts_with(['{', '[']) {
            return match after_remarks(text) {
                Some(json) => Ok(json),
                None => Ok(Self::Table(Table::of(text)?)),
            };
        }
        // A value that ends with its line and is followed by more is the first of many.
        let first = trimmed.lines().next().unwrap_or_default();
        let is_lines = trimmed.len() > first.len() && !trimmed[first.len()..].trim().is_empty();
        if is_lines && serde_json::from_str::<Value>(first).is_ok_and(|value| value.is_object()) {
            return lines(text);
        }
        Ok(Self::Json(json::parse(text)?))
    }

    /// What it is in outer form.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Json(_) => "JSON",
            Self::Lines(_) => "JSON in lines",
            Self::Table(_) => "a table",
        }
    }
}

/// A known document behind lines of another kind: what a tool said on standard error, caught in the same file.
fn after_remarks(text: &str) -> Option<Content> {
    let start = ["\n{", "\n["].iter().filter_map(|mark| text.find(mark)).min()?;
    let json = Content::Json(json::parse(&text[start..]).ok()?);
    format(&json).ok().map(|_| json)
}

fn lines(text: &str) -> Result<Content, Fault> {
    let mut values = Vec::new();
    let total = text.lines().count();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match json::parse(line) {
            Ok(value) => values.push((number, value)),
            // What an interrupted writer leaves.
            Err(_) if number == total && !text.ends_with('\n') => break,
            Err(fault) => return Err(Fault::at(format!("line {number}"), fault.what)),
        }
    }
    Ok(Content::Lines(values))
}

/// The format of a content.
pub(super) fn format(content: &Content) -> Result<Format, Fault> {
    match content {
        Content::Json(value) => of_json(value),
        Content::Lines(values) => of_lines(values),
        Content::Table(table) => Ok(of_table(table)),
    }
}

fn of_json(value: &Value) -> Result<Format, Fault> {
    let first = |key: &str| value.get(key).and_then(|list| list.get(0));
    let has =
        |value: Option<&Value>, key: &str| value.is_some_and(|value| value.get(key).is_some());
    let item = value.get(0);
    if has(item, "benchmark") && has(item, "primaryMetric") {
        Ok(Format::Jmh)
    } else if has(first("results"), "command") {
        Ok(Format::Hyperfine)
    } else if has(first("benchmarks"), "runs") {
        Ok(Format::Pyperf)
    } else if has(first("benchmarks"), "name") {
        Ok(Format::GoogleBenchmark)
    } else if value.get("schema_version").is_some()
        && (value.get("workloads").is_some() || value.get("curves").is_some())
    {
        Ok(Format::Knee)
    } else if value.get("reason").is_some() {
        Ok(Format::Criterion)
    } else {
        let empty = ["results", "benchmarks"]
            .iter()
            .any(|key| value.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty));
        Err(Fault::whole(if empty || value.as_array().is_some_and(Vec::is_empty) {
            "holds no measurement".to_owned()
        } else {
            format!("is JSON, but of no format that is known here ({})", known())
        }))
    }
}

fn of_lines(values: &[(usize, Value)]) -> Result<Format, Fault> {
    if values.first().is_some_and(|(_, value)| value.get("header").is_some()) {
        Ok(Format::Knee)
    } else if values.iter().any(|(_, value)| value.get("reason").is_some()) {
        Ok(Format::Criterion)
    } else {
        Err(Fault::whole(format!(
            "is JSON in lines, but of no format that is known here ({})",
            known()
        )))
    }
}

fn of_table(table: &Table) -> Format {
    let has = |names: &[&str]| names.iter().all(|name| table.column(name).is_some());
    if has(&["tasks", "processes", "processes_idle"]) || has(&["tasks", "threads", "threads_idle"])
    {
        Format::WillItScale
    } else if has(&["function", "sample_measured_value", "iteration_count"]) {
        Format::Criterion
    } else if has(&["command", "mean", "median"]) || has(&["command", "time_wall_clock_mean"]) {
        Format::Hyperfine
    } else if has(&["benchmark", "mode", "threads", "samples", "score", "unit"]) {
        Format::Jmh
    } else if has(&["workload", "mode", "workers", "throughput"])
        && (has(&["repeats"]) || has(&["rounds"]))
    {
        Format::Knee
    } else {
        Format::Csv
    }
}

fn known() -> String {
    Format::ALL.map(Format::name).join(", ")
}
