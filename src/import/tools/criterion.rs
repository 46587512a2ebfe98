//! criterion's `raw.csv`, and the messages of `cargo criterion --message-format=json`.
//!
//! Both give the time of several iterations per sample. criterion calls the benchmark from one
//! thread, and the benchmark itself gives the work to its workers. So one iteration runs at a time.

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::Table;
use super::super::layouts::json::Node;
use super::super::words::axis;
use super::super::words::units as rate;
use super::super::{Fault, Observation, Request, Series, positive};

/// The warning if only the parameter of a benchmark can be the number of workers.
const TAKEN: &str = "the last part of the benchmark's id is taken as the number of workers";

/// Whether it is `raw.csv`.
pub(super) fn is_table(table: &Table) -> bool {
    table.has(&["function", "sample_measured_value", "iteration_count"])
}

/// Reads a single message.
pub(super) fn read_message(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    read_messages(&[(1, json.clone())], request)
}

/// Reads `raw.csv`.
pub(super) fn read_table(table: &Table, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let missing = |name: &str| Fault::at("line 1", format!("has no column {name:?}"));
    let column = |name: &str| table.column(name).ok_or_else(|| missing(name));
    let (group, function, value) = (column("group")?, column("function")?, column("value")?);
    let (measured, unit) = (column("sample_measured_value")?, column("unit")?);
    let count = column("iteration_count")?;
    let per_iteration = (table.column("throughput_num"), table.column("throughput_type"));
    let mut gather = Gather::default();
    let mut warnings = Vec::new();
    for row in table.rows_from(1) {
        let parts = [group, function, value].map(|at| row.field(at));
        let id =
            parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
        let (workers, name) =
            workers(&id, request.param, &mut warnings).map_err(|what| row.fault("value", what))?;
        let scale = rate::seconds(row.field(unit)).ok_or_else(|| {
            row.fault("unit", format!("{:?} is not a unit of time", row.field(unit)))
        })?;
        let seconds = table.positive(row, measured, "sample_measured_value")? * scale
            / table.positive(row, count, "iteration_count")?;
        let (work, counted) = match per_iteration {
            (Some(number), Some(kind)) if !row.field(number).is_empty() => {
                (table.positive(row, number, "throughput_num")?, row.field(kind))
            }
            _ => (1.0, "iterations"),
        };
        let throughput = rate::throughput(work, 1.0, seconds);
        positive(throughput).map_err(|what| {
            row.fault("sample_measured_value", format!("as a throughput {what}"))
        })?;
        gather.add(&name, counted, Observation { workers, throughput, repetition: None });
    }
    Ok(gather.finish(&warnings))
}

/// Reads the messages of cargo-criterion. Messages of cargo itself may stand between them.
pub(super) fn read_messages(
    lines: &[(usize, Value)],
    request: Request<'_>,
) -> Result<Vec<Series>, Fault> {
    let mut gather = Gather::default();
    let mut warnings = Vec::new();
    for (number, value) in lines {
        if value.get("reason").and_then(Value::as_str) != Some("benchmark-complete") {
            continue;
        }
        message(&Node::line(*number, value), request, &mut gather, &mut warnings)?;
    }
    Ok(gather.finish(&warnings))
}

fn message(
    node: &Node<'_>,
    request: Request<'_>,
    gather: &mut Gather,
    warnings: &mut Vec<String>,
) -> Result<(), Fault> {
    let id = node.get("id")?;
    let (workers, name) =
        workers(id.text()?, request.param, warnings).map_err(|what| id.fault(what))?;
    let unit = node.get("unit")?;
    let scale = rate::seconds(unit.text()?).ok_or_else(|| unit.fault("is not a unit of time"))?;
    let (counts, values) = (node.get("iteration_count")?, node.get("measured_values")?);
    let (counts, measured) = (counts.positives()?, values.positives()?);
    if counts.len() != measured.len() {
        return Err(values.fault("has another length than \"iteration_count\""));
    }
    let first = node.find("throughput").and_then(|list| list.items().ok()?.next());
    let (work, counted) = match first {
        Some(first) => (first.get("per_iteration")?.positive()?, first.get("unit")?.text()?),
        None => (1.0, "iterations"),
    };
    for (value, count) in measured.iter().zip(&counts) {
        let throughput = rate::throughput(work, 1.0, value * scale / count);
        positive(throughput).map_err(|what| values.fault(format!("as a throughput {what}")))?;
        gather.add(&name, counted, Observation { workers, throughput, repetition: None });
    }
    Ok(())
}

/// The number of workers in an id, and the id without it.
pub(super) fn workers(
    id: &str,
    param: Option<&str>,
    warnings: &mut Vec<String>,
) -> Result<(f64, String), String> {
    let is_last = |param: &&str| ["value", "parameter", "id"].contains(param);
    let stated = axis::in_text(id, param.filter(|param| !is_last(param)));
    if let Some(found) = stated.filter(|_| param.as_ref().is_none_or(|param| !is_last(param))) {
        return positive(found.workers)
            .map(|workers| (workers, found.rest))
            .map_err(|what| format!("the number of workers in {id:?} {what}"));
    }
    if let Some(param) = param.filter(|param| !is_last(param)) {
        return Err(format!("{id:?} has no number beside {param:?}"));
    }
    let (rest, last) = id.rsplit_once('/').unwrap_or(("", id));
    let workers = last.parse::<f64>().ok().and_then(|workers| positive(workers).ok());
    let workers = workers.ok_or_else(|| {
        format!(
            "{id:?} states no number of workers: end it in one (group/function/8), or name the \
             word beside it with --param"
        )
    })?;
    if param.is_none() && !warnings.iter().any(|warning| warning == TAKEN) {
        warnings.push(TAKEN.to_owned());
    }
    Ok((workers, if rest.is_empty() { "benchmark".to_owned() } else { rest.to_owned() }))
}
