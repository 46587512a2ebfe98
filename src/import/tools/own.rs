//! knee's own files: records, rows of samples, findings and fits.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::super::gather::Gather;
use super::super::layouts::Table;
use super::super::layouts::json::Node;
use super::super::{Fault, Observation, Request, Series, positive};
use crate::plan::Mode;
use crate::record::{Record, read_from};
use crate::run::Sample;

/// The warning about rounds that do not count.
const REPLACED: &str = "disturbed rounds that were measured again are left out";

/// Reads a record: one curve per workload and mode, one measurement per round.
pub(super) fn read_record(
    _: &[(usize, Value)],
    request: Request<'_>,
) -> Result<Vec<Series>, Fault> {
    let record = read_from(request.text.as_bytes(), Path::new("")).map_err(|error| {
        Fault::whole(error.to_string().trim_start_matches([':', ' ']).to_owned())
    })?;
    let replaced = replaced(&record);
    let mut gather = Gather::default();
    for sample in &record.samples {
        let cell = sample.cell;
        // A single worker gives no curve.
        if cell.mode == Mode::Serial {
            continue;
        }
        let entry = &record.header.plan.entries[cell.entry];
        let name = format!("{}, {}", entry.label, cell.mode);
        if replaced.contains(&sample.round) {
            gather.warn(&name, REPLACED);
            continue;
        }
        let throughput = positive(sample.throughput).map_err(|what| {
            Fault::at(format!("round {}", sample.round), format!("its throughput {what}"))
        })?;
        let repetition = Some(sample.block);
        let workers = cell.workers as f64;
        gather.add(&name, &entry.unit_many, Observation { workers, throughput, repetition });
    }
    Ok(gather.finish(&[]))
}

/// The disturbed rounds that were replaced by an undisturbed one.
fn replaced(record: &Record) -> HashSet<u32> {
    let good = |sample: &&Sample| !sample.is_disturbed();
    record.samples.iter().filter(good).filter_map(|sample| sample.repeats).collect()
}

/// Reads findings or a fit: the median of each point, because they do not hold the single rounds.
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

/// Whether it is `samples.csv`, or the cells of findings as rows.
pub(super) fn is_table(table: &Table) -> bool {
    table.has(&["workload", "mode", "workers", "throughput"])
        && (table.has(&["repeats"]) || table.has(&["rounds"]))
}

/// Reads the rows.
pub(super) fn read_rows(table: &Table, _: Request<'_>) -> Result<Vec<Series>, Fault> {
    let missing = |name: &str| Fault::at("line 1", format!("has no column {name:?}"));
    let column = |name: &str| table.column(name).ok_or_else(|| missing(name));
    let (workload, mode) = (column("workload")?, column("mode")?);
    let (workers, throughput) = (column("workers")?, column("throughput")?);
    let [unit, block, round, repeats, disturbed] =
        ["unit", "block", "round", "repeats", "disturbed"].map(|name| table.column(name));
    let rows = || table.rows_from(1);
    let mut replaced: HashSet<&str> = HashSet::new();
    if let (Some(repeats), Some(disturbed)) = (repeats, disturbed) {
        let good = rows().filter(|row| row.field(disturbed) == "false");
        replaced.extend(good.map(|row| row.field(repeats)).filter(|round| !round.is_empty()));
    }
    let mut gather = Gather::default();
    for row in rows().filter(|row| row.field(mode) != Mode::Serial.name()) {
        let name = format!("{}, {}", row.field(workload), row.field(mode));
        if round.is_some_and(|round| replaced.contains(row.field(round))) {
            gather.warn(&name, REPLACED);
            continue;
        }
        let unit = unit.map_or("unit", |unit| row.field(unit));
        let observation = Observation {
            workers: table.positive(row, workers, "workers")?,
            throughput: table.positive(row, throughput, "throughput")?,
            repetition: block.and_then(|block| row.field(block).parse().ok()),
        };
        gather.add(&name, &format!("{unit}s"), observation);
    }
    Ok(gather.finish(&[]))
}
