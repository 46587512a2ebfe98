//! The search against planted machines: how much throughput it loses, what it costs, and whether its bound is true.

use std::collections::BTreeMap;

use super::simulated::{Machine, SHAPES, Shape};
use super::{Purse, Search};

/// How one search went.
struct Outcome {
    shape: Shape,
    /// Share of the best true throughput that the chosen count misses.
    regret: f64,
    rounds: usize,
    bound: f64,
    /// Whether indeed no count is more than the bound better.
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
        shape,
        regret: 1.0 - chosen / best,
        rounds,
        bound: decision.bound,
        bound_holds: best / chosen - 1.0 <= decision.bound + 1e-12,
    }
}

/// Prints the figures of each shape: `cargo test -p knee --lib figures_of_the_search -- --ignored --nocapture`.
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
