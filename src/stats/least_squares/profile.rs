//! Profile intervals: how far a coefficient can move while the best fit of the others stays nearly
//! as good.
//!
//! Source: Bates and Watts, Nonlinear Regression (1988), ch. 6.

use super::{Fit, Model, Observed, descend};

/// The precision of the fits of a profile. It is low, because only their sums of squares are
/// needed.
const GOOD_ENOUGH: f64 = 1e-6;

/// The range of coefficient `j` in which the best fit of the others has a sum of squares within
/// `allowance` of the least one.
///
/// With `allowance` = variance x t^2 this is the profile-t interval. Unlike coefficient +- t x
/// error it follows the bend of the curve and stops at bounds. If the fit never gets worse in one
/// direction, that end is the bound of the coefficient, which may be infinite.
pub fn profile<const P: usize>(
    model: &impl Model<P>,
    data: &[Observed],
    best: &Fit<P>,
    j: usize,
    allowance: f64,
    first_step: f64,
) -> (f64, f64) {
    let bounds = model.bounds()[j];
    let side = |direction: f64, bound: f64| {
        let mut walk =
            Walk { model, data, j, limit: best.squares + allowance, near: best.coefficients };
        walk.end(direction * first_step, bound)
    };
    (side(-1.0, bounds.0), side(1.0, bounds.1))
}

/// Moves one coefficient away from the best fit and refits the others.
struct Walk<'m, M, const P: usize> {
    model: &'m M,
    data: &'m [Observed],
    j: usize,
    limit: f64,
    near: [f64; P],
}

impl<M: Model<P>, const P: usize> Walk<'_, M, P> {
    /// The best fit with the coefficient held at `value`; `None` if that fit is no longer allowed.
    fn allowed(&self, value: f64) -> Option<[f64; P]> {
        let mut start = self.near;
        start[self.j] = value;
        let held = std::array::from_fn(|k| k == self.j);
        let fit = descend(self.model, self.data, &start, &held, GOOD_ENOUGH)?;
        (fit.squares <= self.limit).then_some(fit.coefficients)
    }

    fn end(&mut self, mut step: f64, bound: f64) -> f64 {
        if step == 0.0 || !step.is_finite() {
            return bound;
        }
        // Doubling steps outward, until the fit is too bad or the bound is reached.
        let mut outside = None;
        for _ in 0..60 {
            let mut next = self.near[self.j] + step;
            let at_bound = if step > 0.0 { next >= bound } else { next <= bound };
            if at_bound {
                next = bound;
            }
            match self.allowed(next) {
                Some(_) if at_bound => return bound,
                Some(coefficients) => self.near = coefficients,
                None => {
                    outside = Some(next);
                    break;
                }
            }
            step *= 2.0;
        }
        let Some(mut outside) = outside else { return f64::INFINITY.copysign(step) };
        let from = self.near[self.j];
        for _ in 0..20 {
            let middle = f64::midpoint(self.near[self.j], outside);
            match self.allowed(middle) {
                Some(coefficients) => self.near = coefficients,
                None => outside = middle,
            }
            if (outside - self.near[self.j]).abs() <= 1e-4 * (outside - from).abs() {
                break;
            }
        }
        self.near[self.j]
    }
}
