//! Rows as CSV, for spreadsheets and other programs.

use std::io::Write;

use crate::analysis::findings::{Findings, Point};
use crate::plot::label::visible;

/// Writes rows of any kind as CSV with a header. Texts are quoted if necessary; numbers are in SI
/// base units.
///
/// # Errors
/// Whatever writing to `out` returns, or that a row is not flat.
pub fn write<W: Write, T: serde::Serialize>(
    out: W,
    rows: impl IntoIterator<Item = T>,
) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(out);
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer.flush()?)
}

/// A name from outside as a cell: it cannot control a terminal, and no spreadsheet takes it for a
/// formula.
pub(super) fn name<T: AsRef<str>, S: serde::Serializer>(
    text: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let shown = visible(text.as_ref());
    let formula = shown.starts_with(['=', '+', '-', '@']);
    serializer.collect_str(&format_args!("{}{shown}", if formula { "'" } else { "" }))
}

/// One cell of the findings as a row.
#[derive(Debug, Clone, serde::Serialize)]
struct Row<'a> {
    #[serde(serialize_with = "name")]
    workload: &'a str,
    #[serde(serialize_with = "name")]
    mode: &'a str,
    workers: f64,
    #[serde(serialize_with = "name")]
    unit: &'a str,
    throughput: f64,
    low: f64,
    high: f64,
    rounds: usize,
    speedup: Option<f64>,
    efficiency: Option<f64>,
    latency_p50: Option<f64>,
    latency_p90: Option<f64>,
    latency_p95: Option<f64>,
    latency_p99: Option<f64>,
    latency_p999: Option<f64>,
    latency_max: Option<f64>,
    cpu: Option<f64>,
    peak_memory: Option<f64>,
    cost_per_unit: Option<f64>,
    held_rate: Option<f64>,
    backlog: Option<f64>,
    p99_at_most: Option<f64>,
    holds: Option<bool>,
    disturbed: usize,
}

/// Every cell of the findings as CSV.
///
/// # Errors
/// Whatever writing to `out` returns.
pub fn cells<W: Write>(out: W, findings: &Findings) -> Result<(), csv::Error> {
    let rows = findings.workloads.iter().flat_map(|workload| {
        let serial = workload.serial.iter().map(|point| ("serial", point));
        let modes = workload
            .curves
            .iter()
            .flat_map(|curve| curve.points.iter().map(|point| (curve.name.as_str(), point)));
        serial
            .chain(modes)
            .map(|(mode, point)| row(&workload.label, mode, &workload.unit_one, point))
    });
    write(out, rows)
}

fn row<'a>(workload: &'a str, mode: &'a str, unit: &'a str, point: &Point) -> Row<'a> {
    let latency = point.latency;
    Row {
        workload,
        mode,
        workers: point.workers,
        unit,
        throughput: point.throughput.median,
        low: point.throughput.low,
        high: point.throughput.high,
        rounds: point.samples,
        speedup: point.speedup.map(|estimate| estimate.median),
        efficiency: point.efficiency.map(|estimate| estimate.median),
        latency_p50: latency.map(|latency| latency.p50),
        latency_p90: latency.map(|latency| latency.p90),
        latency_p95: latency.and_then(|latency| latency.p95),
        latency_p99: point.p99(),
        latency_p999: latency.map(|latency| latency.p999),
        latency_max: latency.map(|latency| latency.max),
        cpu: point.cpu,
        peak_memory: point.peak_memory,
        cost_per_unit: point.cost.as_ref().map(|cost| cost.per_unit),
        held_rate: point.at_rate.map(|seen| seen.held),
        backlog: point.at_rate.map(|seen| seen.backlog),
        p99_at_most: point.at_rate.and_then(|seen| seen.p99_at_most),
        holds: point.at_rate.map(|seen| seen.holds),
        disturbed: point.disturbed,
    }
}

#[test]
fn names_are_text_to_terminals_and_spreadsheets() {
    #[derive(serde::Serialize)]
    struct Named(#[serde(serialize_with = "name")] &'static str, u8);
    for (given, written) in [
        ("pi:digits=1", "pi:digits=1,7\n"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0,7\n"),
        ("-2+3", "'-2+3,7\n"),
        ("@SUM(1)", "'@SUM(1),7\n"),
        ("a\u{1b}[2J\u{202e}", "a\\u{1b}[2J\\u{202e},7\n"),
    ] {
        let mut text = Vec::new();
        write(&mut text, [Named(given, 7)]).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), written);
    }
}
