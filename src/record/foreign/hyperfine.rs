//! hyperfine's exports: JSON of schema 1 (up to 1.x) and 2 (from 2.0), and CSV of both. A time per run becomes runs per second.

use serde_json::Value;

use super::axis::{self, Named};
use super::json::{self, array};
use super::text::{number, shown};
use super::{ForeignError, Result, Row, Series};

/// One command with one set of parameters.
struct Command {
    line: String,
    /// Every parameter, as text.
    params: Vec<(String, String)>,
    /// Seconds of each run, or of the typical one where the single runs are not kept.
    times: Vec<f64>,
    /// Runs that ended with a failure.
    failed: usize,
    /// Whether only a summary is left.
    summary: bool,
}

pub(super) fn is_csv_header(line: &str) -> bool {
    line.starts_with("command,mean,") || line.starts_with("command,time_wall_clock")
}

pub(super) fn read(text: &str, param: Option<&str>) -> Result<Vec<Series>> {
    let commands = if text.starts_with(['{', '[']) { commands(text)? } else { rows(text)? };
    if commands.is_empty() {
        return Err(ForeignError::new("it has no results"));
    }
    let named = counts(&commands, param)?;
    let mut series: Vec<Series> = Vec::new();
    for (command, named) in commands.iter().zip(named) {
        let at = series.iter().position(|series| series.name == named.rest).unwrap_or_else(|| {
            series.push(Series {
                name: named.rest.clone(),
                unit: "runs".to_owned(),
                rows: Vec::new(),
                notes: vec!["throughput = 1 / time of a run".to_owned()],
            });
            series.len() - 1
        });
        let notes = &mut series[at].notes;
        let mut note = |text: &str| {
            if !notes.iter().any(|note| note == text) {
                notes.push(text.to_owned());
            }
        };
        if command.failed > 0 {
            note("some runs ended with a failure; their times are used");
        }
        if command.summary {
            note("single runs are not in the file: one typical time per count");
        }
        let rows = command.times.iter().filter(|time| **time > 0.0).map(|time| Row {
            workers: named.workers,
            throughput: 1.0 / time,
            repetition: None,
        });
        series[at].rows.extend(rows);
    }
    Ok(series)
}

/// The worker count of each command, with a name for what else it is.
fn counts(commands: &[Command], param: Option<&str>) -> Result<Vec<Named>> {
    let mut names: Vec<&str> = Vec::new();
    for (name, value) in commands.iter().flat_map(|command| &command.params) {
        if number(value, false).is_some() && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let Some(axis) = axis::choose(&names, param)? else {
        let lines: Vec<&str> = commands.iter().map(|command| command.line.as_str()).collect();
        return axis::differ(&lines);
    };
    commands
        .iter()
        .map(|command| {
            let (_, value) =
                command.params.iter().find(|(name, _)| name == axis).ok_or_else(|| {
                    ForeignError::new(format!("{} has no parameter {axis}", shown(&command.line)))
                })?;
            let workers = number(value, false).ok_or_else(|| {
                ForeignError::new(format!("the parameter {axis} is {}, no number", shown(value)))
            })?;
            let others: Vec<String> = command
                .params
                .iter()
                .filter(|(name, _)| name != axis)
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            Ok(Named { rest: rest(commands, command, value, &others), workers })
        })
        .collect()
}

/// The name of a series: its command where they differ in more than the count, and its other parameters.
fn rest(commands: &[Command], own: &Command, value: &str, others: &[String]) -> String {
    let frame = axis::without(&own.line, value);
    let one = commands.iter().all(|other| {
        other.params.iter().any(|(_, value)| axis::without(&other.line, value) == frame)
    });
    let mut parts: Vec<&str> = if one && !others.is_empty() { Vec::new() } else { vec![&frame] };
    parts.extend(others.iter().map(String::as_str));
    parts.join(" ")
}

fn commands(text: &str) -> Result<Vec<Command>> {
    let value = json::parse(text)?;
    let second = value.get("schema_version").and_then(Value::as_u64) == Some(2);
    if let Some(other) = value.get("schema_version").and_then(Value::as_u64).filter(|v| *v > 2) {
        return Err(ForeignError::new(format!(
            "hyperfine's schema {other} is not known; 1 and 2 are"
        )));
    }
    array(&value, "results")?
        .iter()
        .enumerate()
        .map(|(at, result)| {
            if second { schema_2(result) } else { schema_1(result) }.ok_or_else(|| {
                ForeignError::new(format!("result {} has no command or no time", at + 1))
            })
        })
        .collect()
}

fn schema_1(result: &Value) -> Option<Command> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let times: Option<Vec<f64>> = result
        .get("times")
        .and_then(Value::as_array)
        .map(|all| all.iter().filter_map(json::number).collect());
    let single = times.filter(|times| !times.is_empty());
    let typical = || json::number(&result["median"]).or_else(|| json::number(&result["mean"]));
    let codes = result.get("exit_codes").and_then(Value::as_array);
    Some(Command {
        line: result["command"].as_str()?.to_owned(),
        params: params(&result["parameters"], text),
        failed: codes
            .map_or(0, |codes| codes.iter().filter(|code| code.as_i64() != Some(0)).count()),
        summary: single.is_none(),
        times: match single {
            Some(times) => times,
            None => vec![typical()?],
        },
    })
}

fn schema_2(result: &Value) -> Option<Command> {
    let value = |value: &Value| {
        let inner = value.get("value").unwrap_or(value);
        inner.as_str().map_or_else(|| inner.to_string(), str::to_owned)
    };
    let mut params = params(&result["parameters"], value);
    params.extend(self::params(&result["environment"], value));
    let runs = result.get("measurements").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let times: Vec<f64> = runs.iter().filter_map(|run| time(&run["time_wall_clock"])).collect();
    let summary = times.is_empty();
    let times = if summary {
        let all = &result["summary"]["time_wall_clock"];
        let typical = json::number(&all["median"]).or_else(|| json::number(&all["mean"]))?;
        vec![typical * seconds(all["unit"].as_str())?]
    } else {
        times
    };
    let line = result["command"].as_str().or_else(|| result["name"].as_str())?.to_owned();
    let failed = runs.iter().filter(|run| run["exit_code"].as_i64().unwrap_or(0) != 0).count();
    Some(Command { line, params, times, failed, summary })
}

fn params(value: &Value, text: impl Fn(&Value) -> String) -> Vec<(String, String)> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// A measurement of schema 2: a value with its unit.
fn time(value: &Value) -> Option<f64> {
    Some(json::number(&value["value"])? * seconds(value["unit"].as_str())?)
}

fn seconds(unit: Option<&str>) -> Option<f64> {
    match unit {
        None | Some("second" | "s") => Some(1.0),
        Some("millisecond" | "ms") => Some(1e-3),
        Some("microsecond" | "us") => Some(1e-6),
        Some("nanosecond" | "ns") => Some(1e-9),
        Some(_) => None,
    }
}

/// The CSV export: one row per command, with summaries only.
fn rows(text: &str) -> Result<Vec<Command>> {
    let broken = |error: csv::Error| ForeignError::new(format!("it is not valid CSV: {error}"));
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(broken)?.clone();
    let column = |name: &str| header.iter().position(|head| head == name);
    let typical = ["median", "time_wall_clock_median", "mean", "time_wall_clock_mean"];
    let time = typical.iter().find_map(|name| column(name));
    let time = time.ok_or_else(|| ForeignError::at(1, "there is no column median or mean"))?;
    let unit = column("time_wall_clock_unit");
    let mut out = Vec::new();
    for (at, row) in reader.records().enumerate() {
        let row = row.map_err(broken)?;
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let value = number(cell(time), false)
            .zip(seconds(unit.map(cell)))
            .ok_or_else(|| ForeignError::at(at + 2, format!("{} is no time", shown(cell(time)))))?;
        let params = header
            .iter()
            .enumerate()
            .filter_map(|(at, name)| Some((name.strip_prefix("parameter_")?, cell(at))))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        out.push(Command {
            line: cell(0).to_owned(),
            params,
            times: vec![value.0 * value.1],
            failed: 0,
            summary: true,
        });
    }
    Ok(out)
}
