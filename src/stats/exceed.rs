//! Do too many tasks exceed a latency limit? The answer comes from windows of tasks that wait for
//! each other.
//!
//! Tasks of one window wait for each other, so they are not independent samples. The share of tasks
//! that take longer is therefore judged by how it differs between windows: the ratio estimate of a
//! cluster sample, with Student's t. The interval is never narrower than for independent tasks.

use super::special;
use super::student;

/// With fewer windows, their differences are not known.
pub const FEW: usize = 3;
/// Confidence of every answer.
pub const CONFIDENCE: f64 = 0.95;

/// Estimates the share that exceeds from windows of `(exceeding, all)` tasks, with the standard
/// error from the differences between windows. `None` if there are too few windows.
fn estimate(windows: &[(f64, f64)]) -> Option<(f64, f64)> {
    let exceeding: f64 = windows.iter().map(|(exceeding, _)| exceeding).sum();
    let all: f64 = windows.iter().map(|(_, all)| all).sum();
    if windows.len() < FEW || all <= 0.0 {
        return None;
    }
    let share = exceeding / all;
    let count = windows.len() as f64;
    let squares: f64 = windows.iter().map(|(x, n)| (x - share * n).powi(2)).sum();
    Some((share, (squares * count / (count - 1.0)).sqrt() / all))
}

/// The quantile of Student's t for this many windows.
fn quantile(windows: usize) -> f64 {
    student::quantile(CONFIDENCE, windows.saturating_sub(1).max(1) as f64)
}

/// Whether at most the share `allowed` exceeds, with 95 % confidence. Each window gives its
/// `(exceeding, all)` tasks.
pub fn is_shown(windows: &[(f64, f64)], allowed: f64) -> bool {
    let Some((share, error)) = estimate(windows) else { return false };
    let exceeding: f64 = windows.iter().map(|(exceeding, _)| exceeding).sum();
    let all: f64 = windows.iter().map(|(_, all)| all).sum();
    if all <= exceeding {
        return false;
    }
    // If tasks were independent and the true share were the allowed one, so few would exceed in 5 %
    // of samples.
    let independent = 1.0 - special::beta_share(exceeding + 1.0, all - exceeding, allowed);
    share + quantile(windows.len()) * error <= allowed && independent <= 1.0 - CONFIDENCE
}

/// Whether more than the share `allowed` exceeds, with 95 % confidence.
pub fn is_refuted(windows: &[(f64, f64)], allowed: f64) -> bool {
    estimate(windows)
        .is_some_and(|(share, error)| share - quantile(windows.len()) * error > allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_not_refuted_and_little_tells_neither() {
        let few = vec![(0.0, 1000.0); 2];
        assert!(!is_shown(&few, 0.01) && !is_refuted(&few, 0.01));
        let none = vec![(0.0, 100.0), (0.0, 100.0), (0.0, 99.0)];
        assert!(is_shown(&none, 0.01) && !is_refuted(&none, 0.01));
        let many = vec![(30.0, 300.0), (25.0, 300.0), (34.0, 300.0)];
        assert!(!is_shown(&many, 0.01) && is_refuted(&many, 0.01));
        let near = vec![(2.0, 300.0), (4.0, 300.0), (3.0, 300.0)];
        assert!(!is_shown(&near, 0.01) && !is_refuted(&near, 0.01));
    }

    #[test]
    fn the_interval_over_windows_covers_what_it_says() {
        // Windows differ: each draws its own share of exceeding tasks, 1 % on average.
        let mut rng = crate::rng::Rng::new(5);
        let (mut wrong, runs) = (0, 2000);
        for _ in 0..runs {
            let windows: Vec<(f64, f64)> = (0..16)
                .map(|_| {
                    let share = 0.01 * -rng.unit().ln();
                    let hits = (0..300).filter(|_| rng.unit() < share).count();
                    (hits as f64, 300.0)
                })
                .collect();
            wrong += u32::from(is_shown(&windows, 0.01));
        }
        let share = f64::from(wrong) / f64::from(runs);
        // Skewed shares make Student's t a little too optimistic.
        assert!(share < 0.12, "{share} of the runs said so wrongly");
    }
}
