//! The search for pairs with known truth: what it finds and what it spends.

use super::*;

const FACTORS: [usize; 4] = [1, 2, 4, 8];

/// The result of a search over pairs with throughput `truth`, within `left` seconds. A round costs
/// 0.5 s and a start 1 s. Returns the best pair of its last look, and how many pairs were tried.
fn search(
    factors: &[usize],
    left: f64,
    noise: f64,
    truth: impl Fn(f64, f64) -> f64,
) -> (Pair, usize, f64) {
    let mut pairs = Pairs::new(factors, 32, 2, 7);
    let mut rng = Rng::new(11);
    let (mut left, mut tried) = (left, BTreeSet::new());
    let mut alive = BTreeSet::new();
    loop {
        if pairs.starts_over() {
            alive.clear();
        }
        let wallet = Wallet { left, round: &|_| 0.5, start: &|_| 1.0 };
        let Some((block, _)) = pairs.next_block(&wallet) else { break };
        for pair in block {
            left -= 0.5 + if alive.insert(pair) { 1.0 } else { 0.0 };
            tried.insert(pair);
            let figure = truth(pair.workers as f64, factors[pair.value] as f64);
            pairs.tell(pair, figure * (noise * rng.normal()).exp());
        }
    }
    assert!(left >= 0.0, "it is never overdrawn: {left}");
    let levels = pairs.book.levels();
    let (_, knee) = Pairs::standing(&levels).expect("something was measured");
    (pairs.all[knee], tried.len(), left)
}

/// 5 ms of computing and 20 ms of waiting on two cores, with one lock in each process.
fn waiting(workers: f64, threads: f64) -> f64 {
    (40.0 * workers * threads).min(170.0 * workers).min(380.0)
}

#[test]
fn the_ridge_is_found_without_the_whole_grid() {
    let (knee, tried, _) = search(&FACTORS, 60.0, 0.02, waiting);
    let threads = FACTORS[knee.value];
    let in_all = knee.workers * threads;
    assert!(waiting(knee.workers as f64, threads as f64) >= 0.9 * 380.0, "{knee:?}");
    assert!((8..=16).contains(&in_all), "{knee:?}");
    assert!(tried <= 22, "{tried} of 44 pairs");
}

#[test]
fn where_the_value_does_nothing_the_count_alone_is_found() {
    let (knee, tried, _) = search(&FACTORS, 120.0, 0.01, |n, _| 40.0 * n.min(9.0));
    assert!(knee.workers >= 8 && FACTORS[knee.value] == 1, "{knee:?}");
    assert!(tried <= 20, "{tried}");
}

#[test]
fn a_small_wallet_is_never_overdrawn_and_says_something() {
    for left in [4.0, 10.0, 20.0, 30.0] {
        let (knee, ..) = search(&FACTORS, left, 0.05, waiting);
        assert!(knee.workers > 0);
    }
}

#[test]
fn many_values_are_not_all_looked_at() {
    let factors: Vec<usize> = (1..=40).collect();
    let (_, tried, left) = search(&factors, 900.0, 0.02, waiting);
    assert!(tried <= 80 && left > 0.0, "{tried} of 240 pairs, and {left} s are left");
}

#[test]
fn what_cannot_run_is_not_asked_for_again() {
    let mut pairs = Pairs::new(&FACTORS, 32, 2, 7);
    let wallet = Wallet { left: 60.0, round: &|_| 0.5, start: &|_| 1.0 };
    let mut asked = 0;
    while let Some((block, _)) = pairs.next_block(&wallet) {
        asked += block.len();
        for pair in block {
            pairs.tell_broken(pair);
        }
    }
    assert!(asked == FACTORS.len() && pairs.is_done());
}
