//! `samples.csv`: every round as a row, for spreadsheets and for other analyses.

use serde::Serialize;

use super::csv;
use crate::record::Record;
use crate::run::Latencies;

/// One round, in SI base units.
#[derive(Debug, Serialize)]
struct Row<'a> {
    round: u32,
    block: u32,
    at: f64,
    #[serde(serialize_with = "csv::name")]
    workload: &'a str,
    mode: &'static str,
    workers: usize,
    #[serde(serialize_with = "csv::name")]
    unit: &'a str,
    throughput: f64,
    tasks: u64,
    units: u64,
    latency_mean: Option<f64>,
    latency_p50: Option<f64>,
    latency_p99: Option<f64>,
    cpu_user: f64,
    cpu_system: f64,
    run_queue: Option<f64>,
    voluntary_switches: Option<u64>,
    involuntary_switches: Option<u64>,
    peak_memory: Option<u64>,
    crew: Option<u32>,
    members: Option<usize>,
    launch: Option<f64>,
    warm_up: f64,
    makespan: Option<f64>,
    foreign_cpu: Option<f64>,
    steal: Option<f64>,
    disturbed: bool,
    repeats: Option<u32>,
    asked_rate: Option<f64>,
    due: Option<u64>,
    backlog_before: Option<u64>,
    backlog: Option<u64>,
    never_begun: Option<u64>,
    service_mean: Option<f64>,
    outside_cpu: Option<f64>,
}

/// All rounds of a record, in order of time, with a header.
///
/// # Errors
/// None for a record as it is read; the writer's own where a row is not flat.
pub fn samples(record: &Record) -> Result<Vec<u8>, ::csv::Error> {
    let mut text = Vec::new();
    let rows = record.samples.iter().map(|sample| {
        let entry = &record.header.plan.entries[sample.cell.entry];
        let latency = Latencies::of([sample]);
        let arrived = sample.arrived;
        let quantile = |share| latency.as_ref().map(|all| all.quantile(share));
        Row {
            round: sample.round,
            block: sample.block,
            at: sample.at,
            workload: &entry.label,
            mode: sample.cell.mode.name(),
            workers: sample.cell.workers,
            unit: &entry.unit_one,
            throughput: sample.throughput,
            tasks: sample.tasks,
            units: sample.units,
            latency_mean: latency.as_ref().map(Latencies::mean),
            latency_p50: quantile(0.5),
            latency_p99: quantile(0.99).or(sample.printed_p99),
            cpu_user: sample.usage.user,
            cpu_system: sample.usage.system,
            run_queue: sample.usage.run_queue,
            voluntary_switches: sample.usage.voluntary,
            involuntary_switches: sample.usage.involuntary,
            peak_memory: sample.usage.peak_memory,
            crew: sample.crew,
            members: sample.members,
            launch: sample.launch,
            warm_up: sample.warm_up,
            makespan: sample.makespan,
            foreign_cpu: sample.ledger.as_ref().and_then(|ledger| ledger.foreign),
            steal: sample.ledger.as_ref().and_then(|ledger| ledger.steal),
            disturbed: sample.is_disturbed(),
            repeats: sample.repeats,
            asked_rate: arrived.map(|arrived| arrived.asked.rate),
            due: arrived.map(|arrived| arrived.due),
            backlog_before: arrived.map(|arrived| arrived.waiting_before),
            backlog: arrived.map(|arrived| arrived.waiting),
            never_begun: arrived.map(|arrived| arrived.never_begun),
            service_mean: arrived.map(|arrived| arrived.service),
            outside_cpu: sample.outside.map(|used| used.cpu() / used.span),
        }
    });
    csv::write(&mut text, rows)?;
    Ok(text)
}
