//! The Java Microbenchmark Harness's JSON: scores of all threads together, or times per operation of each thread.

use serde_json::Value;

use super::axis;
use super::json;
use super::{ForeignError, Result, Row, Series};

pub(super) fn read(text: &str, param: Option<&str>) -> Result<Vec<Series>> {
    let value = json::parse(text)?;
    let results = value.as_array().ok_or_else(|| ForeignError::new("JMH writes a list"))?;
    let axis = axis_of(results, param)?;
    let mut series: Vec<Series> = Vec::new();
    for result in results {
        let entry = Entry::of(result, &axis)?;
        let at = series.iter().position(|series| series.name == entry.name).unwrap_or_else(|| {
            series.push(Series {
                name: entry.name.clone(),
                unit: "operations".to_owned(),
                rows: Vec::new(),
                notes: vec![entry.rule.to_owned()],
            });
            series.len() - 1
        });
        series[at].rows.extend(entry.rows);
    }
    Ok(series)
}

/// Where the worker count stands.
enum Axis {
    Threads,
    Param(String),
}

fn axis_of(results: &[Value], param: Option<&str>) -> Result<Axis> {
    let mut names: Vec<&str> = Vec::new();
    for (name, value) in results.iter().filter_map(|r| r["params"].as_object()).flatten() {
        if json::number(value).is_some() && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    if let Some(param) = param.filter(|param| axis::plain(param) != "threads") {
        let chosen = axis::choose(&names, Some(param))?;
        return chosen
            .map(|name| Axis::Param(name.to_owned()))
            .ok_or_else(|| ForeignError::new(format!("there is no numeric parameter {param:?}")));
    }
    let mut threads: Vec<u64> = results.iter().filter_map(|r| r["threads"].as_u64()).collect();
    threads.sort_unstable();
    threads.dedup();
    // A sweep by parameter runs everything with the same number of threads.
    let known = names.iter().find(|name| axis::rank(name).is_some());
    match known {
        Some(name) if threads.len() < 2 => Ok(Axis::Param((*name).to_owned())),
        _ => Ok(Axis::Threads),
    }
}

struct Entry {
    name: String,
    rule: &'static str,
    rows: Vec<Row>,
}

impl Entry {
    fn of(result: &Value, axis: &Axis) -> Result<Self> {
        let benchmark = result["benchmark"].as_str().unwrap_or_default();
        let bad = |what: &str| ForeignError::new(format!("{benchmark:?} {what}"));
        let threads = json::number(&result["threads"]);
        let (workers, skip) = match axis {
            Axis::Threads => (threads, ""),
            Axis::Param(name) => (json::number(&result["params"][name.as_str()]), name.as_str()),
        };
        let workers = workers.ok_or_else(|| bad("does not say how many workers it had"))?;
        let mode = result["mode"].as_str().unwrap_or("thrpt");
        let metric = &result["primaryMetric"];
        let unit = metric["scoreUnit"].as_str().unwrap_or_default();
        let (seconds, is_rate) =
            scale(unit).ok_or_else(|| bad("has a score that is no rate and no time"))?;
        let at_once = if mode == "ss" { 1.0 } else { threads.unwrap_or(1.0) };
        let rate = |score: f64| if is_rate { score / seconds } else { at_once / (score * seconds) };
        let scores = scores(metric).ok_or_else(|| bad("has no score"))?;
        let rows = scores
            .into_iter()
            .filter(|(_, score)| *score > 0.0)
            .map(|(_, score)| Row { workers, throughput: rate(score), repetition: None })
            .collect();
        let rule = if is_rate {
            "throughput = score, of all threads together"
        } else {
            "throughput = threads / time per operation"
        };
        Ok(Self { name: name(benchmark, &result["params"], skip), rule, rows })
    }
}

/// The benchmark without its package, with the parameters other than the axis.
fn name(benchmark: &str, params: &Value, skip: &str) -> String {
    let parts: Vec<&str> = benchmark.rsplit('.').take(2).collect();
    let mut words = vec![parts.into_iter().rev().collect::<Vec<_>>().join(".")];
    for (key, value) in params.as_object().into_iter().flatten().filter(|(key, _)| *key != skip) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        words.push(format!("{key}={value}"));
    }
    words.join(" ")
}

/// Every iteration of every fork, with its fork; the score alone where they are not kept.
fn scores(metric: &Value) -> Option<Vec<(usize, f64)>> {
    let forks = metric["rawData"].as_array().map_or(&[][..], Vec::as_slice);
    let all: Vec<(usize, f64)> = forks
        .iter()
        .enumerate()
        .flat_map(|(fork, runs)| {
            let runs = runs.as_array().map_or(&[][..], Vec::as_slice);
            runs.iter().filter_map(json::number).map(move |score| (fork, score)).collect::<Vec<_>>()
        })
        .collect();
    if all.is_empty() { Some(vec![(0, json::number(&metric["score"])?)]) } else { Some(all) }
}

/// Seconds of the unit's time, and whether the score counts operations per that time.
fn scale(unit: &str) -> Option<(f64, bool)> {
    let seconds = |unit: &str| match unit {
        "s" => Some(1.0),
        "ms" => Some(1e-3),
        "us" => Some(1e-6),
        "ns" => Some(1e-9),
        "min" => Some(60.0),
        "hr" | "h" => Some(3600.0),
        "day" => Some(86_400.0),
        _ => None,
    };
    match unit.split_once('/')? {
        ("ops", time) => Some((seconds(time)?, true)),
        (time, "op") => Some((seconds(time)?, false)),
        _ => None,
    }
}
