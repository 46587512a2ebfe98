//! A made-up record whose right answer is known.

use std::path::Path;

use knee::machine::Machine;
use knee::mode::Usage;
use knee::plan::{Candidates, Cell, Entry, Limits, Mode, Plan, Series};
use knee::record::{End, Header, Line, Readers, Record, SCHEMA_VERSION, Survey, Writer};
use knee::rng::Rng;
use knee::run::Sample;
use knee::workloads::{Kind, Params};

/// Tasks per second of one worker.
const RATE: f64 = 1000.0;

/// A run of `pi` on two cores: `blocks` blocks of serial and one to four threads, `level` times as
/// fast as usual. Each round and each block deviate by about `noise`.
pub(crate) fn record(name: &str, seed: u64, blocks: u32, level: f64, noise: f64) -> Record {
    let series = |mode, counts: &[usize]| {
        let candidates = Candidates::Exactly { counts: counts.to_vec() };
        Series { mode, candidates }
    };
    let entry = Entry {
        label: "pi".into(),
        workload: "pi".into(),
        params: Params::default(),
        kind: Kind::Cpu,
        unit_one: "task".into(),
        unit_many: "tasks".into(),
        equivalent: None,
        textbook_optimum: None,
        shorter_of: None,
        also: None,
        alternative: false,
        nodes: None,
        series: vec![series(Mode::Serial, &[1]), series(Mode::Threads, &[1, 2, 3, 4])],
    };
    let plan = Plan {
        seed,
        budget: 60.0,
        batch: None,
        arrivals: None,
        pin: false,
        entries: vec![entry],
        limits: Limits::default(),
        tolerance: 0.05,
        tariff: None,
        outside: knee::plan::Outside::default(),
    };
    let mut rng = Rng::labelled(seed, name);
    let mut samples = Vec::new();
    for block in 0..blocks {
        let block_level = level * (noise * rng.normal()).exp();
        for (mode, workers) in [
            (Mode::Serial, 1),
            (Mode::Threads, 1),
            (Mode::Threads, 2),
            (Mode::Threads, 3),
            (Mode::Threads, 4),
        ] {
            let cell = Cell { entry: 0, mode, workers };
            let round = samples.len() as u32;
            samples.push(sample(cell, block, round, block_level * (noise * rng.normal()).exp()));
        }
    }
    let mut machine = Machine { cpu_model: Some("Planted CPU".into()), ..Machine::default() };
    machine.budget.online = Some(2);
    machine.topology.cores = Some(2);
    let header = Header {
        schema_version: SCHEMA_VERSION,
        name: name.into(),
        knee: "0.1.0".into(),
        optimised: true,
        command: vec!["knee".into(), "run".into(), "pi".into()],
        started: "2026-01-01T00:00:00Z".into(),
        machine,
        plan,
        nodes: Vec::new(),
    };
    let survey = Survey {
        entry: 0,
        task: 1.0 / RATE,
        prepare: 0.0,
        notes: Vec::new(),
        ceiling: None,
        function: None,
    };
    Record {
        header,
        surveys: vec![survey],
        samples,
        failures: Vec::new(),
        warnings: Vec::new(),
        burns: Vec::new(),
        end: Some(End { wall: 60.0, interrupted: false }),
    }
}

fn sample(cell: Cell, block: u32, round: u32, factor: f64) -> Sample {
    let busy = (cell.workers as f64).min(2.0);
    // The third and fourth worker lower the throughput a little.
    let throughput = factor * RATE * busy * (1.0 - 0.03 * (cell.workers as f64 - busy));
    Sample {
        cell,
        block,
        round,
        at: f64::from(round) * 0.2,
        throughput,
        tasks: (throughput / 10.0) as u64,
        units: (throughput / 10.0) as u64,
        rates: vec![throughput / cell.workers as f64; cell.workers],
        latency: vec![((1e9 * cell.workers as f64 / throughput) as u64, 10)],
        printed_p99: None,
        outside: None,
        usage: Usage { user: busy * 0.1, span: 0.1, ..Usage::default() },
        makespan: None,
        crew: Some(0),
        members: Some(1),
        launch: Some(0.001),
        handover: None,
        load: None,
        arrived: None,
        warm_up: 0.0,
        repeats: None,
        confirms: true,
        ledger: None,
        nodes: Vec::new(),
    }
}

/// All lines of a record, in the order in which a run writes them.
pub(crate) fn lines(record: &Record) -> Vec<Line> {
    let mut lines = vec![Line::Header(record.header.clone())];
    lines.extend(record.surveys.iter().cloned().map(Line::Survey));
    lines.extend(record.samples.iter().cloned().map(Line::Sample));
    lines.extend(record.end.map(Line::End));
    lines
}

/// Writes a record into a directory, as a run does.
pub(crate) fn write(record: &Record, directory: &Path) {
    try_write(record, directory).expect("there is room");
}

/// Like [`write`], for a record with impossible figures, which the writer refuses.
pub(crate) fn try_write(record: &Record, directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory).expect("a directory can be made");
    let mut writer = Writer::create(directory, Readers::All).expect("it is empty");
    for line in lines(record) {
        writer.append(&line)?;
    }
    writer.sync()
}
