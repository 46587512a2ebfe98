//! The outer form of a file, and the signs of formats in JSON.

use serde_json::Value;

use super::super::layouts::{Table, json, python, wiki};
use super::super::{Fault, source};
use super::TOOLS;

/// A text, parsed as far as its outer form.
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
        let is_json = trimmed.starts_with(['{', '[']) && !wiki::is_wiki(trimmed);
        if !is_json {
            return match after_remarks(text) {
                Some(json) => Ok(json),
                None => Ok(Self::Table(Table::of(text)?)),
            };
        }
        if text.len() > source::LARGEST_JSON {
            let most = source::LARGEST_JSON >> 20;
            return Err(Fault::whole(format!(
                "is JSON of more than {most} MiB, too large for measurements"
            )));
        }
        // A value that ends with its line and is followed by more text is the first of many.
        let first = trimmed.lines().next().unwrap_or_default();
        let is_lines = trimmed.len() > first.len() && !trimmed[first.len()..].trim().is_empty();
        if is_lines && serde_json::from_str::<Value>(first).is_ok_and(|value| value.is_object()) {
            return lines(text);
        }
        // `[1]` may begin a table; `[` alone cannot.
        json::parse(text).map(Self::Json).or_else(|fault| {
            let python = python::as_json(trimmed).and_then(|json| json::parse(&json).ok());
            python.map(Self::Json).ok_or(fault)
        })
    }

    /// The name of the outer form.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Json(_) => "JSON",
            Self::Lines(_) => "JSON in lines",
            Self::Table(_) => "a table",
        }
    }
}

/// A known document after lines of another kind, such as a tool's standard error in the same file.
fn after_remarks(text: &str) -> Option<Content> {
    let start = ["\n{", "\n["].iter().filter_map(|mark| super::beginning(text).find(mark)).min()?;
    let json = json::parse(&text[start..]).ok()?;
    let is_known = is_jmh(&json)
        || is_hyperfine(&json)
        || is_pyperf(&json)
        || is_google_benchmark(&json)
        || super::fio::is_json(&json);
    is_known.then_some(Content::Json(json))
}

fn lines(text: &str) -> Result<Content, Fault> {
    let mut values = Vec::new();
    let total = text.lines().count();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match json::parse(line) {
            Ok(value) => values.push((number, value)),
            // An interrupted writer leaves an incomplete last line.
            Err(_) if number == total && !text.ends_with('\n') => break,
            Err(fault) => return Err(Fault::at(format!("line {number}"), fault.what)),
        }
    }
    Ok(Content::Lines(values))
}

fn has(value: Option<&Value>, key: &str) -> bool {
    value.is_some_and(|value| value.get(key).is_some())
}

fn first<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get(key).and_then(|list| list.get(0))
}

pub(super) fn is_jmh(value: &Value) -> bool {
    has(value.get(0), "benchmark") && has(value.get(0), "primaryMetric")
}

pub(super) fn is_hyperfine(value: &Value) -> bool {
    has(first(value, "results"), "command")
}

pub(super) fn is_pyperf(value: &Value) -> bool {
    has(first(value, "benchmarks"), "runs")
}

pub(super) fn is_google_benchmark(value: &Value) -> bool {
    has(first(value, "benchmarks"), "name")
}

pub(super) fn is_findings(value: &Value) -> bool {
    let ours = value.get("workloads").is_some() || value.get("curves").is_some();
    value.get("schema_version").is_some() && ours
}

pub(super) fn is_message(value: &Value) -> bool {
    value.get("reason").is_some()
}

pub(super) fn is_record(values: &[(usize, Value)]) -> bool {
    values.first().is_some_and(|(_, value)| value.get("header").is_some())
}

pub(super) fn are_messages(values: &[(usize, Value)]) -> bool {
    values.iter().any(|(_, value)| value.get("reason").is_some())
}

/// The error if nothing is recognised.
pub(super) fn unknown(content: &Content) -> Fault {
    let known = TOOLS.map(|tool| tool.name).join(", ");
    if let Content::Json(value) = content {
        let empty = ["results", "benchmarks"]
            .iter()
            .any(|key| value.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty));
        if empty || value.as_array().is_some_and(Vec::is_empty) {
            return Fault::whole("holds no measurement");
        }
    }
    let kind = content.kind();
    Fault::whole(format!(
        "is {kind}, but of no format that is known here, and no field counts workers (--param NAME \
         names one); known are {known}"
    ))
}
