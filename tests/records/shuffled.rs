//! Tests that two halves of one record, with its blocks divided at random, do not differ.

use knee::analysis::analyse;
use knee::analysis::compare::check::{Answer, Limits, check};
use knee::analysis::compare::{Contender, RUN_TO_RUN, Run, compare};
use knee::analysis::comparison::Difference;
use knee::record::Record;
use knee::rng::Rng;

use super::planted;

/// The record with these blocks only.
fn part(record: &Record, name: &str, blocks: &[u32]) -> Run {
    let mut part = record.clone();
    part.header.name = name.into();
    part.samples.retain(|sample| blocks.contains(&sample.block));
    let findings = analyse(&part);
    Run { record: part, findings }
}

/// `count` pairs of halves. The second half has `ratio` times the throughput.
fn pairs(count: u32, ratio: f64) -> impl Iterator<Item = [Contender; 2]> {
    const BLOCKS: u32 = 16;
    let record = planted::record("whole", 7, BLOCKS, 1.0, 0.02);
    let mut other = record.clone();
    for sample in &mut other.samples {
        sample.throughput *= ratio;
    }
    let mut rng = Rng::new(7);
    (0..count).map(move |_| {
        let mut blocks: Vec<u32> = (0..BLOCKS).collect();
        rng.shuffle(&mut blocks);
        let (mine, theirs) = blocks.split_at(BLOCKS as usize / 2);
        let sides = [("A", part(&record, "a", mine)), ("B", part(&other, "b", theirs))];
        sides.map(|(name, run)| Contender { name: name.into(), runs: vec![run], price: None })
    })
}

/// How many pairs were found to differ.
#[derive(Debug, Default)]
struct Claims {
    /// How many pairs a comparison finds different, without allowance for differences between runs.
    apart: usize,
    /// The same with the usual allowance.
    apart_by_runs: usize,
    /// How many pairs break the usual limits of a check, without allowance for differences between
    /// runs.
    broken: usize,
}

fn claims(count: u32, ratio: f64) -> Claims {
    let limits = Limits { max_slowdown: 0.05, max_efficiency_loss: 0.05 };
    let differ = |sides: &[Contender; 2], run_to_run| {
        let comparison = compare(sides, run_to_run).expect("they share a workload");
        let against = comparison.workloads[0].sides[1].against.expect("there are rounds enough");
        usize::from(against.difference != Difference::NotShown)
    };
    let mut claims = Claims::default();
    for sides in pairs(count, ratio) {
        claims.apart += differ(&sides, 0.0);
        claims.apart_by_runs += differ(&sides, RUN_TO_RUN);
        let [baseline, run] = &sides;
        let found = check(run, baseline, limits, 0.0).expect("they share a workload");
        claims.broken += usize::from(found.answer == Answer::Fail);
    }
    claims
}

/// At most 5 % may differ by chance. Of 60 pairs three are expected, and eight or more happen once
/// in a hundred such tests.
#[test]
fn two_halves_of_one_run_do_not_differ() {
    let claims = claims(60, 1.0);
    assert!(claims.apart <= 8 && claims.apart_by_runs == 0 && claims.broken <= 3, "{claims:?}");
}

#[test]
fn a_sixth_less_is_told_and_fails() {
    let claims = claims(20, 5.0 / 6.0);
    assert!(claims.apart_by_runs >= 18 && claims.broken >= 18, "{claims:?} of 20");
}
