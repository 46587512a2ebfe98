//! hyperfine's JSON: schema 1 (up to 1.21, without a version) and schema 2 (from 2.0 on).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::json::Node;
use super::super::words::axis::{self, Candidate};
use super::super::words::units as rate;
use super::super::{Fault, Observation, Request, Series};
use crate::units::plural;

/// The most places of a command in which a parameter is searched.
const MOST_PLACES: usize = 8;

/// One command with one set of parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// Its place in the file.
    pub(super) place: String,
    /// Its name, or else its command line.
    pub(super) label: String,
    /// Parameters and environment, as texts.
    pub(super) parameters: BTreeMap<String, String>,
    /// Seconds of each run.
    pub(super) seconds: Vec<f64>,
    /// How many runs failed and are left out.
    pub(super) failed: usize,
    /// Whether only a summary of the runs was kept.
    pub(super) is_summary: bool,
}

/// Reads either schema.
pub(super) fn read(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let root = Node::root(json);
    let version = root.find("schema_version").map(|version| version.number()).transpose()?;
    let run = match version {
        None => first_schema,
        Some(version) if version.total_cmp(&1.0).is_eq() => first_schema,
        Some(version) if version.total_cmp(&2.0).is_eq() => second_schema,
        Some(version) => {
            let what = format!("is {version}; hyperfine's schemas 1 and 2 can be read");
            return Err(root.get("schema_version")?.fault(what));
        }
    };
    let runs: Vec<Run> =
        root.get("results")?.items()?.map(|result| run(&result)).collect::<Result<_, _>>()?;
    assemble(&runs, request)
}

fn first_schema(result: &Node<'_>) -> Result<Run, Fault> {
    let mut run = empty(result)?;
    run.parameters = texts(result.find("parameters"));
    let Some(times) = result.find("times") else {
        summarise(
            &mut run,
            result.find("median").map_or_else(|| result.get("mean"), Ok)?.positive()?,
        );
        return Ok(run);
    };
    let times = times.positives()?;
    let codes: Vec<Option<f64>> = match result.find("exit_codes") {
        Some(codes) => codes.items()?.map(|code| code.number().ok()).collect(),
        None => Vec::new(),
    };
    let failed =
        |at: usize| codes.get(at).is_some_and(|code| code.is_none_or(|code| code.abs() > 0.0));
    keep_successes(&mut run, &times, failed);
    Ok(run)
}

fn second_schema(result: &Node<'_>) -> Result<Run, Fault> {
    let mut run = empty(result)?;
    run.parameters = texts(result.find("environment"));
    run.parameters.extend(texts(result.find("parameters")));
    let Some(measurements) = result.find("measurements") else {
        let summary = result.get("summary")?.get("time_wall_clock")?;
        let figure = summary.find("median").map_or_else(|| summary.get("mean"), Ok)?.positive()?;
        summarise(&mut run, figure * unit(&summary)?);
        return Ok(run);
    };
    let (mut times, mut codes) = (Vec::new(), Vec::new());
    for measurement in measurements.items()? {
        let time = measurement.get("time_wall_clock")?;
        times.push(time.get("value")?.positive()? * unit(&time)?);
        let code = measurement.find("exit_code").map(|code| code.number()).transpose()?;
        codes.push(code);
    }
    keep_successes(&mut run, &times, |at| codes[at].is_some_and(|code| code.abs() > 0.0));
    Ok(run)
}

fn empty(result: &Node<'_>) -> Result<Run, Fault> {
    let label = match result.find("name") {
        Some(name) => name.text()?,
        None => result.get("command")?.text()?,
    };
    Ok(Run {
        place: result.fault("").place,
        label: label.to_owned(),
        parameters: BTreeMap::new(),
        seconds: Vec::new(),
        failed: 0,
        is_summary: false,
    })
}

/// Seconds in the unit of a metric.
fn unit(metric: &Node<'_>) -> Result<f64, Fault> {
    let Some(unit) = metric.find("unit") else { return Ok(1.0) };
    rate::seconds(unit.text()?).ok_or_else(|| unit.fault("is not a unit of time"))
}

/// Parameters are texts in schema 1, and objects with a `value` in schema 2.
fn texts(parameters: Option<Node<'_>>) -> BTreeMap<String, String> {
    let Some(parameters) = parameters else { return BTreeMap::new() };
    let text = |node: Node<'_>| node.word().or_else(|| node.find("value")?.word());
    parameters.fields().filter_map(|(name, node)| Some((name.to_owned(), text(node)?))).collect()
}

fn summarise(run: &mut Run, seconds: f64) {
    run.seconds = vec![seconds];
    run.is_summary = true;
}

/// A failed run did not do the work and is dropped. If all runs failed (`--ignore-failure`),
/// failure is normal for the command.
fn keep_successes(run: &mut Run, times: &[f64], failed: impl Fn(usize) -> bool) {
    run.failed = (0..times.len()).filter(|&at| failed(at)).count();
    let all_failed = run.failed == times.len();
    let kept = (0..times.len()).filter(|&at| all_failed || !failed(at));
    run.seconds = kept.map(|at| times[at]).collect();
}

/// Turns runs into curves: one parameter is the worker axis, and the others go into the name.
pub(super) fn assemble(runs: &[Run], request: Request<'_>) -> Result<Vec<Series>, Fault> {
    if runs.is_empty() {
        return Err(Fault::whole("holds no measurement"));
    }
    let placed = match axis_of(runs, request.param)? {
        Some(axis) => by_parameter(runs, &axis),
        None => by_label(runs, request)?,
    };
    let mut gather = Gather::default();
    let mut warnings = Vec::new();
    let mut left_out = Vec::new();
    for (run, place) in runs.iter().zip(placed) {
        let Some((workers, name)) = place else {
            left_out.push(run.label.as_str());
            continue;
        };
        let workers = super::super::positive(workers).map_err(|what| {
            Fault::at(run.place.clone(), format!("the number of workers {what}"))
        })?;
        for &seconds in &run.seconds {
            let throughput = rate::throughput(1.0, 1.0, seconds);
            super::super::positive(throughput)
                .map_err(|what| Fault::at(run.place.clone(), format!("as a throughput {what}")))?;
            gather.add(&name, "runs", Observation { workers, throughput, repetition: None });
        }
    }
    if !left_out.is_empty() {
        let names = axis::list(left_out.into_iter());
        warnings.push(format!("left out, because they state no number of workers: {names}"));
    }
    let failed: usize = runs.iter().map(|run| run.failed).sum();
    let counted = plural(failed as u64, "run", "runs");
    if failed > 0 {
        warnings.push(format!("{counted} ended with an error; left out where others succeeded"));
    }
    if runs.iter().any(|run| run.is_summary) {
        warnings.push(
            "only the median of the runs is in the file, so nothing is known of their spread"
                .to_owned(),
        );
    }
    Ok(gather.finish(&warnings))
}

/// The name of the parameter that is the number of workers; `None` if no parameter has such a name.
fn axis_of(runs: &[Run], param: Option<&str>) -> Result<Option<String>, Fault> {
    let mut names: Vec<&str> =
        runs.iter().flat_map(|run| run.parameters.keys().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Ok(None);
    }
    let value = |run: &Run, name: &str| run.parameters.get(name)?.trim().parse::<f64>().ok();
    let candidates: Vec<Candidate<'_>> = names
        .iter()
        .map(|&name| Candidate { name, values: runs.iter().map(|run| value(run, name)).collect() })
        .collect();
    match axis::choose(&candidates, param, "parameter")? {
        Some(index) => Ok(Some(names[index].to_owned())),
        // Commands may state the number if the parameters do not.
        None if runs.iter().any(|run| axis::in_text(&run.label, None).is_some()) => Ok(None),
        None => Err(Fault::whole(format!(
            "no parameter has a name such as threads or workers; name the right one of {} with \
             --param",
            axis::list(names.into_iter())
        ))),
    }
}

/// Workers and name of each run.
type Placed = Vec<Option<(f64, String)>>;

fn by_parameter(runs: &[Run], axis: &str) -> Placed {
    // A value that is the same in all runs does not distinguish them.
    let same = |name: &String| {
        runs.iter().all(|run| run.parameters.get(name) == runs[0].parameters.get(name))
    };
    let names: BTreeSet<&String> = runs.iter().flat_map(|run| run.parameters.keys()).collect();
    let telling: BTreeSet<&String> =
        names.into_iter().filter(|name| *name != axis && !same(name)).collect();
    let others = |run: &Run| -> Vec<String> {
        let others = run.parameters.iter().filter(|(name, _)| telling.contains(name));
        others.map(|(name, value)| format!("{name}={value}")).collect()
    };
    let place = |run: &Run| -> Option<Place> {
        let value = run.parameters.get(axis)?.trim();
        let labels = templates(&run.label, value, axis);
        Some(Place { workers: value.parse().ok()?, labels, others: others(run) })
    };
    let placed: Vec<Option<Place>> = runs.iter().map(place).collect();
    let told_apart = are_told_apart(&placed);
    let counts = popularity(&placed);
    let mut firsts: HashMap<Vec<String>, String> = HashMap::new();
    let mut name = |place: Place| {
        let own = place.labels.iter().rev().max_by_key(|label| counts.get(*label)).cloned();
        let own = own.unwrap_or_default();
        // Other numbers in a command can hide that it is always the same command.
        let label = if told_apart {
            firsts.entry(place.others.clone()).or_insert(own).clone()
        } else {
            own
        };
        let others = place.others.join(", ");
        let others = if others.is_empty() { others } else { format!(" ({others})") };
        (place.workers, format!("{label}{others}"))
    };
    placed.into_iter().map(|place| place.map(&mut name)).collect()
}

/// The place of a run among the curves.
#[derive(Debug, Clone)]
struct Place {
    workers: f64,
    /// What its command may have been before the parameter was filled in.
    labels: Vec<String>,
    /// The other parameters that distinguish runs.
    others: Vec<String>,
}

/// How many runs each template explains. The true template explains all runs of its command.
fn popularity(placed: &[Option<Place>]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for label in placed.iter().flatten().flat_map(|place| &place.labels) {
        *counts.entry(label.clone()).or_default() += 1;
    }
    counts
}

/// Whether the parameters alone distinguish all runs, so that there is only one command.
fn are_told_apart(placed: &[Option<Place>]) -> bool {
    let mut seen = HashSet::new();
    placed.iter().flatten().all(|place| seen.insert((place.workers.to_bits(), &place.others)))
}

/// The command before its parameter was filled in. Every number in it that equals the value may
/// have been the parameter, or several of them.
fn templates(label: &str, value: &str, axis: &str) -> Vec<String> {
    let numeric = |c: char| c.is_ascii_digit() || c == '.';
    let is_whole = |at: &usize| {
        let (before, found) = label.split_at(*at);
        !before.ends_with(numeric) && !found[value.len()..].starts_with(numeric)
    };
    let found = label.match_indices(value).filter(|_| !value.is_empty()).map(|(at, _)| at);
    let places: Vec<usize> = found.filter(is_whole).collect();
    let filled = |places: &[usize]| {
        let (mut template, mut kept) = (String::new(), 0);
        for &at in places {
            template.push_str(&label[kept..at]);
            template.extend(["{", axis, "}"]);
            kept = at + value.len();
        }
        template + &label[kept..]
    };
    let mut templates = vec![filled(&places)];
    if places.len() > 1 {
        templates.extend(places.iter().take(MOST_PLACES).map(|&at| filled(&[at])));
    }
    templates
}

/// Without parameters, commands and their names may state the number.
fn by_label(runs: &[Run], request: Request<'_>) -> Result<Placed, Fault> {
    let found = |run: &Run| {
        axis::in_text(&run.label, request.param).map(|found| (found.workers, found.rest))
    };
    let placed: Placed = runs.iter().map(found).collect();
    if placed.iter().any(Option::is_some) {
        return Ok(placed);
    }
    let in_name = axis::in_name(request.stem, request.param);
    let in_name = in_name.ok_or_else(|| match request.param {
        Some(param) => Fault::whole(format!(
            "has no parameter {param:?}, nor a number beside that word in a command"
        )),
        None => Fault::whole(
            "states no number of workers; measure with hyperfine -P threads 1 8 'command \
             {threads}', or name the word beside it with --param",
        ),
    })?;
    Ok(runs.iter().map(|run| Some((in_name, run.label.clone()))).collect())
}

#[cfg(test)]
mod tests {
    use super::templates;

    #[test]
    fn a_command_is_traced_back_to_its_templates() {
        let first = |label, value| templates(label, value, "n").remove(0);
        assert_eq!(first("make -j 8", "8"), "make -j {n}");
        assert_eq!(first("make -j18 x8", "8"), "make -j18 x{n}");
        assert_eq!(first("sleep 0.8", "8"), "sleep 0.8");
        assert_eq!(first("sleep", "8"), "sleep");
        assert_eq!(templates("a1 -j 1", "1", "n"), ["a{n} -j {n}", "a{n} -j 1", "a1 -j {n}"]);
    }
}
