//! Turns a request into a plan.

use std::time::Duration;

use knee_workloads::{Params, Workload};

use super::{
    Also, Arrivals, Axis, Candidates, Cores, Counts, Entry, Limits, Mode, Named, Outside, Plan,
    PlanError, Registry, Series, Subject, nodes,
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The workloads by name. If there are none, all built-in workloads are meant.
    pub workloads: Vec<Named>,
    /// Several ways to do the same work, each with the user's name for it.
    pub alternatives: Vec<(String, Named)>,
    /// The modes.
    pub modes: Vec<Mode>,
    /// The worker counts.
    pub counts: Counts,
    /// What is swept beside the workers.
    pub also: Option<Axis>,
    /// Numbers of nodes over which crews are spread, one after another.
    pub nodes: Option<Vec<usize>>,
    /// How long everything may take.
    pub budget: Duration,
    /// The seed.
    pub seed: u64,
    /// Number of tasks in a batch, if its makespan is measured instead of a rate.
    pub batch: Option<u64>,
    /// How tasks arrive, if they arrive at a rate instead of whenever a worker is free.
    pub arrivals: Option<Arrivals>,
    /// Whether each worker is bound to one CPU.
    pub pin: bool,
}

impl Default for Request {
    /// All workloads, in the modes serial, threads and process-pool, at counts that a search finds,
    /// within a minute.
    fn default() -> Self {
        Self {
            workloads: Vec::new(),
            alternatives: Vec::new(),
            modes: Mode::DEFAULT.to_vec(),
            counts: Counts::Auto,
            also: None,
            nodes: None,
            budget: Duration::from_secs(60),
            seed: 1,
            arrivals: None,
            batch: None,
            pin: false,
        }
    }
}

/// Makes the plan for a request on a machine with these cores.
///
/// A workload that was not named and cannot run here is left out; `skipped` is called with its name
/// and the reason.
///
/// # Errors
/// An unknown workload or parameter, a bad value, or a named workload that this machine cannot run.
pub fn expand(
    request: &Request,
    registry: Registry,
    cores: &Cores,
    skipped: &mut dyn FnMut(&str, &str),
) -> Result<Plan, PlanError> {
    let named = !request.workloads.is_empty() || !request.alternatives.is_empty();
    let wanted: Vec<Named> = if named {
        request.workloads.clone()
    } else {
        let names = registry.iter().map(|workload| workload.meta().name.to_owned());
        names.map(|name| Named { name, given: Vec::new() }).collect()
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (want, also) in spread(&wanted, request, registry)? {
        let workload = registry.find(&want.name)?;
        let nodes =
            request.nodes.as_ref().and(also.as_ref()).and_then(|also| also.value.parse().ok());
        match nodes.and_then(|_: usize| nodes::objection(workload)) {
            Some(objection) if named => return Err(PlanError::Usage(objection)),
            Some(objection) => {
                skipped(&want.name, &objection);
                continue;
            }
            None => {}
        }
        let meta = workload.meta();
        let given = want.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let params = Params::resolve(meta.name, meta.params, given)?;
        match workload.supported(&params) {
            Ok(()) => {}
            Err(reason) if named => return Err(reason.into()),
            Err(reason) => {
                skipped(meta.name, &reason.to_string());
                continue;
            }
        }
        fits(workload, &params, &request.modes)?;
        let entry = Entry { also, nodes, ..entry(workload, params, request, cores) };
        let same = |known: &Entry| (&known.label, known.nodes) == (&entry.label, entry.nodes);
        if entries.iter().any(same) {
            return Err(PlanError::Usage(format!("{} is given twice; name it once", entry.label)));
        }
        let place = entries.len();
        entries.push(entry);
        // At a rate, whether a mode pays does not depend on the task length.
        if !named && request.arrivals.is_none() && nodes.is_none() {
            entries.extend(shorter(workload, place, request, cores)?);
        }
    }
    entries.extend(alternatives(request, registry, cores)?);
    Ok(Plan {
        seed: request.seed,
        budget: request.budget.as_secs_f64(),
        batch: request.batch,
        arrivals: request.arrivals,
        pin: request.pin,
        limits: Limits::default(),
        tolerance: super::TOLERANCE,
        tariff: None,
        outside: Outside::default(),
        entries,
    })
}

/// Plans several ways to do the same work. All of them must count the same unit.
fn alternatives(
    request: &Request,
    registry: Registry,
    cores: &Cores,
) -> Result<Vec<Entry>, PlanError> {
    let mut entries: Vec<Entry> = Vec::new();
    for (name, want) in &request.alternatives {
        let workload = registry.find(&want.name)?;
        let meta = workload.meta();
        let given = want.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let of = |error| PlanError::Usage(format!("--alt {name}: {error}"));
        let params = Params::resolve(meta.name, meta.params, given).map_err(of)?;
        workload.supported(&params).map_err(of)?;
        fits(workload, &params, &request.modes)?;
        let own = entry(workload, params, request, cores);
        if let Some(other) = entries.iter().find(|other| other.unit_many != own.unit_many) {
            return Err(PlanError::Usage(format!(
                "--alt {name} counts {}, and {} counts {}: these cannot be compared",
                own.unit_many, other.label, other.unit_many
            )));
        }
        entries.push(Entry { label: name.clone(), alternative: true, ..own });
    }
    Ok(entries)
}

/// Everything wanted, once for each value of the second axis.
fn spread(
    wanted: &[Named],
    request: &Request,
    registry: Registry,
) -> Result<Vec<(Named, Option<Also>)>, PlanError> {
    if let Some(nodes) = &request.nodes {
        let each = wanted.iter().enumerate();
        let all = each.flat_map(|(number, want)| nodes::spread(want, nodes, number));
        return Ok(all.map(|(named, also)| (named, Some(also))).collect());
    }
    let Some(axis) = &request.also else {
        return Ok(wanted.iter().map(|want| (want.clone(), None)).collect());
    };
    let mut all = Vec::new();
    for (number, want) in wanted.iter().enumerate() {
        let spread = axis.spread(want, registry.find(&want.name)?, number)?;
        all.extend(spread.into_iter().map(|(named, also)| (named, Some(also))));
    }
    Ok(all)
}

/// Checks that a workload can be run in these modes.
fn fits(workload: &dyn Workload, params: &Params, modes: &[Mode]) -> Result<(), PlanError> {
    let name = workload.meta().name;
    let program = knee_workloads::FOREIGN.iter().any(|foreign| foreign.meta().name == name);
    let subject = match workload.foreign(params) {
        Some(_) => Subject::Function,
        // Programs also run in the modes of workloads.
        None if program => return Ok(()),
        None => Subject::Workload,
    };
    match modes.iter().find(|mode| !mode.runs(subject)) {
        None => Ok(()),
        Some(mode) => {
            let modes: Vec<&str> = Mode::of(subject).map(Mode::name).collect();
            let modes = modes.join(", ");
            Err(PlanError::Usage(format!("{name} cannot run as {mode}; its modes are {modes}")))
        }
    }
}

/// Plans the same work in shorter tasks, with as many workers as cores. It shows from what task
/// length on a mode pays.
fn shorter(
    workload: &dyn Workload,
    of: usize,
    request: &Request,
    cores: &Cores,
) -> Result<Vec<Entry>, PlanError> {
    let meta = workload.meta();
    let counts = vec![(cores.usable.ceil() as usize).max(1)];
    let request = Request { counts: Counts::List(counts), ..request.clone() };
    let one = |given: &(&str, &str)| {
        let params = Params::resolve(meta.name, meta.params, [*given])?;
        Ok(Entry { shorter_of: Some(of), ..entry(workload, params, &request, cores) })
    };
    workload.shorter().iter().map(one).collect()
}

fn entry(workload: &dyn Workload, params: Params, request: &Request, cores: &Cores) -> Entry {
    let meta = workload.meta();
    let changed = params.changed(meta.params);
    let series = request
        .modes
        .iter()
        .map(|&mode| Series {
            mode,
            candidates: Candidates::choose(mode, meta.kind, cores, &request.counts),
        })
        .collect();
    Entry {
        label: if changed.is_empty() {
            meta.name.into()
        } else {
            format!("{}:{changed}", meta.name)
        },
        workload: meta.name.into(),
        kind: meta.kind,
        unit_one: meta.unit.one.into(),
        unit_many: meta.unit.many.into(),
        equivalent: meta.equivalent.map(|equal| (equal.name.into(), equal.units_per_second)),
        textbook_optimum: workload.textbook_optimum(&params, cores.usable),
        shorter_of: None,
        also: None,
        alternative: false,
        nodes: None,
        params,
        series,
    }
}
