//! How much better than the chosen level may another of several noisy levels be?
//!
//! The claim is that no other level is better by more than some share. It is shown by testing each
//! level at 95 % without a correction for their number. This is enough: if the claim is wrong, it
//! is wrong for some level, and that single level would have to pass its own test by chance (an
//! intersection-union test: Berger, Technometrics 24, 1982). Margins that hold for all comparisons
//! at once, like Hsu's, promise more than is needed here and leave twice as many answers open. The
//! same measurements also chose the level; the tests show that this costs little.

use super::knee::Known;
use super::student;

const CONFIDENCE: f64 = 0.95;
/// How large a lead is believed without proof, where leads need proof: the logarithm of 1.05. More
/// threads than CPUs gain up to 4 % on a host that others use too, because they get a larger part
/// of it.
const UNPROVEN: f64 = 0.048_790;

/// The most by which another level may lie above the one at `chosen`, with 95 % confidence, in the
/// unit of the levels; 0 if none can. `df` are the degrees of freedom of the errors. Infinite if a
/// level is not known.
///
/// Levels marked by `needs_proof` cannot be much better for a known reason, such as more workers
/// than CPUs where a worker never waits. Up to 5 % of their lead is believed without proof. A
/// larger lead counts with what is proven of it at 95 %.
pub fn regret(
    levels: &[Known],
    chosen: usize,
    df: f64,
    needs_proof: impl Fn(usize) -> bool,
) -> f64 {
    let Some(own) = levels.get(chosen).filter(|own| own.log.is_finite()) else {
        return f64::INFINITY;
    };
    let quantile = student::quantile(CONFIDENCE, df.max(1.0));
    let others =
        levels.iter().enumerate().filter(|(at, other)| *at != chosen && other.log.is_finite());
    let lead = |(at, other): (usize, &Known)| {
        let (middle, doubt) = (other.log - own.log, quantile * own.error.hypot(other.error));
        let most = if needs_proof(at) { UNPROVEN.max(middle - doubt) } else { f64::INFINITY };
        most.min(middle + doubt)
    };
    others.map(lead).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::knee::first_within;
    use super::*;
    use crate::rng::Rng;

    const RUNS: usize = 2000;

    /// For the level that the rule of the knee chooses: how often the true lead is at most the
    /// stated regret, and the mean stated regret.
    fn tried(truth: &[f64], error: f64) -> (f64, f64) {
        let mut rng = Rng::new(5);
        let (mut held, mut sum) = (0, 0.0);
        for _ in 0..RUNS {
            let levels: Vec<Known> = truth
                .iter()
                .map(|level| Known { log: level.ln() + error * rng.normal(), error })
                .collect();
            let chosen = first_within(&levels, 0.05).unwrap();
            let said = regret(&levels, chosen, 30.0, |_| false);
            let best = truth.iter().copied().fold(0.0, f64::max);
            held += usize::from((best / truth[chosen]).ln() <= said + 1e-12);
            sum += said / RUNS as f64;
        }
        (held as f64 / RUNS as f64, sum)
    }

    #[test]
    fn what_it_says_holds_although_the_level_was_chosen() {
        for error in [0.01, 0.025, 0.035] {
            let alike = [1.0; 6];
            let graded = [1.0, 1.02, 1.04, 1.06, 1.08, 1.10];
            let cores = [0.5, 1.0, 1.02, 1.0, 1.02, 1.0];
            for truth in [&alike[..], &graded, &cores, &[1.0, 1.07], &[1.0, 1.05, 1.05]] {
                let (held, said) = tried(truth, error);
                assert!(held >= 0.935, "{truth:?} at {error}: {held}, {said}");
            }
            // The worst case is one count that stands out from five equal ones. No law of scaling
            // gives such a curve.
            let (held, said) = tried(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.1], error);
            assert!(held >= 0.88, "one at {error}: {held}, {said}");
        }
    }

    #[test]
    fn of_a_lead_that_needs_proof_a_twentieth_is_believed_or_what_is_proven() {
        let said = |lead: f64, error: f64| {
            let levels = [0.0, lead].map(|log| Known { log, error });
            regret(&levels, 0, 1e9, |at| at == 1)
        };
        let near = |value: f64, wanted: f64| (value - wanted).abs() < 1e-4;
        assert!(near(said(0.02, 0.05), UNPROVEN), "it may be noise");
        assert!(near(said(-0.05, 0.02), 0.0), "it is behind for sure");
        assert!(near(said(0.5, 0.05), 0.5 - 1.64485 * 0.05 * 2_f64.sqrt()), "most of it is proven");
    }

    #[test]
    fn poor_levels_are_no_trouble() {
        let known = |log: f64| Known { log, error: 0.0 };
        let regret = |levels: &[Known], chosen, df| regret(levels, chosen, df, |_| false);
        assert!(regret(&[], 0, 9.0).is_infinite());
        assert!(regret(&[known(1.0)], 0, 9.0).abs() < 1e-12);
        assert!(regret(&[known(1.0), known(f64::NAN)], 0, 9.0).abs() < 1e-12);
        assert!(regret(&[known(f64::NAN), known(1.0)], 0, 9.0).is_infinite());
        assert!((regret(&[known(0.0), known(0.2)], 0, 9.0) - 0.2).abs() < 1e-12);
    }
}
