//! Google Benchmark's JSON, with what its figures mean in each of its versions.
//!
//! With N threads, each iteration is made by one thread, so N run at once. Since v1.9.0 `real_time`
//! is the time that one thread takes for an iteration. Before that, it is this time divided by N.
//! Rates (`items_per_second`) count per second of the clock that timed the benchmark: wall time if
//! its name says `real_time` or `manual_time`, and CPU time otherwise.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::json::Node;
use super::super::words::axis;
use super::super::words::units as rate;
use super::super::words::{counts_workers, words};
use super::super::{Fault, Observation, Request, Series, positive};

/// What is counted if a benchmark counts nothing itself.
const ITERATIONS: &str = "iterations";

/// The meaning of `real_time` with several threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The time of one thread's iteration (v1.9.0 and later).
    PerThread,
    /// That time divided by the number of threads (before v1.9.0).
    Divided,
}

/// A row that is used.
#[derive(Debug)]
struct Entry<'v> {
    node: Node<'v>,
    name: String,
    workers: f64,
    /// Threads that the library itself ran. Each makes iterations of its own.
    threads: f64,
    /// Whether it is an aggregate instead of a single measurement.
    is_aggregate: bool,
}

/// Reads the document.
pub(super) fn read(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let root = Node::root(json);
    let stated = argument(&root, request)?;
    let request = Request { param: stated.as_deref().or(request.param), ..request };
    let (meaning, doubt) = meaning(&root);
    let mut gather = Gather::default();
    let mut stopped = None;
    let mut entries = Vec::new();
    for node in root.get("benchmarks")?.items()? {
        let Some(entry) = entry(node, request)? else { continue };
        match reason(&entry.node) {
            Some(reason) => {
                let text = format!("no figure with {} workers: {reason}", entry.workers);
                gather.warn(&entry.name, text.clone());
                stopped.get_or_insert(text);
            }
            None => entries.push(entry),
        }
    }
    let place = |entry: &Entry<'_>| (entry.name.clone(), entry.workers.to_bits());
    let single: HashSet<(String, u64)> =
        entries.iter().filter(|entry| !entry.is_aggregate).map(place).collect();
    for entry in &entries {
        if entry.is_aggregate && single.contains(&place(entry)) {
            continue;
        }
        let (throughput, unit) = throughput(entry, meaning, &mut gather)?;
        positive(throughput).map_err(|what| entry.node.fault(format!("as a throughput {what}")))?;
        let observation = Observation { workers: entry.workers, throughput, repetition: None };
        gather.add(&entry.name, &unit, observation);
        if let Some(doubt) = doubt.as_ref().filter(|_| entry.threads > 1.0 && unit == ITERATIONS) {
            gather.warn(&entry.name, doubt);
        }
    }
    if entries.is_empty() {
        let why = stopped.map_or_else(String::new, |first| format!(" ({first})"));
        return Err(Fault::whole(format!("holds no usable measurement{why}")));
    }
    Ok(gather.finish(&[]))
}

/// The argument in the names that counts workers, if the library's own threads are always the same.
fn argument(root: &Node<'_>, request: Request<'_>) -> Result<Option<String>, Fault> {
    if request.param.is_some() {
        return Ok(None);
    }
    let mut threads: HashSet<String> = HashSet::new();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut places: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for node in root.get("benchmarks")?.items()? {
        let Some(full) = node.find("run_name").or_else(|| node.find("name")) else { continue };
        let full = full.text()?;
        threads.extend(node.find("threads").and_then(|threads| threads.word()));
        for part in full.split('/').skip(1) {
            let Some((key, value)) = part.split_once(':') else { continue };
            if key == "threads" {
                threads.insert(value.to_owned());
            } else if counts_workers(key) {
                named.entry(key.to_owned()).or_default().insert(value.to_owned());
            }
        }
        for (at, value) in positional(full).enumerate() {
            places.entry(at + 1).or_default().insert(value.to_owned());
        }
    }
    if threads.len() > 1 {
        return Ok(None);
    }
    let varying: Vec<&String> =
        named.iter().filter(|(_, values)| values.len() > 1).map(|(key, _)| key).collect();
    match varying.as_slice() {
        [] => {}
        [one] => return Ok(Some((*one).clone())),
        several => {
            let list = axis::list(several.iter().map(|key| key.as_str()));
            return Err(Fault::whole(format!(
                "the arguments {list} all count workers; name the right one with --param"
            )));
        }
    }
    places.retain(|_, values| values.len() > 1);
    let shown: Vec<String> = places
        .iter()
        .map(|(place, values)| {
            let values: Vec<&str> = values.iter().take(4).map(String::as_str).collect();
            format!("--param {place} ({})", values.join(", "))
        })
        .collect();
    if shown.is_empty() {
        return Ok(None);
    }
    Err(Fault::whole(format!(
        "is of one thread throughout, and no argument in its names says that it counts workers; \
         say which place does: {}",
        shown.join(", ")
    )))
}

/// The arguments of a name that are just numbers: 4096 and 8 in `BM_Pool/4096/8`.
fn positional(name: &str) -> impl Iterator<Item = &str> {
    let is_number = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    name.split('/').skip(1).filter(is_number)
}

/// Why a benchmark was stopped.
fn reason(node: &Node<'_>) -> Option<String> {
    let says = |key: &str| node.find(key).is_some_and(|value| value.is_true());
    if !says("error_occurred") && !says("skipped") {
        return None;
    }
    let why = node.find("error_message").or_else(|| node.find("skip_message"));
    Some(why.and_then(|why| why.word()).unwrap_or_else(|| "skipped".to_owned()))
}

/// The meaning of `real_time` here, with a warning if the version does not settle it.
fn meaning(root: &Node<'_>) -> (Meaning, Option<String>) {
    let version = root
        .find("context")
        .and_then(|context| context.find("library_version"))
        .and_then(|node| node.word());
    let numbers = version.as_deref().map(|version| {
        let digits = version.trim_start_matches(['v', 'V']);
        let mut parts = digits.split(['.', '-']).map(str::parse::<u32>);
        (parts.next().and_then(Result::ok), parts.next().and_then(Result::ok))
    });
    match (numbers, version) {
        (Some((Some(major), Some(minor))), _) => {
            let new = (major, minor) >= (1, 9);
            (if new { Meaning::PerThread } else { Meaning::Divided }, None)
        }
        (_, Some(version)) => (
            Meaning::PerThread,
            Some(format!(
                "library_version {version:?} cannot be read: real_time is taken as one thread's \
                 (v1.9.0 and later); before, the same figure means N times less throughput with N \
                 threads"
            )),
        ),
        // This field appeared after v1.8 and before v1.9.0.
        _ => (
            Meaning::Divided,
            Some(
                "the file names no library_version: real_time is taken as already divided by the \
                 threads (before v1.9.0); from then on, the same figure means N times more \
                 throughput with N threads"
                    .to_owned(),
            ),
        ),
    }
}

/// What a row is; `None` if it is not a measurement.
fn entry<'v>(node: Node<'v>, request: Request<'_>) -> Result<Option<Entry<'v>>, Fault> {
    let full = node.get("name")?.text()?;
    // Big-O and RMS rows are fits, not measurements.
    let is_fit = node.find("big_o").is_some()
        || node.find("rms").is_some()
        || ["_BigO", "_RMS"].iter().any(|ending| full.ends_with(ending));
    let aggregate = aggregate(&node, full);
    // If there are single measurements, their medians add nothing. Other aggregates never do.
    if is_fit || aggregate.as_deref().is_some_and(|name| name != "median") {
        return Ok(None);
    }
    let run_name = node.find("run_name").and_then(|name| name.word()).unwrap_or_else(|| {
        let suffix = aggregate.as_deref().map(|name| format!("_{name}")).unwrap_or_default();
        full.strip_suffix(suffix.as_str()).unwrap_or(full).to_owned()
    });
    let threads = match node.find("threads") {
        Some(threads) => threads.positive()?,
        None => axis::in_text(&run_name, Some("threads")).map_or(1.0, |found| found.workers),
    };
    positive(threads).map_err(|what| node.fault(format!("the number of threads {what}")))?;
    let (workers, name) = match request.param {
        Some(param) if words(param) != ["threads"] => by_param(&node, &run_name, param)?,
        _ => (threads, run_name.replace(&format!("/threads:{threads}"), "")),
    };
    Ok(Some(Entry { node, name, workers, threads, is_aggregate: aggregate.is_some() }))
}

/// The kind of an aggregate row. Before v1.5 only its name shows it.
fn aggregate(node: &Node<'_>, full: &str) -> Option<String> {
    if let Some(name) = node.find("aggregate_name") {
        return name.word();
    }
    let is_iteration =
        node.find("run_type").and_then(|kind| kind.word()).as_deref() == Some("iteration");
    let endings = ["mean", "median", "stddev", "cv"];
    let ending = endings.iter().find(|ending| full.ends_with(&format!("_{ending}")));
    ending.filter(|_| !is_iteration).map(|ending| (*ending).to_owned())
}

/// The number of workers in a counter, or in an argument of the name: `BM_Pool/workers:4`.
fn by_param(node: &Node<'_>, run_name: &str, param: &str) -> Result<(f64, String), Fault> {
    if let Ok(place) = param.parse::<usize>() {
        let value = place.checked_sub(1).and_then(|at| positional(run_name).nth(at));
        let value = value.ok_or_else(|| node.fault(format!("has no argument in place {place}")))?;
        let workers = value.parse::<f64>().unwrap_or_default();
        positive(workers).map_err(|what| node.fault(format!("the number of workers {what}")))?;
        // The argument in that place, not the first equal number.
        let mut left = place;
        let keep = |part: &&str| {
            let counts = !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
            left -= usize::from(counts && left > 0);
            !(counts && left == 0 && *part == value)
        };
        let name: Vec<&str> = run_name.split('/').filter(keep).collect();
        return Ok((workers, name.join("/")));
    }
    if let Some(counter) = node.find(param) {
        return Ok((counter.positive()?, run_name.to_owned()));
    }
    let found = axis::in_text(run_name, Some(param)).ok_or_else(|| {
        node.fault(format!("has neither a counter nor an argument {param:?} in its name"))
    })?;
    positive(found.workers).map_err(|what| node.fault(format!("the number of workers {what}")))?;
    Ok((found.workers, found.rest.replace(&format!("/{param}:N"), "")))
}

/// Throughput of all threads together, and what it counts.
fn throughput(
    entry: &Entry<'_>,
    meaning: Meaning,
    gather: &mut Gather,
) -> Result<(f64, String), Fault> {
    let node = &entry.node;
    let real = node.get("real_time")?.positive()?;
    for (key, counted) in [("items_per_second", "items"), ("bytes_per_second", "bytes")] {
        let Some(given) = node.find(key) else { continue };
        let given = given.positive()?;
        let is_wall = ["/real_time", "/manual_time"].iter().any(|clock| {
            node.find("run_name")
                .or_else(|| node.find("name"))
                .and_then(|name| name.word())
                .is_some_and(|name| name.contains(clock))
        });
        if is_wall {
            return Ok((given, counted.to_owned()));
        }
        // Items per second of CPU time, times the CPU time of an iteration over its wall time. This
        // is the same in every version.
        let cpu = node.get("cpu_time")?.positive()?;
        let ratio = cpu / real;
        if (ratio - 1.0).abs() > 0.02 {
            gather.warn(
                &entry.name,
                format!(
                    "{key} counts per second of CPU time, because the benchmark does not use \
                     UseRealTime(); it is converted to wall time"
                ),
            );
        }
        return Ok((given * ratio, counted.to_owned()));
    }
    let unit = match node.find("time_unit") {
        Some(unit) => {
            rate::seconds(unit.text()?).ok_or_else(|| unit.fault("is not a unit of time"))?
        }
        None => 1e-9,
    };
    let at_once = match meaning {
        Meaning::PerThread => entry.threads,
        Meaning::Divided => 1.0,
    };
    Ok((rate::throughput(1.0, at_once, real * unit), ITERATIONS.to_owned()))
}
