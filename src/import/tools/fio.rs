//! fio's JSON: operations per second of all jobs together, reads and writes. One report has one
//! number of jobs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::json::Node;
use super::super::words::axis;
use super::super::{Fault, Observation, Request, Series, positive};
use super::{Format, refused};

const WANTS: &str = "give the reports of all counts: knee fit jobs-*.json";

pub(super) fn is_json(value: &Value) -> bool {
    value.get("fio version").is_some() && value.get("jobs").is_some()
}

/// Jobs with the same name and count.
#[derive(Debug, Default)]
struct Group {
    iops: f64,
    entries: f64,
    numjobs: f64,
    depth: f64,
}

/// Reads a report.
pub(super) fn read(json: &Value, request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let root = Node::root(json);
    let common = root.find("global options");
    let mut groups: BTreeMap<(String, u64), Group> = BTreeMap::new();
    for job in root.get("jobs")?.items()? {
        let options = job.find("job options");
        let option = |name: &str| -> Option<f64> {
            let own = options.as_ref().and_then(|node| node.find(name));
            let node = own.or_else(|| common.as_ref()?.find(name))?;
            node.word()?.trim().parse().ok()
        };
        let name = job.find("jobname").and_then(|name| name.word()).unwrap_or_default();
        let numjobs = option("numjobs").unwrap_or(1.0).max(1.0);
        let depth = option("iodepth").unwrap_or(1.0).max(1.0);
        let mut iops = 0.0;
        for side in ["read", "write", "trim"] {
            let found = job.find(side).and_then(|side| side.find("iops"));
            iops += found.map_or(Ok(0.0), |node| node.number())?;
        }
        let group = groups.entry((name, numjobs.to_bits())).or_default();
        group.iops += iops;
        group.entries += 1.0;
        (group.numjobs, group.depth) = (numjobs, depth);
    }
    let mut gather = Gather::default();
    let asks_depth = request.param.is_some_and(|param| param.eq_ignore_ascii_case("iodepth"));
    let several = groups
        .keys()
        .map(|(name, _)| name.as_str())
        .collect::<std::collections::BTreeSet<_>>()
        .len()
        > 1;
    let mut counts = 0;
    for ((name, _), group) in &groups {
        // Without group reporting, every job appears by itself.
        let jobs = group.numjobs.max(group.entries);
        let stated = axis::in_text(name, request.param);
        let (workers, said) = match &stated {
            _ if asks_depth => (group.depth, None),
            Some(found) if several => (found.workers, Some(found.rest.clone())),
            _ if jobs <= 1.0 && group.depth > 1.0 => {
                gather.warn(
                    "fio",
                    "the depth of the queue (iodepth) is taken as the number of workers, since \
                     there is one job",
                );
                (group.depth, None)
            }
            _ => (jobs, None),
        };
        let fault = |what: String| Fault::whole(format!("job {name:?}: {what}"));
        positive(group.iops).map_err(|what| fault(format!("its operations per second: {what}")))?;
        positive(workers).map_err(|what| fault(format!("its number of jobs {what}")))?;
        let label = match said {
            Some(rest) => rest,
            None if several => name.clone(),
            None => "fio".to_owned(),
        };
        gather.add(
            &label,
            "operations",
            Observation { workers, throughput: group.iops, repetition: None },
        );
        counts += 1;
    }
    if counts == 0 {
        return Err(refused(Format::Fio, "it holds no job", WANTS));
    }
    let mut series = gather.finish(&[]);
    for one in &mut series {
        if one.observations.len() == 1 {
            one.is_run = true;
            one.warnings.push(format!("this is fio's report of one count; {WANTS}"));
        }
    }
    Ok(series)
}
