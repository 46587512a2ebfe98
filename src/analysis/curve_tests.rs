//! Whole curves with planted truth: coverage, the best count, the laws, and the words.

use super::bound::{Evidence, Witness};
use super::curve::{Input, analyse};
use super::findings::{Curve, Estimate, Law};
use super::observation::Observation;
use crate::rng::Rng;

/// The true throughput of a count.
type Truth<'t> = &'t dyn Fn(f64) -> f64;
/// Workers, throughput, CPU seconds per second, seconds per second spent waiting for a CPU.
type Rows = [(f64, f64, f64, f64); 4];

/// A sweep in blocks over `counts` of a machine with the given true curve and noise.
struct Sweep<'t> {
    counts: &'t [f64],
    truth: Truth<'t>,
    rounds: u32,
    /// Standard deviation of the logarithm of one measurement.
    noise: f64,
    /// How often a measurement is slowed by a third.
    outliers: f64,
    /// Logarithm of the factor that the machine loses from beginning to end.
    drift: f64,
}

impl Sweep<'_> {
    fn measure(&self, rng: &mut Rng) -> Vec<Observation> {
        let mut out = Vec::new();
        for block in 0..self.rounds {
            let mut order = self.counts.to_vec();
            rng.shuffle(&mut order);
            for workers in order {
                let slow = if rng.unit() < self.outliers { -0.4 } else { 0.0 };
                let part = f64::from(block) / f64::from((self.rounds - 1).max(1)) - 0.5;
                let log = self.noise * rng.normal() + slow - self.drift * part;
                let throughput = (self.truth)(workers) * log.exp();
                out.push(Observation { workers, throughput, block: Some(block), confirms: true });
            }
        }
        out
    }

    fn curve(&self, seed: u64) -> Curve {
        let mut rng = Rng::new(seed);
        analyse(&Input::plain("test", self.measure(&mut rng), seed))
    }
}

fn usl(sigma: f64, kappa: f64, n: f64) -> f64 {
    100.0 * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
}

const COUNTS: [f64; 8] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0];

/// The printed intervals of a sweep.
fn intervals(observations: &[Observation]) -> Vec<(f64, Estimate)> {
    let groups = super::observation::group(observations);
    let within = super::observation::spread(&groups);
    let table = super::optimum::table(observations, &groups, false);
    let estimates = super::curve::throughputs(&groups, within, &table);
    groups.iter().map(|group| group.workers).zip(estimates).collect()
}

/// The 95 % interval of each count holds its true median throughput, on blocks that drift and stumble, with few and many rounds.
#[test]
fn intervals_of_the_points_cover() {
    const RUNS: u64 = 250;
    let truth = |n: f64| usl(0.05, 0.002, n);
    for (rounds, outliers, drift) in [
        (2, 0.0, 0.0),
        (2, 0.08, 0.1),
        (3, 0.0, 0.0),
        (3, 0.08, 0.1),
        (4, 0.0, 0.1),
        (4, 0.08, 0.0),
        (5, 0.0, 0.0),
        (5, 0.08, 0.1),
        (10, 0.0, 0.1),
        (10, 0.08, 0.0),
        (20, 0.0, 0.0),
        (20, 0.08, 0.1),
    ] {
        // The median over the session of a slowed log-normal: simulated once.
        let mut rng = Rng::new(99);
        let many =
            Sweep { counts: &[1.0], truth: &|_| 1.0, rounds: 20_000, noise: 0.03, outliers, drift };
        let level = many.measure(&mut rng).iter().map(|o| o.throughput).collect::<Vec<_>>();
        let level = crate::stats::median::median(&level).unwrap();
        let sweep = Sweep { counts: &COUNTS, truth: &truth, rounds, noise: 0.03, outliers, drift };
        let mut held = 0;
        for seed in 0..RUNS {
            for (workers, e) in intervals(&sweep.measure(&mut Rng::new(seed))) {
                held += u64::from((e.low..=e.high).contains(&(level * truth(workers))));
            }
        }
        let share = held as f64 / (RUNS * COUNTS.len() as u64) as f64;
        assert!(share >= 0.93, "{rounds} rounds, outliers {outliers}, drift {drift}: {share}");
    }
}

/// Counts beyond the cores are often noisier than the others: then few rounds must not borrow the calm of those.
#[test]
fn intervals_cover_where_counts_differ_in_their_noise() {
    const RUNS: u64 = 400;
    for rounds in [3, 4] {
        let mut held = [0_u64; 4];
        for seed in 0..RUNS {
            let mut rng = Rng::new(seed);
            let mut observations = Vec::new();
            for block in 0..rounds {
                for (noise, workers) in [0.01, 0.01, 0.08, 0.08].iter().zip(1..) {
                    let throughput = (noise * rng.normal()).exp();
                    let plain = Observation::plain(f64::from(workers), throughput);
                    observations.push(Observation { block: Some(block), ..plain });
                }
            }
            for (at, (_, e)) in intervals(&observations).iter().enumerate() {
                held[at] += u64::from((e.low..=e.high).contains(&1.0));
            }
        }
        let share = |n: u64| n as f64 / RUNS as f64;
        assert!(share(held.iter().sum()) / 4.0 >= 0.92, "{rounds} rounds: {held:?} of {RUNS}");
        assert!(held.iter().all(|&n| share(n) >= 0.86), "{rounds} rounds: {held:?} of {RUNS}");
    }
}

/// The set holds the truly best count, the bound is true, and a flat curve names no winner.
#[test]
fn the_set_and_the_bound_hold() {
    const RUNS: u64 = 150;
    let curves: [(&str, Truth<'_>); 3] =
        [("usl", &|n| usl(0.05, 0.004, n)), ("corner", &|n| n.min(5.0)), ("flat", &|_| 1.0)];
    for (name, truth) in curves {
        let sweep =
            Sweep { counts: &COUNTS, truth, rounds: 8, noise: 0.03, outliers: 0.05, drift: 0.1 };
        let best = COUNTS.iter().map(|&n| truth(n)).fold(0.0, f64::max);
        let (mut covered, mut bound_true, mut alone) = (0, 0, 0);
        for seed in 0..RUNS {
            let optimum = sweep.curve(seed).optimum.unwrap();
            let is_best = |n: &f64| truth(*n) >= best * (1.0 - 1e-9);
            covered += u64::from(optimum.set.iter().any(is_best));
            bound_true += u64::from(best / truth(optimum.workers) - 1.0 <= optimum.bound.unwrap());
            alone += u64::from(optimum.set.len() == 1);
        }
        let share = |n: u64| n as f64 / RUNS as f64;
        assert!(share(covered) >= 0.93, "{name}: the set holds the best in {}", share(covered));
        assert!(share(bound_true) >= 0.93, "{name}: the bound is true in {}", share(bound_true));
        if name == "flat" {
            assert!(share(alone) <= 0.05, "a winner on a flat curve in {}", share(alone));
        }
    }
}

fn chosen(curve: &Curve) -> Option<&Law> {
    curve.laws.iter().find(|law| law.chosen)
}

/// Each kind of curve is recognised for what it is in nearly all of thirty runs.
#[test]
fn laws_are_recognised() {
    let counts: Vec<f64> = [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64].map(f64::from).to_vec();
    let cases: [(&[&str], Truth<'_>); 6] = [
        (&["linear"], &|n| 3.0 * n),
        (&["amdahl", "usl"], &|n| usl(0.05, 0.0, n)),
        (&["usl"], &|n| usl(0.02, 0.001, n)),
        (&["saturation"], &|n| n.min(9.0)),
        (&["flat"], &|_| 7.0),
        (&["saturation-decline"], &|n| n.min(9.0) * (n / 9.0).max(1.0).powf(-0.3)),
    ];
    for (names, truth) in cases {
        let sweep =
            Sweep { counts: &counts, truth, rounds: 8, noise: 0.02, outliers: 0.02, drift: 0.0 };
        let mut right = 0;
        let mut seen = Vec::new();
        for seed in 0..30 {
            let curve = sweep.curve(seed);
            let law = chosen(&curve).map_or("none", |law| law.name.as_str()).to_owned();
            right += u32::from(names.contains(&law.as_str()));
            seen.push(law);
        }
        assert!(right >= 26, "{names:?}: {right} of 30: {seen:?}");
    }
}

/// A curve that no law describes is said to be of no law, and the wrong ones are rejected.
#[test]
fn wrong_laws_are_rejected() {
    let counts: Vec<f64> = [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64].map(f64::from).to_vec();
    let corner = |n: f64| n.min(9.0);
    let cliff = |n: f64| if n <= 11.0 { n } else { 7.0 + 0.4 * (n - 11.0).min(30.0) };
    for (truth, no_law) in [(&corner as Truth<'_>, false), (&cliff, true)] {
        let sweep =
            Sweep { counts: &counts, truth, rounds: 8, noise: 0.02, outliers: 0.02, drift: 0.0 };
        for seed in 0..10 {
            let curve = sweep.curve(seed);
            let usl = curve.usl.clone().unwrap();
            assert!(!usl.adequate, "seed {seed}: {usl:?}");
            assert_eq!(chosen(&curve).is_none(), no_law, "seed {seed}: {:?}", chosen(&curve));
            assert!(curve.warnings.iter().any(|w| w.contains("law") || w.contains("Law")));
        }
    }
    // And the true form is not.
    let truth = |n: f64| usl(0.03, 0.0005, n);
    let sweep = Sweep {
        counts: &counts,
        truth: &truth,
        rounds: 8,
        noise: 0.02,
        outliers: 0.02,
        drift: 0.1,
    };
    let kept = (0..40).filter(|&seed| sweep.curve(seed).usl.unwrap().adequate).count();
    assert!(kept >= 37, "{kept} of 40");
}

/// The coefficients of the laws have intervals that hold the planted ones.
#[test]
fn coefficients_of_laws_cover() {
    const RUNS: u64 = 120;
    let counts: Vec<f64> = [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64].map(f64::from).to_vec();
    let truth = |n: f64| usl(0.03, 0.0, n);
    let sweep = Sweep {
        counts: &counts,
        truth: &truth,
        rounds: 6,
        noise: 0.03,
        outliers: 0.03,
        drift: 0.0,
    };
    let (mut sigma, mut lambda) = (0, 0);
    for seed in 0..RUNS {
        let curve = sweep.curve(seed);
        let law = curve.laws.iter().find(|law| law.name == "amdahl").unwrap();
        let holds = |name: &str, value: f64| {
            let e = law.coefficients[name];
            u64::from((e.low..=e.high).contains(&value))
        };
        sigma += holds("sigma", 0.03);
        // Outliers pull the level of every count down by about a hundredth.
        lambda += holds("lambda", 99.5);
    }
    assert!(sigma * 100 >= RUNS * 89 && lambda * 100 >= RUNS * 85, "{sigma} {lambda} of {RUNS}");
}

fn plain(rows: &[(f64, f64)]) -> Curve {
    let observations = rows.iter().map(|&(n, x)| Observation::plain(n, x)).collect();
    analyse(&Input::plain("given", observations, 1))
}

#[test]
fn single_measurements_give_points_without_intervals_and_say_so() {
    let curve = plain(&[
        (1.0, 65.0),
        (18.0, 996.0),
        (36.0, 1652.0),
        (72.0, 1853.0),
        (108.0, 1829.0),
        (144.0, 1775.0),
    ]);
    let optimum = curve.optimum.unwrap();
    assert!((optimum.workers - 72.0).abs() < 1e-9 && !optimum.conclusive);
    assert!(optimum.set.contains(&108.0) && optimum.probability < 1.0);
    assert!(optimum.remedy.unwrap().contains("at least 5 times"));
    assert!(
        curve
            .points
            .iter()
            .all(|p| p.samples == 1 && (p.throughput.low - p.throughput.high).abs() < 1e-9)
    );
    assert!(curve.warnings[0].contains("one measurement per count"), "{:?}", curve.warnings);
}

#[test]
fn poor_data_are_no_trouble() {
    let empty = plain(&[]);
    assert!(empty.optimum.is_none() && empty.usl.is_none() && empty.points.is_empty());
    let one = plain(&[(4.0, 10.0)]);
    assert!(!one.optimum.as_ref().unwrap().conclusive);
    assert!((one.knee.unwrap().workers - 4.0).abs() < 1e-12);
    let equal = plain(&[(1.0, 5.0), (1.0, 5.0), (2.0, 9.0), (2.0, 9.0), (4.0, 9.0), (4.0, 9.0)]);
    assert!(equal.optimum.as_ref().unwrap().conclusive, "{:?}", equal.optimum);
    assert!((equal.knee.unwrap().workers - 2.0).abs() < 1e-12);
    let unsound = plain(&[(1.0, f64::NAN), (0.0, 3.0), (2.0, -1.0), (2.0, 4.0)]);
    assert_eq!(unsound.points.len(), 1);
    let flat = plain(&[(1.0, 5.0), (2.0, 5.0), (4.0, 5.0), (8.0, 5.0), (16.0, 5.0)]);
    assert!((flat.knee.unwrap().workers - 1.0).abs() < 1e-12);
}

#[test]
fn superlinear_data_are_named() {
    let curve = plain(&[(1.0, 10.0), (2.0, 25.0), (4.0, 70.0), (8.0, 160.0), (16.0, 330.0)]);
    assert!(curve.warnings.iter().any(|w| w.starts_with("superlinear")), "{:?}", curve.warnings);
    assert!(!curve.usl.unwrap().adequate);
}

#[test]
fn one_input_gives_one_curve_whatever_the_order_of_its_rows() {
    let truth = |n: f64| usl(0.03, 0.0005, n);
    let sweep =
        Sweep { counts: &COUNTS, truth: &truth, rounds: 5, noise: 0.03, outliers: 0.0, drift: 0.0 };
    let (a, b) = (sweep.curve(4), sweep.curve(4));
    assert_eq!(serde_json::to_string(&a).unwrap(), serde_json::to_string(&b).unwrap());
    assert!(!serde_json::to_string(&a).unwrap().contains("null,null"));
}

/// The bound of a curve with what was seen of its workers.
fn bound_of(claimed: &str, rows: &[(f64, f64, f64, f64)]) -> (String, Vec<String>) {
    let mut observations = Vec::new();
    let mut cells = Vec::new();
    for (i, &(workers, throughput, cpu, queued)) in rows.iter().enumerate() {
        for noise in [0.995, 1.0, 1.005, 1.002, 0.998] {
            observations.push(Observation::plain(workers, throughput * noise));
        }
        cells.push(Witness {
            workers,
            cpu: Some(cpu),
            cpu_per_unit: Some(cpu / throughput),
            queued: Some(queued),
            ..Witness::default()
        });
        assert!(i == 0 || rows[i - 1].0 < workers);
    }
    let evidence = Evidence {
        claimed: Some(claimed.to_owned()),
        usable_cpus: Some(2.0),
        cells,
        ..Evidence::default()
    };
    let input = Input { evidence, ..Input::plain("threads", observations, 1) };
    let bound = analyse(&input).bound.unwrap();
    (bound.label, bound.evidence)
}

/// Measured on two cores: what eight small programs did with 1, 2, 8 and 16 workers.
#[test]
fn probes_of_known_kind_are_told_apart() {
    let cases: [(&str, &str, Rows); 7] = [
        (
            "cpu",
            "cpu",
            [
                (1., 26_100., 1., 0.),
                (2., 51_200., 2., 0.),
                (8., 51_400., 2., 6.),
                (16., 52_700., 2., 14.),
            ],
        ),
        (
            "memory",
            "memory",
            [(1., 395., 1., 0.), (2., 577., 2., 0.), (8., 647., 2., 6.), (16., 747., 2., 14.)],
        ),
        (
            "io",
            "io",
            [
                (1., 853., 0.07, 0.),
                (2., 1651., 0.13, 0.),
                (8., 6913., 0.4, 0.24),
                (16., 13_778., 0.8, 0.5),
            ],
        ),
        (
            "io",
            "io",
            [
                (1., 6259., 0.38, 0.),
                (2., 9249., 0.66, 0.2),
                (8., 17_934., 1.04, 3.),
                (16., 24_074., 1.4, 6.),
            ],
        ),
        (
            "sync",
            "sync",
            [
                (1., 9413., 0.99, 0.),
                (2., 8193., 1.1, 0.1),
                (8., 8856., 1.12, 0.9),
                (16., 8826., 1.1, 1.8),
            ],
        ),
        (
            "sync",
            "sync",
            [
                (1., 4.2e6, 1., 0.),
                (2., 0.99e6, 2., 0.),
                (8., 1.2e6, 2., 6.),
                (16., 0.89e6, 2., 14.),
            ],
        ),
        (
            "sync",
            "sync",
            [
                (1., 517_000., 1., 0.),
                (2., 927_000., 2., 0.),
                (8., 335_000., 2., 6.),
                (16., 169_000., 2., 14.),
            ],
        ),
    ];
    for (label, claimed, rows) in cases {
        let (got, evidence) = bound_of(claimed, &rows);
        assert_eq!(got, label, "{rows:?}: {evidence:?}");
        assert!(!evidence.is_empty());
    }
    let (_, evidence) = bound_of("cpu", &cases[0].2);
    assert_eq!(evidence[0], "100 % of each core busy");
    assert!(evidence[1].contains("flat beyond 2 = the usable cores"), "{evidence:?}");
}

#[test]
fn a_claim_decides_only_between_what_the_witnesses_allow() {
    // A unit costs 1.2 x the CPU time in company, and all cores are busy: for pure computing that is a shared pipeline, not memory.
    let dearer = [(1., 100., 1., 0.), (2., 167., 2., 0.), (3., 166., 2., 1.), (4., 165., 2., 2.)];
    let (label, evidence) = bound_of("cpu", &dearer);
    assert_eq!(label, "cpu");
    assert!(evidence[1].contains("1.20 x the CPU time with 2 workers as with one"), "{evidence:?}");
    assert_eq!(bound_of("memory", &dearer).0, "memory");
    let even = [(1., 100., 1., 0.), (2., 199., 2., 0.), (3., 200., 2., 1.), (4., 198., 2., 2.)];
    let (label, evidence) = bound_of("memory", &even);
    assert_eq!(label, "cpu", "two cores do not fill this memory");
    assert!(evidence[1].contains("the memory keeps up with all cores"), "{evidence:?}");
    assert_eq!(bound_of("ipc", &even).0, "ipc", "it does nothing but pass messages on");
}

#[test]
fn short_tasks_are_bound_by_the_harness_and_a_quota_is_seen() {
    let rows: Vec<Observation> = [1.0, 2.0, 4.0]
        .iter()
        .flat_map(|&n| [0.99, 1.0, 1.01].map(|noise| Observation::plain(n, 1e5 * noise)))
        .collect();
    let evidence = Evidence { dispatch: Some(8e-6), task: Some(2e-6), ..Evidence::default() };
    let input = Input { evidence, ..Input::plain("process-pool", rows.clone(), 1) };
    assert_eq!(analyse(&input).bound.unwrap().label, "harness");
    let cells = [1.0, 2.0, 4.0]
        .map(|workers| Witness {
            workers,
            cpu: Some(1.0),
            throttled: Some(0.1),
            ..Witness::default()
        })
        .to_vec();
    let evidence =
        Evidence { quota: Some(1.0), usable_cpus: Some(1.0), cells, ..Evidence::default() };
    let input = Input { evidence, ..Input::plain("threads", rows, 1) };
    assert_eq!(analyse(&input).bound.unwrap().label, "quota");
}
