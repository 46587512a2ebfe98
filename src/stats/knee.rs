//! The smallest of several levels that costs at most a tolerance against the highest.
//!
//! The highest of several noisy levels is partly highest by luck. A rule that trusts it fully moves
//! along a flat top: of several equal counts, another one wins in every run. So half a standard
//! error of the difference is subtracted, which is about what the highest of a few gains by chance.
//! In simulations, the answer then stays the same in 8 to 20 of 100 runs more than with the plain
//! rule. Its true loss exceeds the tolerance by more than a hundredth in 0 to 2 % of runs, where a
//! round scatters by 5 %. A rule that demands proof (a loss below the tolerance with 95 %
//! confidence) would choose the largest count of a flat top, and none if the noise is large.

use super::student;

/// Standard errors of a difference that are subtracted from the highest level.
const FLATTERY: f64 = 0.5;
/// How sure a lead must be where it needs proof.
const CONFIDENCE: f64 = 0.95;

/// A level on a logarithmic scale, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// The level.
    pub log: f64,
    /// Its standard error.
    pub error: f64,
}

/// The index of the first level within `tolerance` of the highest (a share: 0.05 is 5 %). `None`
/// without levels.
///
/// Levels must be in order of preference: with ascending worker counts, the answer is the smallest
/// count.
pub fn first_within(levels: &[Known], tolerance: f64) -> Option<usize> {
    let finite = |level: &&Known| level.log.is_finite();
    let best = levels.iter().filter(finite).max_by(|a, b| a.log.total_cmp(&b.log))?;
    let may_lose = -(1.0 - tolerance.clamp(0.0, 0.99)).ln();
    levels.iter().position(|level| {
        let flattery = FLATTERY * level.error.hypot(best.error);
        level.log.is_finite() && best.log - level.log <= may_lose + flattery
    })
}

/// Lowers levels that need proof: they count with what is certain of their lead over the highest of
/// the others, with 95 % confidence. `df` are the degrees of freedom of the errors.
///
/// This is for levels that cannot be better for a known reason, such as more workers than CPUs
/// where a worker never waits. Without it, one answer in fifteen was four workers on two CPUs.
pub fn lower_unproven(levels: &mut [Known], needs_proof: impl Fn(usize) -> bool, df: f64) {
    let others = (0..levels.len()).filter(|at| !needs_proof(*at)).map(|at| levels[at]);
    let Some(top) = others.filter(|one| one.log.is_finite()).max_by(|a, b| a.log.total_cmp(&b.log))
    else {
        return;
    };
    let quantile = student::quantile(CONFIDENCE, df.max(1.0));
    let unproven = levels.iter_mut().enumerate().filter(|(at, _)| needs_proof(*at));
    for (_, level) in unproven {
        level.log -= quantile * level.error.hypot(top.error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const RUNS: usize = 4000;

    /// How often each level is chosen, in runs that measure the levels with this `error`.
    fn chosen(truth: &[f64], error: f64) -> Vec<f64> {
        let mut rng = Rng::new(3);
        let mut times = vec![0.0; truth.len()];
        for _ in 0..RUNS {
            let levels: Vec<Known> = truth
                .iter()
                .map(|level| Known { log: level.ln() + error * rng.normal(), error })
                .collect();
            times[first_within(&levels, 0.05).unwrap()] += 1.0 / RUNS as f64;
        }
        times
    }

    #[test]
    fn a_lead_that_needs_proof_counts_only_as_far_as_it_is_certain() {
        let knee = |logs: [f64; 3], error| {
            let mut levels = logs.map(|log| Known { log, error });
            lower_unproven(&mut levels, |at| at == 2, 30.0);
            first_within(&levels, 0.05).unwrap()
        };
        assert_eq!(knee([0.0, 0.69, 0.79], 0.05), 1, "ten percent more may be luck");
        assert_eq!(knee([0.0, 0.69, 0.99], 0.05), 2, "thirty percent more is none");
        assert_eq!(knee([0.0, 0.69, 0.79], 0.001), 2);
        let mut all = [Known { log: 0.0, error: 0.1 }; 2];
        lower_unproven(&mut all, |_| true, 30.0);
        assert_eq!(all, [Known { log: 0.0, error: 0.1 }; 2], "there is nothing to compare with");
    }

    #[test]
    fn two_cores_are_two_workers_though_four_do_two_percent_more() {
        let truth = [1.0, 2.0, 2.01, 2.04, 2.04, 2.03];
        // 0.011 is the error of 8 rounds that scatter by 3 %; the next, of 12 rounds that scatter
        // by 5 %.
        assert!(chosen(&truth, 0.011)[1] > 0.97);
        assert!(chosen(&truth, 0.0145)[1] > 0.92);
    }

    #[test]
    fn a_flat_curve_is_one_worker() {
        assert!(chosen(&[1.0; 7], 0.0145)[0] > 0.98);
        assert!(chosen(&[1.0; 7], 0.03)[0] > 0.78);
    }

    /// A top so flat that its last 3 % cover half of the counts.
    #[test]
    fn waiting_work_stays_at_the_foot_of_its_flat_top() {
        let counts: [f64; 12] = [1., 2., 4., 8., 11., 16., 23., 32., 45., 64., 91., 128.];
        let truth = counts.map(|n| (n.powi(-4) + 20_f64.powi(-4)).powf(-0.25));
        let found = chosen(&truth, 0.0145);
        assert!(found[7] > 0.7 && found[7] + found[8] > 0.98, "{found:?}");
        let lost: f64 = found.iter().take(7).sum();
        assert!(lost < 0.005, "23 workers lose 11 %: {lost}");
    }

    #[test]
    fn poor_levels_are_no_trouble() {
        let known = |log: f64| Known { log, error: 0.0 };
        assert_eq!(first_within(&[], 0.05), None);
        assert_eq!(first_within(&[known(f64::NAN)], 0.05), None);
        assert_eq!(first_within(&[known(f64::NAN), known(1.0)], 0.05), Some(1));
        assert_eq!(first_within(&[known(0.0), known(1.0)], 0.0), Some(1));
        assert_eq!(first_within(&[known(0.0), known(1.0)], 7.0), Some(0));
    }
}
