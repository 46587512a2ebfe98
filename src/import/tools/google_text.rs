//! Google Benchmark's CSV and console output, turned into the rows of its JSON.

use serde_json::{Map, Value, json};

use super::super::layouts::Table;
use super::super::words::units;
use super::super::{Fault, Request, Series};
use super::{Format, google_benchmark, refused};

const WANTS: &str = "give the whole of it, or better --benchmark_format=json";
/// The heading of its CSV.
const HEADING: &str = "name,iterations,real_time,cpu_time,time_unit";

pub(super) fn is_csv(text: &str) -> bool {
    text.lines().take(100).any(|line| line.starts_with(HEADING))
}

/// Whether lines of results, with two times each, follow a rule and a heading.
pub(super) fn is_console(text: &str) -> bool {
    text.lines().take(200).any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.starts_with(&["Benchmark", "Time", "CPU", "Iterations"])
    })
}

/// Reads the CSV. Lines before its heading are remarks.
pub(super) fn read_csv(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let start = request.text.find(HEADING).unwrap_or(0);
    let table = Table::of(&request.text[start..])?;
    let names: Vec<&str> = table.row(0).fields().collect();
    let mut rows = Vec::new();
    for row in table.rows_from(1) {
        let mut entry = Map::new();
        for (name, cell) in names.iter().zip(row.fields()).filter(|(_, cell)| !cell.is_empty()) {
            let value = match (*name, cell.parse::<f64>()) {
                ("name" | "label" | "time_unit" | "error_message", _) | (_, Err(_)) => match cell {
                    "true" => json!(true),
                    "false" => json!(false),
                    text => json!(text),
                },
                (_, Ok(number)) => json!(number),
            };
            entry.insert((*name).to_owned(), value);
        }
        rows.push(Value::Object(entry));
    }
    google_benchmark::read(&json!({ "benchmarks": rows }), request)
}

/// Reads `BM_Lock/threads:8   125 ns   998 ns   5600000  items_per_second=1.2M/s`.
pub(super) fn read_console(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let rows: Vec<Value> = request.text.lines().filter_map(console_row).collect();
    if rows.is_empty() {
        return Err(refused(Format::GoogleBenchmark, "it has no line with two times", WANTS));
    }
    google_benchmark::read(&json!({ "benchmarks": rows }), request)
}

fn console_row(line: &str) -> Option<Value> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let unit = |word: &str| units::seconds(word).is_some();
    let at = (1..words.len().saturating_sub(3))
        .find(|&at| unit(words[at + 1]) && unit(words[at + 3]))?;
    let number = |at: usize| words[at].parse::<f64>().ok();
    let mut entry = Map::new();
    entry.insert("name".to_owned(), json!(words[..at].join(" ")));
    entry.insert("real_time".to_owned(), json!(number(at)?));
    entry.insert("cpu_time".to_owned(), json!(number(at + 2)?));
    entry.insert("time_unit".to_owned(), json!(words[at + 1]));
    for word in &words[at + 4..] {
        if let Some((key, value)) = word.split_once('=')
            && let Some(rate) = rate(value)
        {
            entry.insert(key.to_owned(), json!(rate));
        }
    }
    Some(Value::Object(entry))
}

/// Reads `1.2M/s` as 1.2 million; `1.1Gi/s` uses steps of 1024.
fn rate(text: &str) -> Option<f64> {
    let text = text.strip_suffix("/s").unwrap_or(text);
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let value: f64 = text[..end].parse().ok()?;
    let power = match text[end..].chars().next() {
        None => 0,
        Some('k' | 'K') => 1,
        Some('M') => 2,
        Some('G') => 3,
        Some('T') => 4,
        Some(_) => return None,
    };
    let step: f64 = if text[end..].ends_with('i') { 1024.0 } else { 1000.0 };
    Some(value * step.powi(power))
}
