//! What the burn controls say about each core over a whole run. A burn control checks whether a
//! core still computes as fast as before.

use std::collections::BTreeMap;

use crate::machine::{BURN_LIMIT, BurnReport, CoreBurn};

/// One core, over all burn controls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Core {
    pub(super) cpu: u32,
    /// How often it was checked.
    pub(super) controls: usize,
    /// How often it gave less than [`BURN_LIMIT`] of its best.
    pub(super) low: usize,
    /// The smallest and the largest share of its best that it gave.
    pub(super) range: [f64; 2],
    /// Whether others held the core when it gave little. Otherwise the core was ours but slow.
    pub(super) held: bool,
}

/// Every core that was checked, ascending. Under a quota, time in which a core was not ours belongs
/// to the quota, not to others.
///
/// The reference is the best rate that a core reached in time that was ours alone. So early
/// controls are also compared with later ones. If a core was never ours alone, the reference is
/// what it would have given.
pub(super) fn cores(burns: &[BurnReport], quota: bool) -> Vec<Core> {
    let mut all: BTreeMap<u32, Vec<CoreBurn>> = BTreeMap::new();
    // With nodes, the record's machine is that of the first node.
    let own = burns.iter().filter(|burn| burn.node.is_none_or(|node| node == 0));
    for core in own.flat_map(|burn| &burn.cores) {
        all.entry(core.cpu).or_default().push(*core);
    }
    all.into_iter().filter_map(|(cpu, burns)| core(cpu, &burns, quota)).collect()
}

fn core(cpu: u32, burns: &[CoreBurn], quota: bool) -> Option<Core> {
    let got = |burn: &CoreBurn| burn.got.filter(|got| *got > 0.0).unwrap_or(1.0);
    let speed = |burn: &CoreBurn| burn.rate / got(burn);
    let best = burns.iter().map(speed).max_by(f64::total_cmp).filter(|best| *best > 0.0)?;
    let share = |burn: &CoreBurn| (if quota { speed(burn) } else { burn.rate }) / best;
    let low: Vec<&CoreBurn> = burns.iter().filter(|burn| share(burn) < BURN_LIMIT).collect();
    let ours = low.iter().map(|burn| got(burn)).sum::<f64>();
    Some(Core {
        cpu,
        controls: burns.len(),
        low: low.len(),
        range: [
            burns.iter().map(share).min_by(f64::total_cmp)?,
            burns.iter().map(share).max_by(f64::total_cmp)?,
        ],
        held: !quota && ours < BURN_LIMIT * low.len() as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Controls of CPU 3, each with its share of the CPU and its rate.
    fn controls(windows: &[(f64, f64)]) -> Vec<BurnReport> {
        let report = |&(got, rate): &(f64, f64)| {
            let core =
                CoreBurn { cpu: 3, got: Some(got), rate, share_of_best: 1.0, instead_of: None };
            BurnReport { cores: vec![core], node: None }
        };
        windows.iter().map(report).collect()
    }

    fn told(windows: &[(f64, f64)], quota: bool) -> (usize, bool, f64) {
        let [core] = cores(&controls(windows), quota)[..] else { panic!("there is one core") };
        (core.low, core.held, (core.range[0] * 100.0).round())
    }

    #[test]
    fn a_slow_core_is_told_from_one_that_was_somebody_elses() {
        assert_eq!(told(&[(1.0, 100.0), (0.99, 95.0)], false), (0, false, 95.0));
        assert_eq!(told(&[(1.0, 100.0), (0.5, 50.0)], false), (1, true, 50.0));
        assert_eq!(told(&[(1.0, 100.0), (1.0, 70.0)], false), (1, false, 70.0));
    }

    #[test]
    fn the_first_control_is_held_against_the_later_ones() {
        assert_eq!(told(&[(1.0, 70.0), (1.0, 100.0), (1.0, 99.0)], false), (1, false, 70.0));
        // A neighbour was there from beginning to end: in no control was the core ours alone.
        assert_eq!(told(&[(0.5, 50.0), (0.45, 46.0), (0.5, 50.0)], false), (3, true, 45.0));
    }

    #[test]
    fn what_a_quota_holds_back_is_not_held_against_others() {
        assert_eq!(told(&[(0.2, 20.0), (0.1, 10.0), (0.15, 15.0)], true), (0, false, 100.0));
        assert_eq!(told(&[(0.2, 20.0), (0.1, 7.0)], true), (1, false, 70.0));
    }

    #[test]
    fn nothing_asked_is_nothing_told() {
        assert_eq!(cores(&[], false), []);
        assert_eq!(cores(&controls(&[(0.0, 0.0)]), false), []);
    }
}
