//! Rows for spreadsheets and other programs.

use std::io::Write;

use crate::analysis::findings::{Findings, Point};

/// Writes rows of any kind as CSV with a header. Texts are quoted where they must be; numbers are in SI base units.
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

/// One cell of the findings, as a row.
#[derive(Debug, Clone, serde::Serialize)]
struct Row<'a> {
    workload: &'a str,
    mode: &'a str,
    workers: f64,
    unit: &'a str,
    throughput: f64,
    low: f64,
    high: f64,
    rounds: usize,
    speedup: Option<f64>,
    efficiency: Option<f64>,
    latency_p50: Option<f64>,
    latency_p90: Option<f64>,
    latency_p99: Option<f64>,
    latency_p999: Option<f64>,
    latency_max: Option<f64>,
    cpu: Option<f64>,
    peak_memory: Option<f64>,
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
        latency_p99: latency.map(|latency| latency.p99),
        latency_p999: latency.map(|latency| latency.p999),
        latency_max: latency.map(|latency| latency.max),
        cpu: point.cpu,
        peak_memory: point.peak_memory,
        disturbed: point.disturbed,
    }
}
