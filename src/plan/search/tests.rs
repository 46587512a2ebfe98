//! The search on simulated machines: how much throughput it loses, what it costs, and whether its
//! bound is true.

use std::collections::BTreeMap;

use super::simulated::{Machine, SHAPES, Shape};
use super::{Purse, Search, Space};
use crate::rng::Rng;

/// The result of one search.
struct Outcome {
    /// The share of the best true throughput that is lost with the chosen count.
    regret: f64,
    rounds: usize,
    bound: f64,
    /// Whether it is true that no count is better by more than the bound.
    bound_holds: bool,
}

fn play(shape: Shape, seed: u64, noise: f64) -> Outcome {
    let mut machine = Machine::new(shape, seed, noise);
    let mut search = Search::new(machine.space.clone(), seed);
    let mut rounds = 0;
    while let Some(block) = search.next_block(&Purse { left: f64::INFINITY, cost: &|_| 1.0 }) {
        for workers in block.counts {
            search.tell(workers, machine.measure(workers));
            rounds += 1;
        }
        assert!(rounds < 2000, "{shape:?} seed {seed} does not end");
    }
    let decision = search.decision().expect("something was measured");
    let (best, chosen) = (machine.best(), machine.truth(decision.best));
    Outcome {
        regret: 1.0 - chosen / best,
        rounds,
        bound: decision.bound,
        bound_holds: best / chosen - 1.0 <= decision.bound + 1e-12,
    }
}

/// What the search promises for a family of machines with 128 to 1024 possible counts.
struct Promise {
    noise: f64,
    /// The share of runs that lose at most 2 % of the throughput.
    within: f64,
}

fn keeps(promise: &Promise) {
    let outcomes: Vec<Outcome> = (0..20)
        .flat_map(|seed| SHAPES.map(|shape| play(shape, 70_000 + seed, promise.noise)))
        .collect();
    let n = outcomes.len() as f64;
    let share = |f: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| f(o)).count() as f64 / n;
    let near = share(&|o| o.regret <= 0.02);
    let true_bounds = share(&|o| o.bound_holds);
    let rounds = outcomes.iter().map(|o| o.rounds as f64).sum::<f64>() / n;
    assert!(outcomes.len() >= 200);
    assert!(near >= promise.within, "only {near} lose at most 2 %");
    assert!(true_bounds >= 0.95, "only {true_bounds} of the bounds are true");
    assert!(rounds <= 160.0, "{rounds} rounds on average");
}

#[test]
fn the_best_count_is_found_in_few_rounds() {
    keeps(&Promise { noise: 1.0, within: 0.98 });
}

#[test]
fn the_best_count_is_found_under_twice_the_noise() {
    keeps(&Promise { noise: 2.0, within: 0.95 });
}

/// Runs a search with a purse of `left` seconds. Returns it with what is left then.
fn spend(
    mut search: Search,
    mut rng: Rng,
    mut left: f64,
    cost: impl Fn(usize) -> f64,
    measure: impl Fn(usize, &mut Rng) -> f64,
) -> (Search, f64) {
    while let Some(block) = search.next_block(&Purse { left, cost: &cost }) {
        for workers in block.counts {
            left -= cost(workers);
            search.tell(workers, measure(workers, &mut rng));
        }
    }
    (search, left)
}

/// Runs a search with a purse of `budget` seconds. A round costs 0.1 s, and a hundredth of that
/// more per worker.
fn play_on_a_budget(space: Space, budget: f64, truth: impl Fn(usize) -> f64) -> (Search, f64) {
    let cost = |workers: usize| 0.1 + 0.001 * workers as f64;
    let measure = |workers, rng: &mut Rng| truth(workers) * (0.02 * rng.normal()).exp();
    spend(Search::new(space, 3), Rng::new(8), budget, cost, measure)
}

#[test]
fn no_purse_is_overdrawn_and_a_bigger_one_decides_better() {
    let space = Space { max: 512, start: 16, hints: vec![2, 4], flat: None };
    let truth = |n: usize| (n as f64).min(90.0);
    for budget in [0.05, 0.3, 1.0, 3.0, 6.0, 12.0, 30.0] {
        let (search, left) = play_on_a_budget(space.clone(), budget, truth);
        assert!(left >= -1e-9, "{budget} s: overdrawn by {left}");
        let decision = search.decision();
        assert_eq!(decision.is_some(), budget > 0.2, "{budget}");
        if let (Some(decision), true) = (decision, budget >= 12.0) {
            assert!(decision.best >= 86, "{budget} s: {decision:?}");
        }
    }
}

#[test]
fn waiting_work_is_followed_as_far_as_it_gains_and_no_further() {
    let space = Space { max: 1024, start: 16, hints: vec![2, 4], flat: None };
    let (search, _) = play_on_a_budget(space, 60.0, |n| (n as f64).min(60.0));
    let decision = search.decision().unwrap();
    assert!((58..=128).contains(&decision.best), "{decision:?}");
    assert!(search.book.levels().iter().all(|level| level.workers <= 256));
    assert!(
        decision.set.iter().min().is_some_and(|&knee| knee <= 64),
        "{decision:?} {:?}",
        search.book.levels()
    );
}

#[test]
fn a_small_machine_is_measured_whole() {
    let space = Space { max: 4, start: 4, hints: vec![2], flat: None };
    let (search, left) = play_on_a_budget(space, 5.0, |n| [1.0, 1.9, 1.88, 1.7][n - 1]);
    let decision = search.decision().unwrap();
    assert!([2, 3].contains(&decision.best) && left < 4.0, "{decision:?}");
    assert!(!decision.set.contains(&1));
    let one = Space { max: 1, start: 1, hints: vec![1], flat: None };
    assert_eq!(play_on_a_budget(one, 5.0, |_| 1.0).0.decision().unwrap().best, 1);
}

#[test]
fn where_the_curve_should_be_flat_only_its_end_is_tried_unless_that_gains() {
    let space = Space { max: 16, start: 16, hints: vec![8, 9], flat: Some(8) };
    let tried = |truth: fn(usize) -> f64| -> Vec<usize> {
        let (search, _) = play_on_a_budget(space.clone(), 60.0, truth);
        search.book.levels().iter().map(|level| level.workers).filter(|n| *n > 8).collect()
    };
    assert_eq!(tried(|n| n.min(8) as f64), [16]);
    assert!(tried(|n| n.min(12) as f64).contains(&11));
}

#[test]
fn counts_beyond_the_cores_are_compared_further_only_if_they_gain() {
    let space = Space { max: 4, start: 4, hints: vec![2], flat: Some(2) };
    let rounds = |truth: [f64; 3]| {
        let mut search = Search::new(space.clone(), 3);
        let (mut noise, mut times) = (Rng::new(8), [0; 3]);
        while let Some(block) = search.next_block(&Purse { left: f64::INFINITY, cost: &|_| 1.0 }) {
            for workers in block.counts {
                let at = workers.ilog2() as usize;
                times[at] += 1;
                search.tell(workers, truth[at] * (0.02 * noise.normal()).exp());
            }
        }
        (times, search.decision().unwrap().best)
    };
    let (times, best) = rounds([1.0, 2.0, 2.03]);
    assert!(times.iter().all(|times| *times <= 5) && best == 2, "{times:?}, {best}");
    let (times, best) = rounds([1.0, 2.0, 2.4]);
    assert!(times[2] >= 8 && best == 4, "{times:?}, {best}");
}

#[test]
fn a_count_that_cannot_be_run_is_left_alone() {
    let mut search = Search::new(Space { max: 64, start: 64, hints: vec![8], flat: None }, 1);
    let mut asked_again = 0;
    let mut told = false;
    while let Some(block) = search.next_block(&Purse { left: f64::INFINITY, cost: &|_| 1.0 }) {
        for workers in block.counts {
            if workers >= 32 {
                asked_again += usize::from(told && workers == 32);
                told |= workers == 32;
                search.tell_broken(workers);
            } else {
                search.tell(workers, workers as f64);
            }
        }
    }
    assert_eq!(asked_again, 0);
    assert_eq!(search.decision().unwrap().best, 31);
}

#[test]
fn the_same_seed_asks_the_same_questions() {
    let asked = || {
        let mut search = Search::new(Space { max: 200, start: 200, hints: vec![], flat: None }, 9);
        let mut all = Vec::new();
        while let Some(block) = search.next_block(&Purse { left: 300.0, cost: &|_| 1.0 }) {
            for &workers in &block.counts {
                search.tell(workers, (workers as f64).sqrt().min(9.0));
            }
            all.push(block);
        }
        all
    };
    assert_eq!(asked(), asked());
}

/// Prints the figures of each shape: `cargo test -p knee --lib figures_of_the_search -- --ignored
/// --nocapture`.
#[test]
#[ignore = "prints figures, checks nothing"]
fn figures_of_the_search() {
    for noise in [1.0, 2.0] {
        let mut by_shape: BTreeMap<Shape, Vec<Outcome>> = BTreeMap::new();
        let from: u64 = std::env::var("FROM").map_or(1000, |s| s.parse().unwrap());
        for seed in from..from + 60 {
            for shape in SHAPES {
                by_shape.entry(shape).or_default().push(play(shape, seed, noise));
            }
        }
        println!(
            "noise x{noise}: regret mean, max; <= 2 %; rounds mean, max; bound true; median bound"
        );
        let all: Vec<&Outcome> = by_shape.values().flatten().collect();
        for (name, outcomes) in by_shape
            .iter()
            .map(|(shape, outcomes)| (format!("{shape:?}"), outcomes.iter().collect::<Vec<_>>()))
            .chain([("all".to_owned(), all)])
        {
            let n = outcomes.len() as f64;
            let mean = |f: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(|o| f(o)).sum::<f64>() / n;
            let max =
                |f: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(|o| f(o)).fold(0.0, f64::max);
            let bounds: Vec<f64> = outcomes.iter().map(|o| o.bound).collect();
            println!(
                "{name:14} {:.2} {:.1} %  {:.3}  {:.0} {:.0}  {:.3}  {:.1} %",
                100.0 * mean(&|o| o.regret),
                100.0 * max(&|o| o.regret),
                mean(&|o| f64::from(u8::from(o.regret <= 0.02))),
                mean(&|o| o.rounds as f64),
                max(&|o| o.rounds as f64),
                mean(&|o| f64::from(u8::from(o.bound_holds))),
                100.0 * crate::stats::median::median(&bounds).unwrap(),
            );
        }
    }
}

/// A search in an open space over a curve with this noise: the largest count tried, and the true
/// throughput of the chosen count.
fn follow(seed: u64, noise: f64, truth: impl Fn(usize) -> f64) -> (usize, f64) {
    let space = Space { max: 1024, start: 32, hints: vec![2, 4], flat: None };
    let cost = |workers: usize| 0.04 + 0.0015 * workers as f64;
    let measure = |workers, rng: &mut Rng| truth(workers) * (noise * rng.normal()).exp();
    let (search, _) = spend(Search::new(space, seed), Rng::new(900 + seed), 8.0, cost, measure);
    let top = search.book.levels().last().map_or(0, |level| level.workers);
    (top, truth(search.decision().expect("something was measured").best))
}

#[test]
fn an_octave_in_doubt_is_looked_at_again_before_larger_counts() {
    const RUNS: u64 = 40;
    // Flat from 16 on, with little noise: larger counts are hardly ever tried.
    let flat = |n: usize| (n as f64).min(15.5);
    let beyond = (0..RUNS).filter(|seed| follow(*seed, 0.02, flat).0 > 32).count();
    assert!(beyond <= 3, "{beyond} went on");
    // Slow growth to 125 workers under much noise is followed, though one octave gains only 8 %.
    let slow = |n: usize| (n as f64).powf(0.10).min(1.62) / (1.0 / n as f64 + 0.25);
    let top = (1..=1024).map(slow).fold(0.0, f64::max);
    let near = (0..RUNS).filter(|seed| follow(*seed, 0.08, slow).1 >= 0.9 * top).count();
    assert!(near >= 34, "only {near} came within 10 %");
}
