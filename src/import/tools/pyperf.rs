//! pyperf's JSON: every value of every run is a measurement. Runs that only calibrate or warm up
//! have no values.

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::json::Node;
use super::super::words::axis::{self, Candidate};
use super::super::words::units as rate;
use super::super::{Fault, Observation, Request, Series, positive};

/// One benchmark, with everything that is known about it.
#[derive(Debug)]
struct Benchmark<'v> {
    node: Node<'v>,
    name: String,
    /// Metadata of the suite, overridden by that of the benchmark and of its first run.
    metadata: Vec<(&'v str, Node<'v>)>,
}

/// Reads the document.
pub(super) fn read(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let root = Node::root(json);
    let common: Vec<(&str, Node<'_>)> =
        root.find("metadata").map(|node| node.fields().collect()).unwrap_or_default();
    let mut benchmarks = Vec::new();
    for node in root.get("benchmarks")?.items()? {
        benchmarks.push(benchmark(node, &common)?);
    }
    if benchmarks.is_empty() {
        return Err(Fault::whole("holds no measurement"));
    }
    let axis = axis_of(&benchmarks, request.param)?;
    let mut gather = Gather::default();
    for benchmark in &benchmarks {
        let (workers, name) = place(benchmark, axis.as_deref(), request)?;
        positive(workers)
            .map_err(|what| benchmark.node.fault(format!("the number of workers {what}")))?;
        let unit =
            benchmark.find("unit").and_then(Node::word).unwrap_or_else(|| "second".to_owned());
        let scale = rate::seconds(&unit).ok_or_else(|| {
            benchmark.node.fault(format!("its values are in {unit:?}, not in a unit of time"))
        })?;
        let series = gather.series(&name, "runs");
        for run in benchmark.node.get("runs")?.items()? {
            let Some(values) = run.find("values") else { continue };
            for value in values.items()? {
                let throughput = rate::throughput(1.0, 1.0, value.positive()? * scale);
                positive(throughput)
                    .map_err(|what| value.fault(format!("as a throughput {what}")))?;
                series.observations.push(Observation { workers, throughput, repetition: None });
            }
        }
    }
    Ok(gather.finish(&[]))
}

fn benchmark<'v>(node: Node<'v>, common: &[(&'v str, Node<'v>)]) -> Result<Benchmark<'v>, Fault> {
    let mut metadata: Vec<(&str, Node<'_>)> = common.to_vec();
    let own = node.find("metadata").map(|node| node.fields().collect::<Vec<_>>());
    let first = node.get("runs")?.items()?.next();
    let run =
        first.and_then(|run| run.find("metadata")).map(|node| node.fields().collect::<Vec<_>>());
    for (key, value) in own.into_iter().chain(run).flatten() {
        metadata.retain(|(other, _)| *other != key);
        metadata.push((key, value));
    }
    let mut benchmark = Benchmark { node, name: String::new(), metadata };
    benchmark.name = benchmark.find("name").and_then(Node::word).unwrap_or_default();
    Ok(benchmark)
}

impl<'v> Benchmark<'v> {
    fn find(&self, key: &str) -> Option<&Node<'v>> {
        self.metadata.iter().find(|(other, _)| *other == key).map(|(_, node)| node)
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.find(key)?.word()?.trim().parse().ok()
    }
}

/// The metadata that is the number of workers; `None` if there is none, or if names state it.
fn axis_of(benchmarks: &[Benchmark<'_>], param: Option<&str>) -> Result<Option<String>, Fault> {
    let mut names: Vec<&str> =
        benchmarks.iter().flat_map(|one| one.metadata.iter().map(|(key, _)| *key)).collect();
    names.sort_unstable();
    names.dedup();
    if let Some(param) = param.filter(|param| !names.contains(param)) {
        let stated = benchmarks.iter().any(|one| axis::in_text(&one.name, Some(param)).is_some());
        if stated {
            return Ok(None);
        }
    }
    let candidates: Vec<Candidate<'_>> = names
        .iter()
        .map(|&name| Candidate {
            name,
            values: benchmarks.iter().map(|one| one.number(name)).collect(),
        })
        .collect();
    let found = axis::choose(&candidates, param, "metadata")?;
    Ok(found.map(|index| names[index].to_owned()))
}

/// Workers and name: from the metadata, from the name, or from the name of the file.
fn place(
    benchmark: &Benchmark<'_>,
    axis: Option<&str>,
    request: Request<'_>,
) -> Result<(f64, String), Fault> {
    let named = if benchmark.name.is_empty() { request.stem } else { &benchmark.name };
    if let Some(axis) = axis {
        let workers = benchmark.number(axis).ok_or_else(|| {
            benchmark.node.fault(format!("has no number in its metadata {axis:?}"))
        })?;
        // The number is removed from the name, which would otherwise differ for each count.
        let found = axis::in_text(named, Some(axis)).or_else(|| axis::in_text(named, None));
        let name =
            found.filter(|found| found.workers.total_cmp(&workers).is_eq()).map(|found| found.rest);
        return Ok((workers, name.unwrap_or_else(|| named.to_owned())));
    }
    if let Some(found) = axis::in_text(named, request.param) {
        return Ok((found.workers, found.rest));
    }
    if let Some(workers) = axis::in_name(request.stem, request.param) {
        return Ok((workers, named.to_owned()));
    }
    Err(benchmark.node.fault(format!(
        "{named:?} states no number of workers; name benchmarks like pool-4-threads, or the \
         metadata that holds it with --param"
    )))
}
