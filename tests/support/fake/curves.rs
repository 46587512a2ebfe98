//! Made-up curves, as the analysis would return them.

use std::collections::BTreeMap;

use knee::analysis::findings::{
    Bound, Curve, Estimate, Knee, Latency, Law, LengthResult, Optimum, Other, Point, Price,
    TaskLength, Usl, UslIntervals, Verdict, WorkloadFindings,
};

/// One planted curve.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// Its mode.
    pub mode: &'a str,
    /// The counts that were measured.
    pub counts: &'a [f64],
    /// The coefficients of the USL (throughput of one worker, contention, coherency), and the count
    /// beyond which the curve is flat.
    pub law: [f64; 4],
    /// Relative half-width of the intervals.
    pub noise: f64,
    /// The bound of the curve.
    pub bound: &'a str,
}

/// A small deviation, which is the same for the same point every time.
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

/// A cell in which every field has a value.
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
        launches: 3,
        speedup,
        efficiency: speedup.map(per_worker),
        makespan: None,
        printed_p99: None,
        at_rate: None,
        latency: Some(Latency {
            mean: task * 1.02,
            p50: task,
            p90: task * 1.1,
            p99: task * (1.3 + noise * 5.0),
            p95: Some(task * 1.6),
            p999: task * 2.4,
            max: task * 4.0,
        }),
        cpu: Some(workers.min(2.0) * 0.98),
        cpu_per_unit: Some(1.0 / rate),
        cost: None,
        voluntary_switches: Some(0.1),
        involuntary_switches: Some(3.0 * workers),
        peak_memory: Some(12e6 * workers),
        gpu_busy: None,
        gpu_memory: None,
        unfairness: Some(0.01),
        outliers: vec![],
        disturbed: 0,
    }
}

/// A curve as the analysis would return it.
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
    let knee = Knee {
        workers: set[0],
        loss: Some(0.008),
        regret: Some(0.02),
        as_good: set.clone(),
        more: None,
    };
    let optimum = Optimum {
        workers: best.workers,
        set,
        probability: 0.83,
        conclusive: true,
        rising: false,
        regret: Some(0.012),
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
        fit_remarks: vec![],
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
    Some(Price { launch, dispatch, break_even, measuring: None })
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
        in_pairs: false,
        alternatives: Vec::new(),
        at_rate: None,
        equivalent: None,
        ceiling: None,
        textbook_optimum: None,
        lengths: vec![],
        notes: vec![],
        failures: vec![],
    }
}

/// The findings for shorter tasks, of these lengths in seconds, at each mode's cost.
pub(crate) fn lengths(workload: &WorkloadFindings, tasks: &[f64]) -> Vec<TaskLength> {
    let result = |task: f64, curve: &Curve| {
        let best = at_knee(curve);
        let dispatch = curve.price?.dispatch?;
        let speedup = best.speedup?.median * task / (task + dispatch);
        let (mode, workers) = (curve.name.clone(), best.workers);
        Some(LengthResult { mode, workers, speedup: estimate(speedup, 0.03) })
    };
    let length = |&task: &f64| TaskLength {
        label: format!("{}:length={task}", workload.label),
        task,
        modes: workload.curves.iter().filter_map(|curve| result(task, curve)).collect(),
    };
    tasks.iter().map(length).collect()
}

fn at_knee(curve: &Curve) -> &Point {
    let knee = curve.knee.as_ref().expect("every planted curve has a knee").workers;
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
    Verdict {
        mode,
        workers,
        speedup: best.speedup,
        others,
        conclusive: true,
        regret: Some(0.031),
        times_the_rounds: None,
        asides: vec![],
        sentence,
    }
}
