//! Refuses values that no run can have measured. A record with a right checksum may still come from
//! anywhere.

use super::{Header, Line, Survey};
use crate::machine::BurnReport;
use crate::mode::Arrived;
use crate::plan::MOST_WORKERS;
use crate::run::Sample;

/// No machine does more of anything in a second, and no run has more of anything.
const MOST: f64 = 1e30;
/// No run takes longer, in seconds: a century.
const LONGEST: f64 = 3.2e9;
/// The most workloads in a record, because findings are made for each.
const MOST_ENTRIES: usize = 512;
/// The largest count of tasks or units: a double holds it exactly.
const MOST_COUNTED: u64 = 1 << 53;

/// Why a line cannot be true; `None` if it can.
pub(super) fn objection(line: &Line) -> Option<String> {
    match line {
        Line::Header(header) => of_header(header),
        Line::Survey(survey) => of_survey(survey),
        Line::Sample(sample) => of_sample(sample),
        Line::Burn(report) => of_burn(report),
        Line::End(end) => seconds("wall", end.wall),
        Line::Failure(_) | Line::Warning(_) => None,
    }
}

fn of_header(header: &Header) -> Option<String> {
    let plan = &header.plan;
    let entries = plan.entries.len();
    if entries > MOST_ENTRIES {
        return Some(format!("{entries} workloads; a run has at most {MOST_ENTRIES}"));
    }
    let units = plan.entries.iter().filter_map(|entry| entry.equivalent.as_ref());
    let mut figures = units.map(|(_, per_second)| figure("equivalent", *per_second));
    seconds("budget", plan.budget).or_else(|| figures.find_map(|found| found)).or_else(|| {
        let textbook = plan.entries.iter().filter_map(|entry| entry.textbook_optimum);
        textbook.map(|count| figure("textbook_optimum", count)).find_map(|found| found)
    })
}

fn of_survey(survey: &Survey) -> Option<String> {
    let ceiling = survey.ceiling.as_ref().map(|ceiling| ceiling.units_per_second);
    seconds("task", survey.task)
        .or_else(|| seconds("prepare", survey.prepare))
        .or_else(|| figure("ceiling", ceiling.unwrap_or(0.0)))
}

fn of_sample(sample: &Sample) -> Option<String> {
    let workers = sample.cell.workers;
    if !(1..=MOST_WORKERS).contains(&workers) {
        return Some(format!("{workers} workers; a run has 1 to {MOST_WORKERS}"));
    }
    let in_all = workers.saturating_mul(sample.nodes.len().max(1));
    if sample.rates.len() > in_all {
        return Some(format!("{} rates of {in_all} workers", sample.rates.len()));
    }
    let times = [
        ("at", sample.at),
        ("makespan", sample.makespan.unwrap_or(0.0)),
        ("launch", sample.launch.unwrap_or(0.0)),
        ("warm_up", sample.warm_up),
        ("printed_p99", sample.printed_p99.unwrap_or(0.0)),
        ("usage.span", sample.usage.span),
        ("arrived.service", sample.arrived.map_or(0.0, |arrived| arrived.service)),
    ];
    // These are sums over many workers.
    let usage = &sample.usage;
    let figures = [
        ("usage.user", usage.user),
        ("arrived.rate", sample.arrived.map_or(0.0, |arrived| arrived.asked.rate)),
        ("usage.system", usage.system),
        ("usage.run_queue", usage.run_queue.unwrap_or(0.0)),
    ];
    let tasks = sample.latency.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let arrived = sample.arrived.as_ref();
    let of = |count: &dyn Fn(&Arrived) -> u64| arrived.map_or(0, count);
    let counts = [
        ("arrived.due", of(&|arrived| arrived.due)),
        ("arrived.waiting_before", of(&|arrived| arrived.waiting_before)),
        ("arrived.waiting", of(&|arrived| arrived.waiting)),
        ("tasks", sample.tasks),
        ("units", sample.units),
        ("latency", tasks),
        ("usage.voluntary", usage.voluntary.unwrap_or(0)),
        ("usage.involuntary", usage.involuntary.unwrap_or(0)),
        ("usage.minor_faults", usage.minor_faults.unwrap_or(0)),
        ("usage.major_faults", usage.major_faults.unwrap_or(0)),
        ("usage.peak_memory", usage.peak_memory.unwrap_or(0)),
    ];
    let of_nodes = sample.nodes.iter().flat_map(|node| {
        [
            figure("nodes.throughput", node.throughput),
            seconds("nodes.late", node.late),
            seconds("nodes.clock_error", node.clock_error),
            counted("nodes.tasks", node.tasks),
        ]
    });
    let rates = sample.rates.iter().map(|rate| figure("rates", *rate));
    times
        .into_iter()
        .map(|(name, value)| seconds(name, value))
        .chain(figures.into_iter().map(|(name, value)| figure(name, value)))
        .chain(rates)
        .chain(of_nodes)
        .chain(std::iter::once(rate(sample.throughput)))
        .chain(counts.into_iter().map(|(name, value)| counted(name, value)))
        .find_map(|found| found)
}

fn of_burn(report: &BurnReport) -> Option<String> {
    let cores = report.cores.iter().flat_map(|core| {
        [
            figure("rate", core.rate),
            figure("share_of_best", core.share_of_best),
            figure("got", core.got.unwrap_or(0.0)),
        ]
    });
    cores.into_iter().find_map(|found| found)
}

/// The smallest rate above 0 is one unit in the longest run. Ratios of rates within these bounds
/// are always finite.
fn rate(value: f64) -> Option<String> {
    let least = 1.0 / LONGEST;
    let outside = value > 0.0 && value < least;
    let text = || format!("throughput is {value:e}; what is not 0 is at least {least:.1e}");
    outside.then(text).or_else(|| figure("throughput", value))
}

fn seconds(name: &str, value: f64) -> Option<String> {
    within(name, value, LONGEST)
}

fn figure(name: &str, value: f64) -> Option<String> {
    within(name, value, MOST)
}

fn within(name: &str, value: f64, most: f64) -> Option<String> {
    (!(0.0..=most).contains(&value))
        .then(|| format!("{name} is {value:e}; it lies between 0 and {most:e}"))
}

fn counted(name: &str, value: u64) -> Option<String> {
    (value > MOST_COUNTED).then(|| format!("{name} is {value}; it is at most {MOST_COUNTED}"))
}
