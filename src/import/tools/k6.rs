//! k6's summary, as JSON (`--summary-export`, `handleSummary`) or as text. Each is the report of
//! one number of virtual users.

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::json::Node;
use super::super::words::axis;
use super::super::{Fault, Observation, Request, Series, positive};
use super::{Format, refused};

const WANTS: &str = "give the summaries of all counts: knee fit vus-*.json";
/// What is counted: the first of these that exists.
const COUNTED: [(&str, &str); 2] = [("http_reqs", "requests"), ("iterations", "iterations")];

pub(super) fn is_json(value: &Value) -> bool {
    let metrics = value.get("metrics");
    metrics.is_some_and(|all| {
        all.get("iterations").is_some()
            || all.get("http_reqs").is_some()
            || all.get("vus").is_some()
    })
}

pub(super) fn is_text(text: &str) -> bool {
    text.contains("http_req_duration..")
        || text.contains("http_reqs.....")
        || text.contains("iteration_duration..") && text.contains("vus")
}

/// Reads the JSON of one run.
pub(super) fn read_json(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let metrics = Node::root(json).get("metrics")?;
    // `handleSummary` has one level more than `--summary-export`.
    let inside = |metric: Node<'_>, key: &str| -> Option<f64> {
        let found = metric.find(key).or_else(|| metric.find("values")?.find(key));
        found.and_then(|node| node.number().ok())
    };
    let rate =
        COUNTED.iter().find_map(|(name, unit)| Some((inside(metrics.find(name)?, "rate")?, *unit)));
    let users = ["vus_max", "vus"].iter().find_map(|name| {
        let metric = metrics.find(name)?;
        ["max", "value"]
            .iter()
            .find_map(|key| inside(metric.clone(), key))
            .filter(|users| *users > 0.0)
    });
    one(rate, users, request)
}

/// Reads the text of one run.
pub(super) fn read_text(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let line = |name: &str| {
        let dotted = format!("{name}.");
        let text = request.text.lines().find_map(|line| {
            let trimmed = line.trim().trim_start_matches(['\u{2713}', '\u{2717}', ' ']);
            trimmed.starts_with(&dotted).then_some(trimmed)
        })?;
        Some(text.split_once(':')?.1.trim())
    };
    let rate = COUNTED.iter().find_map(|(name, unit)| {
        let word = line(name)?.split_whitespace().find(|word| word.ends_with("/s"))?;
        Some((word.trim_end_matches("/s").parse().ok()?, *unit))
    });
    let users = ["vus_max", "vus"].iter().find_map(|name| {
        let text = line(name)?;
        let most = text.split_whitespace().find_map(|word| word.strip_prefix("max=")?.parse().ok());
        most.or_else(|| text.split_whitespace().next()?.parse().ok())
    });
    one(rate, users, request)
}

fn one(
    rate: Option<(f64, &str)>,
    users: Option<f64>,
    request: Request<'_>,
) -> Result<Vec<Series>, Fault> {
    let (throughput, unit) =
        rate.ok_or_else(|| refused(Format::K6, "it has no rate of requests or iterations", WANTS))?;
    let workers = users.or_else(|| axis::in_name(request.stem, request.param));
    let workers = workers.ok_or_else(|| {
        refused(Format::K6, "neither it nor the file's name states the number of users", WANTS)
    })?;
    for (what, value) in [("the number of users", workers), ("the rate", throughput)] {
        positive(value).map_err(|fault| Fault::whole(format!("{what} {fault}")))?;
    }
    let mut gather = Gather::default();
    gather.add("k6", unit, Observation { workers, throughput, repetition: None });
    let mut series = gather.finish(&[format!("this is k6's report of one count; {WANTS}")]);
    for one in &mut series {
        one.is_run = true;
    }
    Ok(series)
}
