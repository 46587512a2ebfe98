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

/// The most by which another level may lie above the one at `chosen`, with 95 % confidence, in the
/// unit of the levels; 0 if none can. `df` are the degrees of freedom of the errors. Infinite if a
/// level is not known.
pub fn regret(levels: &[Known], chosen: usize, df: f64) -> f64 {
    let Some(own) = levels.get(chosen).filter(|own| own.log.is_finite()) else {
        return f64::INFINITY;
    };
    let quantile = student::quantile(CONFIDENCE, df.max(1.0));
    let others =
        levels.iter().enumerate().filter(|(at, other)| *at != chosen && other.log.is_finite());
    let lead = |other: &Known| other.log - own.log + quantile * own.error.hypot(other.error);
    others.map(|(_, other)| lead(other)).fold(0.0, f64::max)
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
            let said = regret(&levels, chosen, 30.0);
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
    fn poor_levels_are_no_trouble() {
        let known = |log: f64| Known { log, error: 0.0 };
        assert!(regret(&[], 0, 9.0).is_infinite());
        assert!(regret(&[known(1.0)], 0, 9.0).abs() < 1e-12);
        assert!(regret(&[known(1.0), known(f64::NAN)], 0, 9.0).abs() < 1e-12);
        assert!(regret(&[known(f64::NAN), known(1.0)], 0, 9.0).is_infinite());
        assert!((regret(&[known(0.0), known(0.2)], 0, 9.0) - 0.2).abs() < 1e-12);
    }
}
