//! Made-up findings of every kind that a report must be able to show.

mod curves;

use knee::analysis::findings::{
    CeilingShare, CellFailure, Equivalent, Estimate, Findings, LimitedOptimum, More, Quiet, Remark,
    RunSummary, SCHEMA_VERSION, Warning, WorkloadFindings,
};

use self::curves::{Plan, curve, lengths, workload};

const FEW: &[f64] = &[1.0, 2.0, 3.0, 4.0];
const MANY: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0, 96.0, 128.0, 256.0, 512.0];
const INF: f64 = f64::INFINITY;

/// Threads and processes that follow one law, the processes a little slower.
fn pair<'a>(counts: &'a [f64], law: [f64; 4], loss: f64, bound: &'a str) -> [Plan<'a>; 2] {
    let threads = Plan { mode: "threads", counts, law, noise: 0.012, bound };
    let law = [law[0] * (1.0 - loss), law[1], law[2], law[3]];
    [threads, Plan { mode: "process-pool", law, ..threads }]
}

/// A run of the built-in workloads on a machine of two cores.
pub(crate) fn small() -> Findings {
    let cpu = |rate: f64, loss: f64| pair(FEW, [rate, 0.02, 0.0, 2.0], loss, "cpu");
    let io = |rate: f64, flat: f64| pair(MANY, [rate, 0.0005, 0.0, flat], 0.04, "io");
    let mut workloads = vec![
        workload("pi", "cpu", "digit", &cpu(2.31e6, 0.03)),
        workload("float", "cpu", "flop", &cpu(4.4e10, 0.01)),
        workload("float:kernel=mandelbrot", "cpu", "flop", &cpu(3.1e9, 0.005)),
        workload("frames", "cpu", "frame", &cpu(131.0, 0.03)),
        workload("memory", "memory", "byte", &pair(FEW, [11.2e9, 0.55, 0.02, INF], 0.02, "memory")),
        workload("lock", "sync", "section", &pair(FEW, [8.1e6, 0.6, 0.35, INF], 0.3, "sync")),
        workload(
            "mixed:compute=100,wait=900",
            "io",
            "task",
            &pair(
                &[1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 32.0, 40.0],
                [960.0, 0.001, 0.0, 19.0],
                0.03,
                "cpu",
            ),
        ),
        workload("sleep", "io", "task", &io(92.0, 400.0)),
        workload(
            "file:op=sync",
            "io",
            "byte",
            &pair(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0], [3.1e6, 0.02, 0.0004, INF], 0.02, "io"),
        ),
        workload("network", "io", "request", &io(940.0, 64.0)),
        workload("queue", "ipc", "message", &pair(FEW, [1.4e6, 0.4, 0.1, INF], 0.2, "ipc")),
        workload("pipe", "ipc", "message", &pair(FEW, [2.1e5, 0.1, 0.0, 2.0], 0.1, "ipc")),
        workload("noop", "cpu", "call", &pair(FEW, [5.1e7, 0.1, 0.05, INF], 0.9, "harness")),
    ];
    let io_modes = Plan {
        mode: "async",
        counts: MANY,
        law: [92.0, 0.0, 0.0, 600.0],
        noise: 0.01,
        bound: "io",
    };
    workloads[7].curves.push(curve(&io_modes, Some(93.0)));
    embellish(&mut workloads);
    Findings {
        schema_version: SCHEMA_VERSION,
        run: run("AMD EPYC 7B13, 2 usable cores (1 core, 2 threads), 7.8 GiB", 2.0),
        workloads,
        axes: Vec::new(),
        quiet: Quiet {
            sentence: "quiet: others used 0.4 % of the CPUs, no steal, no throttling".to_owned(),
            trusted: true,
            foreign_cpu: Some(0.004),
            steal: Some(0.0),
            burn: Some([0.985, 1.0]),
        },
        warnings: vec![Warning {
            code: "tmpfs".to_owned(),
            text: "/tmp is a tmpfs: `file` measured memory, not a disk".to_owned(),
            remedy: "give a directory on a disk: file:dir=PATH".to_owned(),
        }],
        to_settle: Some("--budget 90s".to_owned()),
    }
}

fn run(machine: &str, usable_cpus: f64) -> RunSummary {
    RunSummary {
        name: "2026-11-23-1204-epyc".to_owned(),
        command: "knee run --seed 42".to_owned(),
        knee: "0.1.0".to_owned(),
        seed: 42,
        started: "2026-11-23T12:04:11Z".to_owned(),
        wall: 58.3,
        interrupted: false,
        machine: machine.to_owned(),
        usable_cpus,
        tolerance: 0.05,
        rounds: 540,
        disturbed: 3,
    }
}

/// Equivalents, ceilings, textbooks, limits, notes, failures, and an inconclusive one.
fn embellish(workloads: &mut [WorkloadFindings]) {
    workloads[0].lengths = lengths(&workloads[0], &[1.4e-6, 4.3e-6, 8.1e-5, 2.9e-3]);
    workloads[3].equivalent = Some(Equivalent { name: "1080p25 streams".to_owned(), count: 10.3 });
    workloads[1].ceiling = Some(CeilingShare {
        units_per_second: 9.6e10,
        share: 0.91,
        source: "2 cores x 16 flops x 3.0 GHz".to_owned(),
    });
    workloads[6].textbook_optimum = Some(20.0);
    workloads[6].curves[0].limits = Some(LimitedOptimum {
        asked: vec!["p99 <= 20ms".to_owned()],
        workers: Some(12.0),
        cost: Some(0.31),
        broken: vec!["16 workers: p99 24 ms".to_owned()],
    });
    workloads[8].notes.push(Remark {
        warning: true,
        text: "the directory lies on ext4 over virtio".to_owned(),
        remedy: String::new(),
    });
    workloads[8].failures.push(CellFailure {
        mode: "process-pool".to_owned(),
        workers: 64.0,
        reason: "2 of 64 workers died: killed by signal 9 (out of memory?)".to_owned(),
    });
    let unsure = &mut workloads[12];
    for curve in &mut unsure.curves {
        let optimum = curve.optimum.as_mut().expect("planted");
        optimum.conclusive = false;
        optimum.probability = 0.41;
        optimum.remedy = Some("--budget 90s".to_owned());
        let knee = curve.knee.as_mut().expect("planted");
        knee.more = Some(More { workers: 4.0, gain: 0.028, p99: Some(3.0) });
        curve.warnings.push("the intervals are wider than the differences".to_owned());
    }
    let verdict = unsure.verdict.as_mut().expect("planted");
    (verdict.conclusive, verdict.regret) = (false, Some(0.12));
}

/// A machine of 64 cores with a curve that peaks.
pub(crate) fn large() -> Findings {
    let counts: Vec<f64> =
        (1..=16).chain((18..=64).step_by(2)).chain([96, 128]).map(f64::from).collect();
    let plans = pair(&counts, [2.4e6, 0.01, 0.000_12, INF], 0.02, "memory");
    let flat = pair(&counts, [4.4e10, 0.001, 0.0, 64.0], 0.01, "cpu");
    Findings {
        workloads: vec![
            workload("pi", "cpu", "digit", &plans),
            workload("float", "cpu", "flop", &flat),
        ],
        run: run("2 x Intel Xeon Gold 6338, 64 usable cores, 251 GiB", 64.0),
        ..small()
    }
}

/// Curves measured elsewhere: no serial cell, no modes, no latencies.
pub(crate) fn foreign() -> Findings {
    let counts = [1.0, 18.0, 36.0, 72.0, 108.0, 144.0, 216.0];
    let plan = |mode, lambda| Plan {
        mode,
        counts: &counts,
        law: [lambda, 0.027_728_5, 1.043_65e-4, INF],
        noise: 0.03,
        bound: "unclear",
    };
    let plans = [plan("specsdm91", 89.995), plan("a second series with a rather long name", 70.0)];
    let mut found = workload("specsdm91.csv", "", "operation", &plans);
    found.serial = None;
    found.verdict = None;
    for curve in &mut found.curves {
        curve.price = None;
        for point in &mut curve.points {
            (point.latency, point.cpu, point.peak_memory) = (None, None, None);
        }
    }
    let mut findings = Findings { workloads: vec![found], ..small() };
    findings.warnings.clear();
    findings.quiet.sentence.clear();
    findings.run = RunSummary {
        name: "specsdm91".to_owned(),
        command: "knee fit specsdm91.csv".to_owned(),
        machine: String::new(),
        usable_cpus: 0.0,
        rounds: 0,
        disturbed: 0,
        ..findings.run
    };
    findings
}

/// One worker count, one mode.
pub(crate) fn single() -> Findings {
    let plan = Plan {
        mode: "threads",
        counts: &[2.0],
        law: [100.0, 0.0, 0.0, INF],
        noise: 0.02,
        bound: "unclear",
    };
    Findings { workloads: vec![workload("pi", "cpu", "digit", &[plan])], ..small() }
}

/// Every cell failed; the machine was busy; the run was interrupted.
pub(crate) fn broken() -> Findings {
    let mut findings = small();
    findings.workloads.truncate(2);
    let failed = &mut findings.workloads[0];
    failed.curves.clear();
    failed.serial = None;
    failed.verdict = None;
    failed.failures = [1.0, 2.0, 4.0]
        .map(|workers| CellFailure {
            mode: "threads".to_owned(),
            workers,
            reason: "task 17 returned checksum 9b1c, serial returned 77aa".to_owned(),
        })
        .to_vec();
    findings.workloads[1].curves[0].points[1].disturbed = 4;
    findings.workloads[1].curves[0].points[1].outliers = vec![3, 7];
    findings.run.interrupted = true;
    findings.run.disturbed = 211;
    findings.quiet.trusted = false;
    "busy: others used 38 % of the CPUs (median)".clone_into(&mut findings.quiet.sentence);
    findings
}

/// Names that are meant to do harm.
pub(crate) const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\u{1b}[31mred\u{1b}[0m\u{7}",
    "\u{202e}gnp.exe\u{2066}",
    "</style><script>x</script>",
    "]]></title></svg><script>",
    "a|b\n\n# heading\n`code` [link](javascript:alert(1))",
    "=cmd|' /C calc'!A0",
    "日本語 größe 👩\u{200d}👩\u{200d}👧",
    "&lt;script&gt; &amp;",
    "../../etc/passwd",
    "",
];

/// Every text replaced by something hostile.
pub(crate) fn hostile() -> Findings {
    let long = "x<b>".repeat(1024);
    let mut index = 0;
    let mut next = || {
        index += 1;
        if index % 17 == 0 { long.clone() } else { HOSTILE[index % HOSTILE.len()].to_owned() }
    };
    let json = serde_json::to_value(small()).expect("findings serialize");
    let poisoned = poison(json, &mut next);
    serde_json::from_value(poisoned).expect("only texts were replaced")
}

fn poison(value: serde_json::Value, next: &mut impl FnMut() -> String) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(_) => Value::String(next()),
        Value::Array(items) => items.into_iter().map(|item| poison(item, next)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, item)| (key, poison(item, next))).collect()
        }
        other => other,
    }
}

/// Figures that should not occur: NaN, infinities, zeros, negative and enormous ones.
pub(crate) fn absurd() -> Findings {
    let mut findings = small();
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e300, 1e-300, f64::MAX];
    let mut index = 0;
    for curve in findings.workloads.iter_mut().flat_map(|workload| &mut workload.curves) {
        for point in &mut curve.points {
            index += 1;
            let value = |offset: usize| values[(index + offset) % values.len()];
            point.throughput = Estimate { median: value(0), low: value(1), high: value(2) };
            point.speedup = Some(Estimate { median: value(3), low: value(0), high: value(1) });
            point.workers = if index % 5 == 0 { value(2) } else { point.workers };
        }
    }
    findings
}
