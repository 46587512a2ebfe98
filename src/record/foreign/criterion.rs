//! criterion's `raw.csv` and the lines of cargo-criterion: samples of many iterations each, with the worker count as the benchmark's parameter.

use super::axis::{self, Named};
use super::json;
use super::text::{number, shown};
use super::{ForeignError, Result, Row, Series};

pub(super) fn is_csv_header(line: &str) -> bool {
    line.starts_with("group,function,value,throughput_num")
}

/// One sample: the benchmark's name with its parameter, units per second, and what the units are.
struct Sample {
    id: String,
    throughput: f64,
    unit: &'static str,
}

pub(super) fn read(text: &str, _param: Option<&str>) -> Result<Vec<Series>> {
    let samples = if text.starts_with('{') { lines(text)? } else { rows(text)? };
    let mut ids: Vec<&str> = samples.iter().map(|sample| sample.id.as_str()).collect();
    ids.dedup();
    let named: Vec<Named> = axis::differ(&ids)?;
    let mut series: Vec<Series> = Vec::new();
    for sample in &samples {
        let Some(at) = ids.iter().position(|id| *id == sample.id) else { continue };
        let named = &named[at];
        let at = series.iter().position(|series| series.name == named.rest).unwrap_or_else(|| {
            series.push(Series {
                name: named.rest.clone(),
                unit: sample.unit.to_owned(),
                rows: Vec::new(),
                notes: vec!["throughput = units of an iteration / its time".to_owned()],
            });
            series.len() - 1
        });
        let row = Row { workers: named.workers, throughput: sample.throughput, repetition: None };
        series[at].rows.push(row);
    }
    Ok(series)
}

fn unit_of(name: &str) -> &'static str {
    match name {
        "bytes" => "bytes",
        "elements" => "elements",
        _ => "iterations",
    }
}

fn rows(text: &str) -> Result<Vec<Sample>> {
    let broken = |error: csv::Error| ForeignError::new(format!("it is not valid CSV: {error}"));
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let mut out = Vec::new();
    for (at, row) in reader.records().enumerate() {
        let row = row.map_err(broken)?;
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let wanted = |at_column: usize, what: &str| {
            number(cell(at_column), false).filter(|value| *value > 0.0).ok_or_else(|| {
                ForeignError::at(at + 2, format!("{} is no {what}", shown(cell(at_column))))
            })
        };
        let seconds = match cell(6) {
            "ns" => 1e-9,
            other => {
                return Err(ForeignError::at(
                    at + 2,
                    format!("the unit {} is not ns", shown(other)),
                ));
            }
        };
        let time = wanted(5, "measured value")? * seconds / wanted(7, "iteration count")?;
        let units = number(cell(3), false).filter(|units| *units > 0.0).unwrap_or(1.0);
        let id: Vec<&str> =
            [cell(0), cell(1), cell(2)].into_iter().filter(|part| !part.is_empty()).collect();
        out.push(Sample { id: id.join("/"), throughput: units / time, unit: unit_of(cell(4)) });
    }
    Ok(out)
}

fn lines(text: &str) -> Result<Vec<Sample>> {
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value = json::parse(line).map_err(|error| ForeignError::at(at + 1, error))?;
        if value["reason"] != "benchmark-complete" {
            continue;
        }
        let bad = |what: &str| ForeignError::at(at + 1, what);
        let id = value["id"].as_str().ok_or_else(|| bad("the benchmark has no id"))?;
        let seconds = match value["unit"].as_str() {
            Some("ns") => 1e-9,
            Some("us") => 1e-6,
            Some("ms") => 1e-3,
            Some("s") => 1.0,
            _ => return Err(bad("the benchmark has no known unit of time")),
        };
        let per = value["throughput"].get(0);
        let units = per.and_then(|per| json::number(&per["per_iteration"])).unwrap_or(1.0);
        let unit = per.and_then(|per| per["unit"].as_str()).map_or("iterations", unit_of);
        let numbers = |key: &str| -> Vec<f64> {
            let all = value[key].as_array().map_or(&[][..], Vec::as_slice);
            all.iter().filter_map(json::number).collect()
        };
        let pairs = numbers("iteration_count").into_iter().zip(numbers("measured_values"));
        out.extend(pairs.filter(|(count, time)| *count > 0.0 && *time > 0.0).map(
            |(count, time)| Sample {
                id: id.to_owned(),
                throughput: units * count / (time * seconds),
                unit,
            },
        ));
    }
    Ok(out)
}
