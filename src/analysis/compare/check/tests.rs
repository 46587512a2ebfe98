//! Checks of simulated runs: kept, broken and undecided.

use super::super::RUN_TO_RUN;
use super::super::fixture::{Planted, side};
use super::*;
use crate::rng::Rng;

const LIMITS: Limits = Limits { max_slowdown: 0.05, max_efficiency_loss: 0.05 };

/// A check of `runs` runs that do `ratio` of the baseline's work, with this curve.
fn checked(runs: usize, ratio: f64, curve: [f64; 3]) -> Check {
    let mut rng = Rng::new(1);
    let mut planted = |run, curve| {
        side("baseline", runs, |_| {
            Planted { run, curve, noise: 0.005, ..Planted::default() }.run(&mut rng)
        })
    };
    let baseline = planted(1.0, [1.0, 1.9, 1.8]);
    let mut run = planted(ratio, curve);
    run.name = "run".into();
    check(&run, &baseline, LIMITS, RUN_TO_RUN).unwrap()
}

fn answer(check: &Check, what: &str) -> Answer {
    check.verdicts.iter().find(|verdict| verdict.what == what).unwrap().answer
}

#[test]
fn the_same_again_passes_and_half_of_it_fails() {
    let same = checked(3, 1.0, [1.0, 1.9, 1.8]);
    assert_eq!(same.answer, Answer::Pass, "{same:?}");
    assert_eq!(same.verdicts.len(), 3);
    let half = checked(3, 0.5, [1.0, 1.9, 1.8]);
    assert_eq!(half.answer, Answer::Fail);
    assert_eq!(answer(&half, "throughput"), Answer::Fail);
    assert_eq!(answer(&half, "efficiency"), Answer::Pass, "all counts are slower alike");
    assert!(half.verdicts[0].text.contains("breaks the limit of 0.95x"), "{half:?}");
}

#[test]
fn near_the_limit_one_run_cannot_tell() {
    let near = checked(1, 0.95, [1.0, 1.9, 1.8]);
    assert_eq!(near.answer, Answer::Inconclusive, "{near:?}");
    assert_eq!(near.assumed_run_to_run, Some(RUN_TO_RUN));
    assert!(near.verdicts[0].text.contains("may keep or break"), "{near:?}");
}

#[test]
fn a_lost_second_worker_is_lost_efficiency_and_a_moved_optimum_is_told() {
    let flat = checked(3, 1.0, [1.9, 1.0, 1.9]);
    assert_eq!(answer(&flat, "efficiency"), Answer::Fail, "{flat:?}");
    let moved = checked(3, 1.0, [1.0, 1.9, 3.0]);
    assert_eq!(answer(&moved, "optimum"), Answer::Fail, "{moved:?}");
    assert!(moved.verdicts[2].text.contains("knee in threads: 4, baseline 2"), "{moved:?}");
}

/// Sixteen limits on noisy runs that do not differ. Each alone would seem broken in one of twenty
/// checks.
#[test]
fn many_limits_raise_no_more_false_alarms_than_one() {
    let labels = vec!["a", "b", "c", "d", "e", "f", "g", "h"];
    let strict = Limits { max_slowdown: 0.0, max_efficiency_loss: 0.0 };
    let mut rng = Rng::new(7);
    let mut noisy = |name: &str| {
        side(name, 3, |_| {
            let planted = Planted { noise: 0.1, labels: labels.clone(), ..Planted::default() };
            planted.run(&mut rng)
        })
    };
    let (mut alarms, mut seeming) = (0, 0);
    for _ in 0..200 {
        let (baseline, run) = (noisy("baseline"), noisy("run"));
        let found = check(&run, &baseline, strict, 0.0).unwrap();
        let ratios = || found.verdicts.iter().filter(|verdict| verdict.what != "optimum");
        let seems = |verdict: &Verdict| verdict.ratio.is_some_and(|ratio| ratio.high < 1.0);
        alarms += i32::from(ratios().any(|verdict| verdict.answer == Answer::Fail));
        seeming += i32::from(ratios().any(seems));
    }
    // 5 % of 200 checks, and three standard errors more.
    assert!(alarms <= 19, "{alarms} of 200");
    assert!(seeming > 60, "one limit at a time: {seeming} of 200");
}

#[test]
fn the_very_same_record_passes_any_limit() {
    let mut rng = Rng::new(2);
    let baseline = side("baseline", 1, |_| Planted::default().run(&mut rng));
    let run = Contender { name: "run".into(), ..baseline.clone() };
    let strict = Limits { max_slowdown: 0.0, max_efficiency_loss: 0.0 };
    assert_eq!(check(&run, &baseline, strict, RUN_TO_RUN).unwrap().answer, Answer::Pass);
}

#[test]
fn what_was_not_measured_is_not_passed() {
    let mut rng = Rng::new(3);
    let mut planted = |name, labels: &[&'static str]| {
        side(name, 1, |_| Planted { labels: labels.to_vec(), ..Planted::default() }.run(&mut rng))
    };
    let (baseline, run) = (planted("baseline", &["pi", "lock"]), planted("run", &["pi"]));
    let found = check(&run, &baseline, LIMITS, 0.0).unwrap();
    let lock = found.verdicts.iter().find(|verdict| verdict.workload == "lock").unwrap();
    assert_eq!((lock.answer, lock.text.as_str()), (Answer::Inconclusive, "not measured there"));
    assert_ne!(found.answer, Answer::Pass);
}
