//! Curves with known truth: coverage of intervals, the best count, the laws, and the words.

use super::curve::{Input, analyse};
use super::findings::{Curve, Estimate, Law};
use super::observation::Observation;
use crate::rng::Rng;

/// The true throughput of a count.
type Truth<'t> = &'t dyn Fn(f64) -> f64;

/// A sweep in blocks over `counts`, of a machine with this true curve and noise.
struct Sweep<'t> {
    counts: &'t [f64],
    truth: Truth<'t>,
    rounds: u32,
    /// Standard deviation of the logarithm of one measurement.
    noise: f64,
    /// The share of measurements that are slowed by a third.
    outliers: f64,
    /// The logarithm of the factor by which the machine slows down from beginning to end.
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
                out.push(Observation {
                    workers,
                    throughput,
                    block: Some(block),
                    ..Observation::plain(1.0, 1.0)
                });
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
    let table = super::optimum::table(observations, &groups);
    let estimates = super::curve::throughputs(&groups, within, &table);
    groups.iter().map(|group| group.workers).zip(estimates).collect()
}

/// The 95 % interval of each count holds its true median throughput, on blocks with drift and
/// outliers, with few and with many rounds.
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
        // The true median over a session of slowed log-normal values, simulated once.
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

/// Counts beyond the cores are often noisier than the others. Few rounds must then not borrow the
/// smaller noise of other counts.
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

/// The set holds the true best count, the bound is true, and a flat curve has no winner.
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
            bound_true += u64::from(best / truth(optimum.workers) - 1.0 <= optimum.regret.unwrap());
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

/// Each kind of curve is recognised in nearly all of thirty runs.
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

/// A curve that no law describes gets no law, and wrong laws are rejected.
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
            assert!(curve.fit_remarks.iter().any(|w| w.contains("law") || w.contains("Law")));
        }
    }
    // The true form is not rejected.
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

/// The intervals of the coefficients hold the true values.
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

/// Name, counts, true curve, the least share of runs, and the knees that are right.
type Planted<'t> = (&'t str, &'t [f64], Truth<'t>, f64, &'t [f64]);

/// Each run recommends the same count: the number of cores for computing, though four workers do 2
/// % more; and the smallest count of a flat top for waiting work.
#[test]
fn the_knee_holds_still() {
    const RUNS: u64 = 60;
    let computing = |n: f64| match n {
        1.0 => 1.0,
        2.0 => 2.0,
        _ => 2.04,
    };
    let waiting = |n: f64| (n.powi(-4) + 20_f64.powi(-4)).powf(-0.25);
    let wide = [1.0, 2.0, 4.0, 8.0, 11.0, 16.0, 23.0, 32.0, 45.0, 64.0, 91.0, 128.0];
    let cases: [Planted<'_>; 2] = [
        ("computing", &COUNTS[..6], &computing, 0.9, &[2.0]),
        ("waiting", &wide, &waiting, 0.97, &[32.0, 45.0]),
    ];
    for (name, counts, truth, least, right) in cases {
        let sweep = Sweep { counts, truth, rounds: 12, noise: 0.05, outliers: 0.03, drift: 0.1 };
        let knees: Vec<f64> =
            (0..RUNS).map(|seed| sweep.curve(seed).knee.unwrap().workers).collect();
        let held = knees.iter().filter(|knee| right.contains(knee)).count();
        assert!(held as f64 >= least * RUNS as f64, "{name}: {held} of {RUNS}: {knees:?}");
    }
}

/// The regret of the knee is true, even if the tolerance chose a count that is certainly not the
/// best.
#[test]
fn the_regret_of_the_knee_holds() {
    const RUNS: u64 = 150;
    let truth = |n: f64| usl(0.05, 0.002, n);
    let sweep = Sweep {
        counts: &COUNTS,
        truth: &truth,
        rounds: 10,
        noise: 0.03,
        outliers: 0.03,
        drift: 0.1,
    };
    let best = COUNTS.iter().map(|&n| truth(n)).fold(0.0, f64::max);
    let held = (0..RUNS)
        .filter(|&seed| {
            let knee = sweep.curve(seed).knee.unwrap();
            assert!(knee.as_good.contains(&knee.workers), "{knee:?}");
            best / truth(knee.workers) - 1.0 <= knee.regret.unwrap()
        })
        .count();
    assert!(held as f64 >= 0.93 * RUNS as f64, "{held} of {RUNS}");
}

/// A larger tolerance gives a smaller knee, and the gain of more workers is reported beside it.
#[test]
fn a_tolerance_moves_the_knee_and_the_rest_is_told() {
    let truth = |n: f64| usl(0.05, 0.002, n);
    let sweep = Sweep {
        counts: &COUNTS,
        truth: &truth,
        rounds: 12,
        noise: 0.01,
        outliers: 0.0,
        drift: 0.0,
    };
    let observations = sweep.measure(&mut Rng::new(1));
    let knee = |tolerance: f64| {
        let input = Input { tolerance, ..Input::plain("test", observations.clone(), 1) };
        analyse(&input).knee.unwrap()
    };
    let counts: Vec<f64> = [0.0, 0.1, 0.3].map(|share| knee(share).workers).to_vec();
    assert!(counts[0] > counts[1] && counts[1] > counts[2], "{counts:?}");
    let loose = knee(0.3);
    let more = loose.more.expect("others do more for sure");
    assert!(more.workers > loose.workers && more.gain > 0.1 && more.p99.is_none(), "{loose:?}");
    assert!((loose.loss.unwrap() - (1.0 - 1.0 / (1.0 + more.gain))).abs() < 0.05, "{loose:?}");
}
