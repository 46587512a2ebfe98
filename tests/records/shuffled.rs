//! Two halves of one record, its blocks dealt at random, are two runs that do not differ.

use knee::analysis::analyse;
use knee::analysis::compare::{Contender, Run, compare};
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

/// How many of so many pairs are told apart, where the second does `ratio` of the first's work.
fn told_apart(pairs: u32, run_to_run: f64, ratio: f64) -> u32 {
    const BLOCKS: u32 = 16;
    let record = planted::record("whole", 7, BLOCKS, 1.0, 0.02);
    let mut rng = Rng::new(7);
    let mut claims = 0;
    for _ in 0..pairs {
        let mut blocks: Vec<u32> = (0..BLOCKS).collect();
        rng.shuffle(&mut blocks);
        let (mine, theirs) = blocks.split_at(BLOCKS as usize / 2);
        let mut other = record.clone();
        for sample in &mut other.samples {
            sample.throughput *= ratio;
        }
        let sides = [("A", part(&record, "a", mine)), ("B", part(&other, "b", theirs))];
        let sides =
            sides.map(|(name, run)| Contender { name: name.into(), runs: vec![run], price: None });
        let comparison = compare(&sides, run_to_run).expect("they share a workload");
        let against = comparison.workloads[0].sides[1].against.expect("there are rounds enough");
        claims += u32::from(against.difference != Difference::NotShown);
    }
    claims
}

/// At most 5 %: of 60 pairs three are expected, and eight or more happen once in a hundred such tests.
#[test]
fn two_halves_of_one_run_do_not_differ() {
    let claims = told_apart(60, 0.0, 1.0);
    assert!(claims <= 8, "without any allowance for runs: {claims} of 60");
    assert_eq!(told_apart(20, 0.02, 1.0), 0, "with the usual allowance");
}

#[test]
fn a_tenth_less_is_told() {
    let claims = told_apart(20, 0.02, 0.9);
    assert!(claims >= 18, "{claims} of 20");
}
