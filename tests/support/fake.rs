//! Findings that no machine measured: every shape a report must be able to show, made from planted curves.

use std::collections::BTreeMap;

use knee::analysis::findings::{
    Bound, CeilingShare, CellFailure, Curve, Equivalent, Estimate, Findings, Knee, Latency, Law,
    LimitedOptimum, Optimum, Other, Point, Price, Quiet, Remark, RunSummary, SCHEMA_VERSION, Usl,
    UslIntervals, Verdict, Warning, WorkloadFindings,
};

/// One planted curve.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// Its mode.
    pub mode: &'a str,
    /// The counts that were measured.
    pub counts: &'a [f64],
    /// USL: throughput of one worker, contention, coherency; and the count beyond which it is flat.
    pub law: [f64; 4],
    /// Relative half-width of the intervals.
    pub noise: f64,
    /// What is said to limit it.
    pub bound: &'a str,
}

/// A generator of the same wobble for the same point, every time.
fn wobble(seed: f64) -> f64 {
    let x = (seed * 12.9898 + 78.233).sin() * 43_758.545;
    (x - x.floor()) * 2.0 - 1.0
}

fn usl([lambda, sigma, kappa, flat]: [f64; 4], workers: f64) -> f64 {
    let n = workers.min(flat);
    lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
}

fn estimate(median: f64, noise: f64) -> Estimate {
    Estimate { median, low: median * (1.0 - noise), high: median * (1.0 + noise * 1.1) }
}

/// A cell with everything that can be known about one.
pub(crate) fn point(workers: f64, rate: f64, alone: Option<f64>, noise: f64) -> Point {
    let task = workers / rate * 100.0;
    let speedup = alone.map(|alone| estimate(rate / alone, noise));
    let per_worker = |e: Estimate| Estimate {
        median: e.median / workers,
        low: e.low / workers,
        high: e.high / workers,
    };
    Point {
        workers,
        throughput: estimate(rate, noise),
        samples: 9,
        speedup,
        efficiency: speedup.map(per_worker),
        latency: Some(Latency {
            mean: task * 1.02,
            p50: task,
            p90: task * 1.1,
            p99: task * (1.3 + noise * 5.0),
            p999: task * 2.4,
            max: task * 4.0,
        }),
        cpu: Some(workers.min(2.0) * 0.98),
        cpu_per_unit: Some(1.0 / rate),
        voluntary_switches: Some(0.1),
        involuntary_switches: Some(3.0 * workers),
        peak_memory: Some(12e6 * workers),
        unfairness: Some(0.01),
        outliers: vec![],
        disturbed: 0,
    }
}

/// A curve as analysis would find it.
pub(crate) fn curve(plan: &Plan<'_>, alone: Option<f64>) -> Curve {
    let points: Vec<Point> = plan
        .counts
        .iter()
        .map(|&n| {
            let noise = plan.noise * (1.0 + 0.5 * wobble(n + plan.law[0]));
            point(n, usl(plan.law, n) * (1.0 + plan.noise * 0.4 * wobble(n * 7.1)), alone, noise)
        })
        .collect();
    let best = points
        .iter()
        .max_by(|a, b| a.throughput.median.total_cmp(&b.throughput.median))
        .expect("a curve has points");
    let set: Vec<f64> = points
        .iter()
        .filter(|point| point.throughput.high >= best.throughput.low)
        .map(|point| point.workers)
        .collect();
    let knee = Knee { workers: set[0], bound: Some(0.02) };
    let optimum = Optimum {
        workers: best.workers,
        set,
        probability: 0.83,
        conclusive: true,
        bound: Some(0.012),
        remedy: None,
    };
    let bound = Bound {
        label: plan.bound.to_owned(),
        evidence: vec![
            "98 % of each usable core busy from 2 workers on".to_owned(),
            "flat beyond 2 workers = the usable cores".to_owned(),
        ],
    };
    let laws = laws(plan, &points);
    Curve {
        name: plan.mode.to_owned(),
        usl: (points.len() > 3).then(|| universal(plan)),
        points,
        optimum: Some(optimum),
        knee: Some(knee),
        laws,
        bound: Some(bound),
        limits: None,
        price: price(plan.mode),
        warnings: vec![],
    }
}

fn price(mode: &str) -> Option<Price> {
    let (launch, dispatch, break_even) = match mode {
        "threads" => (85e-6, 120e-9, 2.1e-6),
        "process-pool" => (3.7e-3, 6.5e-6, 14e-6),
        "process-per-task" => (0.9e-3, 0.9e-3, 2.2e-3),
        "async" => (150e-6, 310e-9, 5e-6),
        _ => return None,
    };
    let [launch, dispatch, break_even] = [launch, dispatch, break_even].map(Some);
    Some(Price { launch, dispatch, break_even })
}

fn universal(plan: &Plan<'_>) -> Usl {
    let [lambda, sigma, kappa, _] = plan.law;
    let peak = (kappa > 0.0).then(|| ((1.0 - sigma) / kappa).sqrt());
    Usl {
        sigma,
        kappa,
        lambda,
        peak_workers: peak,
        peak_throughput: peak.map(|peak| usl([lambda, sigma, kappa, f64::INFINITY], peak)),
        r_squared: 0.991,
        intervals: UslIntervals {
            sigma: Some([sigma * 0.8, sigma * 1.2]),
            kappa: Some([kappa * 0.7, kappa * 1.3]),
            lambda: Some([lambda * 0.98, lambda * 1.02]),
        },
        adequate: plan.law[3].is_infinite(),
    }
}

fn laws(plan: &Plan<'_>, points: &[Point]) -> Vec<Law> {
    if points.len() < 3 {
        return vec![];
    }
    let (first, last) = (points[0].workers, points[points.len() - 1].workers);
    let band = (0..=40)
        .map(|step| {
            let n = first * (last / first).powf(f64::from(step) / 40.0);
            let rate = usl(plan.law, n);
            [n, rate, rate * (1.0 - plan.noise * 0.7), rate * (1.0 + plan.noise * 0.7)]
        })
        .collect();
    let [lambda, sigma, kappa, flat] = plan.law;
    let coefficients = [("lambda", lambda), ("sigma", sigma), ("kappa", kappa)]
        .map(|(name, value)| (name.to_owned(), estimate(value, 0.05)));
    let saturates = flat.is_finite();
    vec![
        Law {
            name: if saturates { "saturation" } else { "usl" }.to_owned(),
            formula: if saturates {
                "X(N) = lambda min(N, S)"
            } else {
                "X(N) = lambda N / (1 + sigma (N-1) + kappa N (N-1))"
            }
            .to_owned(),
            coefficients: if saturates {
                BTreeMap::from([
                    ("lambda".to_owned(), estimate(lambda, 0.03)),
                    ("saturates_at".to_owned(), estimate(flat, 0.05)),
                ])
            } else {
                BTreeMap::from(coefficients)
            },
            aicc: Some(-41.2),
            max_residual: 0.013,
            adequate: true,
            chosen: true,
            band,
        },
        Law {
            name: "amdahl".to_owned(),
            formula: "X(N) = lambda N / (1 + sigma (N-1))".to_owned(),
            coefficients: BTreeMap::from([
                ("lambda".to_owned(), estimate(lambda, 0.03)),
                ("sigma".to_owned(), estimate(sigma.max(0.02), 0.3)),
            ]),
            aicc: Some(-22.9),
            max_residual: 0.11,
            adequate: false,
            chosen: false,
            band: vec![],
        },
    ]
}

/// A workload with one curve per plan; the first plan's mode is recommended.
pub(crate) fn workload(
    label: &str,
    kind: &str,
    unit: &str,
    plans: &[Plan<'_>],
) -> WorkloadFindings {
    let alone = plans[0].law[0];
    let serial = point(1.0, alone * 1.01, Some(alone * 1.01), plans[0].noise);
    let curves: Vec<Curve> =
        plans.iter().map(|plan| curve(plan, Some(serial.throughput.median))).collect();
    let (name, params) = label.split_once(':').unwrap_or((label, ""));
    let verdict = verdict(name, &curves);
    WorkloadFindings {
        label: label.to_owned(),
        workload: name.to_owned(),
        params: params
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        kind: kind.to_owned(),
        unit_one: unit.to_owned(),
        unit_many: format!("{unit}s"),
        serial: Some(serial),
        curves,
        verdict: Some(verdict),
        equivalent: None,
        ceiling: None,
        textbook_optimum: None,
        notes: vec![],
        failures: vec![],
    }
}

fn at_knee(curve: &Curve) -> &Point {
    let knee = curve.knee.expect("every planted curve has a knee").workers;
    curve
        .points
        .iter()
        .find(|point| (point.workers - knee).abs() < 1e-9)
        .expect("the knee was measured")
}

fn verdict(name: &str, curves: &[Curve]) -> Verdict {
    let best = at_knee(&curves[0]);
    let others: Vec<Other> = curves[1..]
        .iter()
        .map(|curve| {
            let there = at_knee(curve);
            let ratio = there.throughput.median / best.throughput.median;
            Other { mode: curve.name.clone(), workers: there.workers, ratio: estimate(ratio, 0.01) }
        })
        .collect();
    let (mode, workers) = (curves[0].name.clone(), best.workers);
    let sentence = format!("{name}: {workers} workers, {mode}");
    Verdict { mode, workers, speedup: best.speedup, others, conclusive: true, sentence }
}

const FEW: &[f64] = &[1.0, 2.0, 3.0, 4.0];
const MANY: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0, 96.0, 128.0, 256.0, 512.0];
const INF: f64 = f64::INFINITY;

/// Threads and processes over one law, the processes a little slower.
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
        rounds: 540,
        disturbed: 3,
    }
}

/// Equivalents, ceilings, textbooks, limits, notes, failures, and an inconclusive one.
fn embellish(workloads: &mut [WorkloadFindings]) {
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
        optimum.remedy = Some("12 more rounds at 1, 2 and 3 workers (--budget 90s)".to_owned());
        curve.warnings.push("the intervals are wider than the differences".to_owned());
    }
    unsure.verdict.as_mut().expect("planted").conclusive = false;
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

/// What a name may be when someone means harm.
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

/// Figures that should not be there: NaN, infinities, zeros, negative and enormous ones.
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
