//! JMH's JSON: every iteration of every fork is a measurement.
//!
//! `thrpt` is the sum over all threads. In the other modes a figure is the time that one thread
//! takes for an operation. Each thread makes operations of its own, so as many run at once as there
//! are threads.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::json::Node;
use super::super::words::axis::{self, Candidate};
use super::super::words::units::Unit;
use super::super::words::words;
use super::super::{Fault, Observation, Request, Series, positive};

/// One benchmark with one set of parameters.
#[derive(Debug)]
struct Entry<'v> {
    node: Node<'v>,
    benchmark: &'v str,
    mode: &'v str,
    threads: f64,
    params: BTreeMap<String, String>,
}

/// Which values differ between entries.
#[derive(Debug, Clone, Copy)]
struct Varies {
    mode: bool,
    threads: bool,
}

/// The name of the axis if it is JMH's own number of threads.
const THREADS: &str = "threads";

/// Reads the document.
pub(super) fn read(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let entries: Vec<Entry<'_>> = Node::root(json).items()?.map(entry).collect::<Result<_, _>>()?;
    let varies = Varies {
        mode: entries.iter().any(|entry| entry.mode != entries[0].mode),
        threads: entries.iter().any(|entry| entry.threads.total_cmp(&entries[0].threads).is_ne()),
    };
    let axis = axis_of(&entries, varies, request.param)?;
    let mut gather = Gather::default();
    let mut left_out = Vec::new();
    for entry in &entries {
        let workers = match &axis {
            None => entry.threads,
            Some(param) => {
                let given = entry.params.get(param).and_then(|text| text.trim().parse().ok());
                let Some(workers) = given else {
                    left_out.push(entry.benchmark);
                    continue;
                };
                let fault = |what| entry.node.fault(format!("parameter {param:?} {what}"));
                positive(workers).map_err(fault)?
            }
        };
        let name = name(entry, axis.as_deref(), varies);
        for (throughput, unit) in measurements(entry, &name, &mut gather)? {
            gather.add(&name, &unit, Observation { workers, throughput, repetition: None });
        }
    }
    let left_out = (!left_out.is_empty()).then(|| {
        format!(
            "left out, because they state no number of workers: {}",
            axis::list(left_out.into_iter())
        )
    });
    Ok(gather.finish(left_out.as_slice()))
}

fn entry(node: Node<'_>) -> Result<Entry<'_>, Fault> {
    let params = node.find("params").map(|params| {
        params.fields().filter_map(|(name, value)| Some((name.to_owned(), value.word()?))).collect()
    });
    Ok(Entry {
        benchmark: node.get("benchmark")?.text()?,
        mode: node.get("mode")?.text()?,
        threads: node.find(THREADS).map_or(Ok(1.0), |threads| threads.positive())?,
        params: params.unwrap_or_default(),
        node,
    })
}

/// The parameter that is the number of workers; `None` if that is JMH's own number of threads.
fn axis_of(
    entries: &[Entry<'_>],
    varies: Varies,
    param: Option<&str>,
) -> Result<Option<String>, Fault> {
    let mut names: Vec<&str> =
        entries.iter().flat_map(|entry| entry.params.keys().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    let asks_for_own = param.is_some_and(|param| words(param) == [THREADS]);
    if names.is_empty() && param.is_none()
        || asks_for_own && !names.contains(&param.unwrap_or_default())
    {
        return Ok(None);
    }
    let value = |entry: &Entry<'_>, name: &str| entry.params.get(name)?.trim().parse::<f64>().ok();
    let candidates: Vec<Candidate<'_>> = names
        .iter()
        .map(|&name| Candidate {
            name,
            values: entries.iter().map(|entry| value(entry, name)).collect(),
        })
        .collect();
    // JMH cannot sweep its threads within one call, so benchmarks often use a parameter.
    if varies.threads && param.is_none() {
        return Ok(None);
    }
    Ok(axis::choose(&candidates, param, "parameter")?.map(|index| names[index].to_owned()))
}

/// The benchmark, its parameters other than the axis, and whatever else distinguishes it.
fn name(entry: &Entry<'_>, axis: Option<&str>, varies: Varies) -> String {
    let others = entry.params.iter().filter(|(param, _)| Some(param.as_str()) != axis);
    let mut parts: Vec<String> = others.map(|(param, value)| format!("{param}={value}")).collect();
    if varies.mode {
        parts.push(entry.mode.to_owned());
    }
    if axis.is_some() && varies.threads {
        parts.push(format!("{THREADS}={}", entry.threads));
    }
    let benchmark = entry.benchmark;
    if parts.is_empty() {
        benchmark.to_owned()
    } else {
        format!("{benchmark} ({})", parts.join(", "))
    }
}

/// Every iteration as a throughput, with what it counts.
fn measurements(
    entry: &Entry<'_>,
    name: &str,
    gather: &mut Gather,
) -> Result<Vec<(f64, String)>, Fault> {
    let metric = entry.node.get("primaryMetric")?;
    let text = metric.get("scoreUnit")?;
    let unit = Unit::parse(text.text()?)
        .ok_or_else(|| text.fault("is neither a throughput nor a time"))?;
    let is_rate = matches!(unit, Unit::Rate { .. });
    if is_rate != (entry.mode == "thrpt") {
        return Err(text.fault(format!("does not belong to the mode {:?}", entry.mode)));
    }
    let figures = figures(&metric, name, gather)?;
    // Each thread makes one operation at a time. A throughput already includes all threads.
    let converted = figures.into_iter().map(|figure| {
        let throughput = unit.throughput(figure, 1.0, entry.threads);
        positive(throughput).map_err(|what| metric.fault(format!("as a throughput {what}")))?;
        Ok((throughput, unit.counted()))
    });
    converted.collect()
}

fn figures(metric: &Node<'_>, name: &str, gather: &mut Gather) -> Result<Vec<f64>, Fault> {
    let forks: Vec<Node<'_>> =
        match metric.find("rawData").or_else(|| metric.find("rawDataHistogram")) {
            Some(raw) => raw.items()?.collect(),
            None => Vec::new(),
        };
    let mut figures = Vec::new();
    for fork in &forks {
        for iteration in fork.items()? {
            figures.push(if iteration.is_array() {
                mean(&iteration)?
            } else {
                iteration.positive()?
            });
        }
    }
    if figures.is_empty() {
        // Only the score is there.
        figures.push(metric.get("score")?.positive()?);
        gather.warn(
            name,
            "no single iterations are in the file, so nothing is known of their spread",
        );
    } else if forks.len() == 1 {
        gather.warn(
            name,
            "all iterations come from one fork: how much JVMs differ from start to start is not in \
             the intervals",
        );
    }
    Ok(figures)
}

/// The mean of a histogram of `[time, how many]`.
fn mean(histogram: &Node<'_>) -> Result<f64, Fault> {
    let (mut sum, mut total) = (0.0, 0.0);
    for pair in histogram.items()? {
        let [value, count] = pair.positives()?[..] else {
            return Err(pair.fault("is not a pair of a time and a count"));
        };
        sum += value * count;
        total += count;
    }
    positive(sum / total).map_err(|what| histogram.fault(format!("its mean {what}")))
}
