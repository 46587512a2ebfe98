//! Our own records, findings and fits.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::json::Node;
use super::{Fault, Gather, Observation, Request, Series, positive};
use crate::plan::Mode;
use crate::record::{Record, read_from};
use crate::run::Sample;

/// Reads a record: one curve per workload and mode, one measurement per round.
pub(super) fn read_record(request: Request<'_>) -> Result<Vec<Series>, Fault> {
    let record = read_from(request.text.as_bytes(), Path::new("")).map_err(|error| {
        Fault::whole(error.to_string().trim_start_matches([':', ' ']).to_owned())
    })?;
    let replaced = replaced(&record);
    let mut gather = Gather::default();
    for sample in &record.samples {
        let cell = sample.cell;
        // One worker alone makes no curve.
        if cell.mode == Mode::Serial {
            continue;
        }
        let entry = &record.header.plan.entries[cell.entry];
        let name = format!("{}, {}", entry.label, cell.mode);
        let series = gather.series(&name, &entry.unit_many);
        if replaced.contains(&sample.round) {
            let text = "disturbed rounds that were measured again are left out";
            if !series.warnings.iter().any(|warning| warning == text) {
                series.warnings.push(text.to_owned());
            }
            continue;
        }
        let throughput = positive(sample.throughput).map_err(|what| {
            Fault::at(format!("round {}", sample.round), format!("its throughput {what}"))
        })?;
        let workers = cell.workers as f64;
        series.observations.push(Observation {
            workers,
            throughput,
            repetition: Some(sample.block),
        });
    }
    Ok(gather.finish(&[]))
}

/// Disturbed rounds in whose stead an undisturbed one was measured.
fn replaced(record: &Record) -> HashSet<u32> {
    let good = |sample: &&Sample| !sample.is_disturbed();
    record.samples.iter().filter(good).filter_map(|sample| sample.repeats).collect()
}

/// Reads findings or a fit: the median of each point, since the single rounds are not in them.
pub(super) fn read_findings(json: &Value, _: Request<'_>) -> Result<Vec<Series>, Fault> {
    let root = Node::root(json);
    let version = root.get("schema_version")?;
    if version.number()? > f64::from(crate::record::SCHEMA_VERSION) {
        return Err(version.fault("is newer than this knee; update knee to read it"));
    }
    let mut gather = Gather::default();
    if let Some(curves) = root.find("curves") {
        add(&curves, "", &mut gather)?;
    } else {
        for workload in root.get("workloads")?.items()? {
            let prefix = format!("{}, ", workload.get("label")?.text()?);
            add(&workload.get("curves")?, &prefix, &mut gather)?;
        }
    }
    Ok(gather.finish(&[
        "the file holds medians only; give the record for intervals and a settled optimum"
            .to_owned(),
    ]))
}

fn add(curves: &Node<'_>, prefix: &str, gather: &mut Gather) -> Result<(), Fault> {
    for curve in curves.items()? {
        let name = format!("{prefix}{}", curve.get("name")?.text()?);
        for point in curve.get("points")?.items()? {
            let workers = point.get("workers")?.positive()?;
            let throughput = point.get("throughput")?.get("median")?.positive()?;
            gather.add(&name, "units", Observation { workers, throughput, repetition: None });
        }
    }
    Ok(())
}
