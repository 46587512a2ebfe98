//! Divides the rest of the budget among the workloads.

/// A workload that claims a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Claim {
    /// Its weight relative to the others.
    pub(super) weight: f64,
    /// Seconds spent on it already.
    pub(super) spent: f64,
    /// The fewest seconds with which it can say anything.
    pub(super) least: f64,
}

/// Divides `left` seconds among the claims, and returns their shares in order.
///
/// In the end all claims should have had the same time per weight, past time included; but none
/// gets less than its least. So `share = max(least, level * weight - spent)`, with the level at
/// which the shares add up to `left`. If even the least amounts cannot be paid, all of them shrink
/// alike.
pub(super) fn divide(claims: &[Claim], left: f64) -> Vec<f64> {
    let least: f64 = claims.iter().map(|claim| claim.least).sum();
    if least >= left {
        let part = if least > 0.0 { left.max(0.0) / least } else { 0.0 };
        return claims.iter().map(|claim| part * claim.least).collect();
    }
    let share = |claim: &Claim, level: f64| claim.least.max(level * claim.weight - claim.spent);
    // At this level a single claim would take all that is left.
    let top = |claim: &Claim| (left + claim.spent) / claim.weight.max(f64::MIN_POSITIVE);
    let (mut low, mut high) = (0.0, claims.iter().map(top).fold(0.0, f64::max));
    // The sum grows with the level, so bisection finds the level, here to a billionth.
    for _ in 0..60 {
        let level = f64::midpoint(low, high);
        let sum: f64 = claims.iter().map(|claim| share(claim, level)).sum();
        if sum > left { high = level } else { low = level }
    }
    claims.iter().map(|claim| share(claim, low)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claim(weight: f64, spent: f64, least: f64) -> Claim {
        Claim { weight, spent, least }
    }

    fn rounded(claims: &[Claim], left: f64) -> Vec<f64> {
        divide(claims, left).iter().map(|share| (share * 1e6).round() / 1e6).collect()
    }

    #[test]
    fn equals_get_equal_shares_and_the_past_counts() {
        assert_eq!(rounded(&[claim(1.0, 0.0, 0.0); 4], 20.0), [5.0; 4]);
        assert_eq!(rounded(&[claim(1.0, 4.0, 0.0), claim(1.0, 0.0, 0.0)], 10.0), [3.0, 7.0]);
        assert_eq!(rounded(&[claim(3.0, 0.0, 0.0), claim(1.0, 0.0, 0.0)], 8.0), [6.0, 2.0]);
    }

    #[test]
    fn the_dear_get_their_least_and_the_others_share_the_rest() {
        let claims = [claim(1.0, 0.0, 12.0), claim(1.0, 0.0, 0.5), claim(1.0, 0.0, 0.5)];
        assert_eq!(rounded(&claims, 20.0), [12.0, 4.0, 4.0]);
        assert_eq!(rounded(&claims, 6.5), [6.0, 0.25, 0.25]);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_what_is_left(
            claims in prop::collection::vec((0.1..10.0, 0.0..30.0, 0.0..5.0), 1..20),
            left in 0.0..100.0,
        ) {
            let claims: Vec<Claim> = claims
                .into_iter()
                .map(|(weight, spent, least)| claim(weight, spent, least))
                .collect();
            let shares = divide(&claims, left);
            prop_assert!(shares.iter().all(|share| *share >= 0.0));
            let sum: f64 = shares.iter().sum();
            prop_assert!((sum - left).abs() < 1e-6 * left.max(1.0), "{sum} of {left}");
        }
    }
}
