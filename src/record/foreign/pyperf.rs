//! pyperf's JSON: seconds per loop, each run a process of its own.

use serde_json::Value;

use super::axis::{self, Named};
use super::json::{self, array};
use super::{ForeignError, Result, Row, Series};

pub(super) fn read(text: &str, param: Option<&str>) -> Result<Vec<Series>> {
    let value = json::parse(text)?;
    let common = &value["metadata"];
    let benchmarks = array(&value, "benchmarks")?;
    let named = counts(benchmarks, common, param)?;
    let mut series: Vec<Series> = Vec::new();
    for (benchmark, named) in benchmarks.iter().zip(named) {
        let unit = metadata(benchmark, common, "unit").and_then(Value::as_str).unwrap_or("second");
        if unit != "second" {
            return Err(ForeignError::new(format!("{:?} measures {unit}s, no time", named.rest)));
        }
        let at = series.iter().position(|series| series.name == named.rest).unwrap_or_else(|| {
            series.push(Series {
                name: named.rest.clone(),
                unit: "loops".to_owned(),
                rows: Vec::new(),
                notes: vec!["throughput = 1 / time of a loop".to_owned()],
            });
            series.len() - 1
        });
        // Runs without values are calibration.
        let runs = array(benchmark, "runs")?;
        let values = runs.iter().filter_map(|run| run["values"].as_array()).flatten();
        let times = values.filter_map(json::number).filter(|time| *time > 0.0);
        let workers = named.workers;
        series[at].rows.extend(times.map(|time| Row {
            workers,
            throughput: 1.0 / time,
            repetition: None,
        }));
    }
    Ok(series)
}

/// An entry of a benchmark's metadata: its own, its runs', or the file's.
fn metadata<'v>(benchmark: &'v Value, common: &'v Value, key: &str) -> Option<&'v Value> {
    let runs = benchmark["runs"].as_array();
    benchmark["metadata"]
        .get(key)
        .or_else(|| runs?.iter().find_map(|run| run["metadata"].get(key)))
        .or_else(|| common.get(key))
}

fn counts(benchmarks: &[Value], common: &Value, param: Option<&str>) -> Result<Vec<Named>> {
    let name = |benchmark: &Value| {
        let name = metadata(benchmark, common, "name").and_then(Value::as_str);
        name.unwrap_or_default().to_owned()
    };
    let names: Vec<String> = benchmarks.iter().map(name).collect();
    if let Some(param) = param {
        return benchmarks
            .iter()
            .zip(names)
            .map(|(benchmark, rest)| {
                let value = metadata(benchmark, common, param).and_then(json::number);
                let workers = value.ok_or_else(|| {
                    ForeignError::new(format!("{rest:?} has no number {param:?} in its metadata"))
                })?;
                Ok(Named { rest, workers })
            })
            .collect();
    }
    axis::differ(&names.iter().map(String::as_str).collect::<Vec<_>>())
}
