//! pytest-benchmark's JSON: every round is a measurement; a parameter counts the workers.

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::json::Node;
use super::super::words::axis::{self, Candidate};
use super::super::words::units as rate;
use super::super::{Fault, Observation, Request, Series, positive};

pub(super) fn is_json(value: &Value) -> bool {
    let first = value.get("benchmarks").and_then(|list| list.get(0));
    first.is_some_and(|one| one.get("stats").is_some() && one.get("name").is_some())
}

/// One test with one set of parameters.
#[derive(Debug)]
struct Test<'v> {
    node: Node<'v>,
    /// The name without the text in square brackets.
    base: String,
    /// Parameters, then other notes on the test, then places in the brackets.
    facts: Vec<(String, String)>,
}

/// Reads the document.
pub(super) fn read(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let nodes = Node::root(json).get("benchmarks")?.items()?;
    let tests: Vec<Test<'_>> = nodes.map(test).collect::<Result<_, _>>()?;
    let axis = axis_of(&tests, request.param)?;
    let mut gather = Gather::default();
    for test in &tests {
        let (workers, name) = if let Some(axis) = &axis {
            by_fact(test, axis, &tests)?
        } else {
            let found = axis::in_text(&test.base, request.param).ok_or_else(|| unknown(test))?;
            (found.workers, found.rest)
        };
        positive(workers)
            .map_err(|what| test.node.fault(format!("the number of workers {what}")))?;
        let stats = test.node.get("stats")?;
        let times = if let Some(data) = stats.find("data") {
            data.positives()?
        } else {
            gather.warn(
                &name,
                "only the median of the rounds is in the file; keep them with \
                 --benchmark-save-data",
            );
            vec![stats.find("median").map_or_else(|| stats.get("mean"), Ok)?.positive()?]
        };
        for seconds in times {
            let throughput = rate::throughput(1.0, 1.0, seconds);
            positive(throughput).map_err(|what| stats.fault(format!("as a throughput {what}")))?;
            gather.add(&name, "runs", Observation { workers, throughput, repetition: None });
        }
    }
    Ok(gather.finish(&[]))
}

fn test(node: Node<'_>) -> Result<Test<'_>, Fault> {
    let name = node.get("name")?.text()?;
    let (base, inside) = match name.split_once('[') {
        Some((base, rest)) => (base, rest.trim_end_matches(']')),
        None => (name, ""),
    };
    let mut facts = Vec::new();
    for key in ["params", "extra_info"] {
        let Some(inner) = node.find(key) else { continue };
        facts.extend(
            inner.fields().filter_map(|(key, value)| Some((key.to_owned(), value.word()?))),
        );
    }
    let places = inside.split('-').filter(|part| !part.is_empty()).enumerate();
    facts.extend(places.map(|(at, part)| (format!("{}", at + 1), part.to_owned())));
    Ok(Test { base: base.to_owned(), facts, node })
}

impl Test<'_> {
    fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The parameter that counts workers; `None` if names state it.
fn axis_of(tests: &[Test<'_>], param: Option<&str>) -> Result<Option<String>, Fault> {
    let mut names: Vec<&str> =
        tests.iter().flat_map(|test| test.facts.iter().map(|(key, _)| key.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    let value = |test: &Test<'_>, name: &str| test.fact(name)?.trim().parse::<f64>().ok();
    let candidates: Vec<Candidate<'_>> = names
        .iter()
        .map(|&name| Candidate { name, values: tests.iter().map(|t| value(t, name)).collect() })
        .collect();
    if let Some(index) = axis::choose(&candidates, param, "parameter")? {
        return Ok(Some(names[index].to_owned()));
    }
    // `test_pool[8-threads]` states it in its brackets.
    let stated = tests.iter().all(|test| axis::in_text(&test.base, param).is_some());
    if stated {
        return Ok(None);
    }
    Err(tests.first().map_or_else(|| Fault::whole("holds no measurement"), unknown))
}

fn unknown(test: &Test<'_>) -> Fault {
    let names: Vec<String> =
        test.facts.iter().map(|(key, value)| format!("{key} ({value})")).collect();
    if names.is_empty() {
        return test
            .node
            .fault("states no number of workers; give the test a parameter called workers");
    }
    test.node.fault(format!(
        "no parameter bears the name of workers; name one, or its place in the brackets, with \
         --param: {}",
        names.join(", ")
    ))
}

fn by_fact(test: &Test<'_>, axis: &str, all: &[Test<'_>]) -> Result<(f64, String), Fault> {
    let value = test.fact(axis).unwrap_or_default();
    let workers: f64 = value
        .trim()
        .parse()
        .map_err(|_| test.node.fault(format!("has no number in its parameter {axis:?}")))?;
    let varies = |name: &str| {
        all.iter().any(|other| other.base == test.base && other.fact(name) != test.fact(name))
    };
    let is_place = |name: &str| name.chars().all(|c| c.is_ascii_digit());
    let others: Vec<String> = test
        .facts
        .iter()
        .filter(|(name, held)| name != axis && held != value && varies(name))
        .filter(|(name, held)| {
            !is_place(name) || !test.facts.iter().any(|(n, v)| !is_place(n) && v == held)
        })
        .map(|(name, held)| format!("{name}={held}"))
        .collect();
    let rest = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    Ok((workers, format!("{}{rest}", test.base)))
}
