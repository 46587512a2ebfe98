//! Comparisons of simulated machines: which differences are shown, which are not, and how often a
//! false difference is claimed.

use super::fixture::{Planted, side};
use super::*;
use crate::rng::Rng;

const REPORTS: usize = 300;

/// Two sides with `runs` runs each, which differ by `spread`. The second side does `ratio` of the
/// first's work.
fn pair(
    rng: &mut Rng,
    runs: usize,
    spread: f64,
    ratio: f64,
    labels: &[&'static str],
) -> [Contender; 2] {
    [("A", 1.0), ("B", ratio)].map(|(name, factor)| {
        side(name, runs, |_| {
            let run = factor * (spread * rng.normal()).exp();
            Planted { run, labels: labels.to_vec(), ..Planted::default() }.run(rng)
        })
    })
}

/// The share of reports that claim any difference.
fn claims(runs: usize, spread: f64, ratio: f64, labels: &[&'static str]) -> f64 {
    let mut rng = Rng::labelled(11, &format!("{runs} {spread} {ratio} {}", labels.len()));
    let claimed = (0..REPORTS).filter(|_| {
        let sides = pair(&mut rng, runs, spread, ratio, labels);
        let comparison = compare(&sides, RUN_TO_RUN).unwrap();
        let mut all = comparison.workloads.iter().flat_map(|workload| &workload.sides);
        all.any(|at| at.against.is_some_and(|found| found.difference != Difference::NotShown))
    });
    claimed.count() as f64 / REPORTS as f64
}

#[test]
fn machines_that_do_not_differ_are_not_told_apart() {
    // One run per side. Runs differ by as much as is assumed, or by half of it.
    for (runs, spread) in [(1, RUN_TO_RUN), (1, RUN_TO_RUN / 2.0), (3, 0.04), (5, 0.01)] {
        let share = claims(runs, spread, 1.0, &["pi"]);
        // 5 % of 300 reports, and three standard errors more.
        assert!(share < 0.088, "{runs} runs, spread {spread}: {share}");
    }
}

#[test]
fn eight_workloads_raise_no_more_false_alarms_than_one() {
    let labels = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let share = claims(3, 0.02, 1.0, &labels);
    assert!(share < 0.088, "{share}");
}

#[test]
fn what_differs_by_a_lot_is_told_apart() {
    assert!(claims(1, RUN_TO_RUN, 1.3, &["pi"]) > 0.99);
    assert!(claims(5, 0.01, 0.9, &["pi"]) > 0.95);
}

#[test]
fn the_interval_of_the_ratio_covers_the_truth() {
    let mut rng = Rng::new(3);
    let held = (0..REPORTS).filter(|_| {
        let sides = pair(&mut rng, 3, 0.02, 1.5, &["pi"]);
        let found = compare(&sides, RUN_TO_RUN).unwrap().workloads[0].sides[1].against.unwrap();
        (found.ratio.low..=found.ratio.high).contains(&1.5)
    });
    let share = held.count() as f64 / REPORTS as f64;
    assert!((0.92..=0.99).contains(&share), "{share}");
}

#[test]
fn the_index_covers_although_runs_move_all_workloads_together() {
    let mut rng = Rng::new(4);
    let labels = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for runs in [1, 4] {
        let held = (0..REPORTS).filter(|_| {
            let sides = pair(&mut rng, runs, RUN_TO_RUN, 1.2, &labels);
            let index = compare(&sides, RUN_TO_RUN).unwrap().index[0].ratio;
            (index.low..=index.high).contains(&1.2)
        });
        let share = held.count() as f64 / REPORTS as f64;
        assert!((0.925..=0.985).contains(&share), "{runs} runs: {share}");
    }
}

#[test]
fn a_record_against_itself_is_equal_and_certain() {
    let mut rng = Rng::new(5);
    let one = side("A", 1, |_| Planted::default().run(&mut rng));
    let other = Contender { name: "B".into(), ..one.clone() };
    let comparison = compare(&[one, other], RUN_TO_RUN).unwrap();
    let found = comparison.workloads[0].sides[1].against.unwrap();
    assert_eq!(found.ratio, Estimate { median: 1.0, low: 1.0, high: 1.0 });
    assert!(comparison.sentences[0].starts_with("no difference is shown"), "{comparison:?}");
}

/// The second machine has its optimum elsewhere, and costs twice as much.
#[test]
fn each_side_is_taken_at_its_own_best_and_all_at_equal_counts() {
    let mut rng = Rng::new(6);
    let planted =
        |rate: f64, curve: [f64; 3]| Planted { rate, curve, noise: 1e-4, ..Planted::default() };
    let mut small = side("small", 1, |_| planted(1000.0, [1.0, 1.9, 1.8]).run(&mut rng));
    let mut large = side("large", 1, |_| planted(900.0, [1.0, 2.0, 4.0]).run(&mut rng));
    small.price = Some(0.5 / 3600.0);
    large.price = Some(1.0 / 3600.0);
    let comparison = compare(&[small, large], 1e-4).unwrap();
    let workload = &comparison.workloads[0];
    let at: Vec<_> = workload.sides.iter().map(|at| (at.mode.as_str(), at.workers)).collect();
    assert_eq!(at, [("threads", 2.0), ("threads", 4.0)]);
    let against = workload.sides[1].against.unwrap();
    assert_eq!(against.difference, Difference::Faster);
    assert!((against.ratio.median - 3600.0 / 1900.0).abs() < 0.01, "{against:?}");
    let cost = workload.sides[1].cost_ratio.unwrap();
    assert!((cost.median - 2.0 * 1900.0 / 3600.0).abs() < 0.01 && cost.low < cost.high, "{cost:?}");
    assert!((workload.sides[0].per_thread.unwrap() - 475.0).abs() < 2.0);
    assert_eq!(workload.sides[0].per_core, None, "this machine does not tell its cores");
    let equal: Vec<_> = workload.equal.iter().map(|at| (at.mode.as_str(), at.workers)).collect();
    assert_eq!(equal, [("serial", 1.0), ("threads", 1.0), ("threads", 2.0), ("threads", 4.0)]);
    assert!((workload.equal[2].ratio.median - 1800.0 / 1900.0).abs() < 0.01);
    assert!(comparison.sentences[0].contains("large is faster than small in 1 of 1 workload"));
}

#[test]
fn what_cannot_be_compared_is_named_and_left_out() {
    let mut rng = Rng::new(7);
    let planted =
        |labels: &[&'static str]| Planted { labels: labels.to_vec(), ..Planted::default() };
    let baseline = side("A", 1, |_| planted(&["pi", "file:4M", "lock"]).run(&mut rng));
    let mut sides = vec![baseline];
    sides.push(side("B", 1, |_| planted(&["pi", "file:1M"]).run(&mut rng)));
    sides.push(side("old", 1, |_| planted(&["pi"]).run(&mut rng)));
    sides[2].runs[0].record.header.knee = "0.0.9".into();
    let mut debug = side("debug", 2, |_| planted(&["pi"]).run(&mut rng));
    debug.runs[1].record.header.optimised = false;
    debug.runs[1].record.header.name = "slow".into();
    sides.push(debug);
    let comparison = compare(&sides, RUN_TO_RUN).unwrap();
    let names: Vec<_> = comparison.sides.iter().map(|side| side.name.as_str()).collect();
    assert_eq!(names, ["A", "B", "debug"]);
    let reasons: Vec<String> = comparison.left_out.iter().map(words::left_out).collect();
    assert_eq!(
        reasons,
        [
            "old, run run: measured by knee 0.0.9, the baseline by 0.1.0",
            "debug, run slow: a debug build, the baseline is an optimised one",
            "B, file:4M: measured with other parameters (n=1M there, n=4M in the baseline)",
            "debug, file:4M: not measured there",
            "B, lock: not measured there",
            "debug, lock: not measured there",
        ]
    );
    assert_eq!(comparison.workloads.len(), 1);
}

/// The label can stay the same although a default changed.
#[test]
fn other_parameters_under_the_same_label_are_found() {
    let mut rng = Rng::new(8);
    let [one, mut other] = pair(&mut rng, 1, 0.0, 1.0, &["frames"]);
    other.runs[0].findings.workloads[0].params.insert("n".into(), "2".into());
    let error = compare(&[one, other], RUN_TO_RUN).unwrap_err().to_string();
    assert_eq!(
        error,
        "nothing can be compared: B, frames: measured with other parameters (n=2 there, n=1 in the \
         baseline)"
    );
}

#[test]
fn a_side_is_one_machine() {
    let mut rng = Rng::new(9);
    let [one, mut other] = pair(&mut rng, 2, 0.0, 1.0, &["pi"]);
    other.runs[1].record.header.machine.cpu_model = Some("Another".into());
    let comparison = compare(&[one.clone(), other], RUN_TO_RUN).unwrap();
    assert!(
        comparison.left_out[0].reason.contains("of another machine (Another)"),
        "{comparison:?}"
    );
    assert_eq!(compare(std::slice::from_ref(&one), 0.02).unwrap_err(), CompareError::OneSide);
    assert_eq!(compare(&[one.clone(), one], 0.02).unwrap_err(), CompareError::SameName("A".into()));
}

#[test]
fn one_round_gives_no_interval_and_no_claim() {
    let mut rng = Rng::new(10);
    let sides = [("A", 1.0), ("B", 5.0)].map(|(name, run)| {
        side(name, 1, |_| Planted { run, rounds: 1, ..Planted::default() }.run(&mut rng))
    });
    let comparison = compare(&sides, RUN_TO_RUN);
    let error = comparison.unwrap_err().to_string();
    assert_eq!(error, "nothing can be compared: A, pi: too few rounds for an interval");
}

#[test]
fn json_survives() {
    let mut rng = Rng::new(12);
    let comparison = compare(&pair(&mut rng, 2, 0.02, 1.1, &["pi"]), RUN_TO_RUN).unwrap();
    let json = serde_json::to_string(&comparison).unwrap();
    assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
}
