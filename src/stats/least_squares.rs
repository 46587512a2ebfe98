//! Bounded least squares for curves with few coefficients.
//!
//! Levenberg and Marquardt's method on scaled columns, by QR so that small coefficients keep their digits. Bounds by an active set: a coefficient at
//! its bound whose gradient points outward is left out of the step, and taken in again when the gradient turns.
//!
//! Sources: Marquardt, SIAM J. 11 (1963); More, Lecture Notes in Mathematics 630 (1978); Bates and Watts, Nonlinear Regression (1988), for profiles.

/// A curve with `P` coefficients.
pub trait Model<const P: usize> {
    /// The value at `x` and its derivatives by the coefficients.
    fn at(&self, x: f64, coefficients: &[f64; P]) -> (f64, [f64; P]);
    /// The smallest and largest allowed value of each coefficient.
    fn bounds(&self) -> [(f64, f64); P];
}

/// One observation, or several at the same place drawn together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// Where.
    pub x: f64,
    /// What, on average.
    pub y: f64,
    /// How many observations stand behind it.
    pub weight: f64,
}

/// A fitted curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit<const P: usize> {
    /// The coefficients.
    pub coefficients: [f64; P],
    /// The weighted sum of squared residuals.
    pub squares: f64,
}

/// Fits from the best of several starts; `None` if no start gives a finite curve.
pub fn fit<const P: usize>(
    model: &impl Model<P>,
    data: &[Observed],
    starts: &[[f64; P]],
) -> Option<Fit<P>> {
    starts
        .iter()
        .filter_map(|start| descend(model, data, start, &[false; P], EXACT))
        .min_by(|a, b| a.squares.total_cmp(&b.squares))
}

/// Relative change of the coefficients at which a fit is done.
const EXACT: f64 = 1e-13;
/// The same for the many fits of a profile, of which only the sum of squares is wanted.
const GOOD_ENOUGH: f64 = 1e-6;

/// Fits with the coefficients marked in `held` kept where `start` has them, until none changes by more than the share `precision`.
fn descend<const P: usize>(
    model: &impl Model<P>,
    data: &[Observed],
    start: &[f64; P],
    held: &[bool; P],
    precision: f64,
) -> Option<Fit<P>> {
    let bounds = model.bounds();
    let mut at: [f64; P] = std::array::from_fn(|j| {
        if held[j] { start[j] } else { start[j].clamp(bounds[j].0, bounds[j].1) }
    });
    let mut squares = sum_of_squares(model, data, &at);
    if !squares.is_finite() {
        return None;
    }
    let mut damping = 1e-3;
    for _ in 0..300 {
        let system = Linearised::new(model, data, &at);
        let free: [bool; P] =
            std::array::from_fn(|j| !held[j] && !system.blocked(j, at[j], bounds[j]));
        let Some(step) = system.step(&free, damping) else { break };
        let next: [f64; P] = std::array::from_fn(|j| {
            if free[j] { (at[j] + step[j]).clamp(bounds[j].0, bounds[j].1) } else { at[j] }
        });
        let trial = sum_of_squares(model, data, &next);
        if trial <= squares {
            let still = (0..P).all(|j| (next[j] - at[j]).abs() <= precision * at[j].abs());
            (at, squares) = (next, trial);
            damping = (damping * 0.1).max(1e-15);
            if still {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    Some(Fit { coefficients: at, squares })
}

/// The weighted sum of squared residuals.
pub fn sum_of_squares<const P: usize>(
    model: &impl Model<P>,
    data: &[Observed],
    coefficients: &[f64; P],
) -> f64 {
    data.iter().map(|o| o.weight * (o.y - model.at(o.x, coefficients).0).powi(2)).sum()
}

/// The curve's tangent at a point: rows of derivatives with the residuals they should explain.
pub struct Linearised<const P: usize> {
    rows: Vec<[f64; P]>,
    residuals: Vec<f64>,
    lengths: [f64; P],
}

impl<const P: usize> std::fmt::Debug for Linearised<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linearised").field("lengths", &self.lengths).finish_non_exhaustive()
    }
}

impl<const P: usize> Linearised<P> {
    /// The tangent of `model` at `coefficients`.
    pub fn new(model: &impl Model<P>, data: &[Observed], coefficients: &[f64; P]) -> Self {
        let mut rows = Vec::with_capacity(data.len());
        let mut residuals = Vec::with_capacity(data.len());
        for o in data {
            let (value, slopes) = model.at(o.x, coefficients);
            let root = o.weight.sqrt();
            rows.push(slopes.map(|slope| slope * root));
            residuals.push((o.y - value) * root);
        }
        let lengths = std::array::from_fn(|j| {
            rows.iter().map(|row: &[f64; P]| row[j] * row[j]).sum::<f64>().sqrt()
        });
        Self { rows, residuals, lengths }
    }

    /// Whether coefficient `j` sits at a bound and would only leave through it.
    fn blocked(&self, j: usize, at: f64, (low, high): (f64, f64)) -> bool {
        let downhill: f64 = self.rows.iter().zip(&self.residuals).map(|(row, r)| row[j] * r).sum();
        (at <= low && downhill <= 0.0) || (at >= high && downhill >= 0.0)
    }

    /// The damped step over the `free` coefficients; `None` where there is none.
    fn step(&self, free: &[bool; P], damping: f64) -> Option<[f64; P]> {
        let used: Vec<usize> = (0..P).filter(|&j| free[j] && self.lengths[j] > 0.0).collect();
        if used.is_empty() {
            return None;
        }
        let mut columns: Vec<Vec<f64>> = used
            .iter()
            .map(|&j| self.rows.iter().map(|row| row[j] / self.lengths[j]).collect())
            .collect();
        for (k, column) in columns.iter_mut().enumerate() {
            column.extend((0..used.len()).map(|i| if i == k { damping.sqrt() } else { 0.0 }));
        }
        let mut right = self.residuals.clone();
        right.extend(std::iter::repeat_n(0.0, used.len()));
        let solved = solve(columns, right)?;
        let mut step = [0.0; P];
        for (k, &j) in used.iter().enumerate() {
            step[j] = solved[k] / self.lengths[j];
        }
        step.iter().all(|s| s.is_finite()).then_some(step)
    }

    /// The inverse of the squared tangent over the `free` coefficients: times the variance of the noise it is the covariance of the coefficients.
    ///
    /// `None` where the data cannot tell the coefficients apart.
    pub fn covariance(&self, free: &[bool; P]) -> Option<[[f64; P]; P]> {
        let used: Vec<usize> = (0..P).filter(|&j| free[j]).collect();
        if used.iter().any(|&j| self.lengths[j] <= 0.0) {
            return None;
        }
        let columns: Vec<Vec<f64>> = used
            .iter()
            .map(|&j| self.rows.iter().map(|row| row[j] / self.lengths[j]).collect())
            .collect();
        let (_, upper) = orthogonalise(columns)?;
        let inverse = invert(&upper);
        let mut out = [[0.0; P]; P];
        for (a, &i) in used.iter().enumerate() {
            for (b, &j) in used.iter().enumerate() {
                let sum: f64 = (0..used.len()).map(|k| inverse[a][k] * inverse[b][k]).sum();
                out[i][j] = sum / (self.lengths[i] * self.lengths[j]);
            }
        }
        Some(out)
    }
}

impl<const P: usize> Linearised<P> {
    /// The covariance of all coefficients when each (weighted) residual has its own variance, after Eicker and White (Econometrica 48, 1980).
    pub fn sandwich(&self, variances: &[f64]) -> Option<[[f64; P]; P]> {
        let bread = self.covariance(&[true; P])?;
        let mut meat = [[0.0; P]; P];
        for (row, variance) in self.rows.iter().zip(variances) {
            for i in 0..P {
                for j in 0..P {
                    meat[i][j] += row[i] * row[j] * variance;
                }
            }
        }
        let times = |a: &[[f64; P]; P], b: &[[f64; P]; P]| -> [[f64; P]; P] {
            std::array::from_fn(|i| {
                std::array::from_fn(|j| (0..P).map(|k| a[i][k] * b[k][j]).sum())
            })
        };
        Some(times(&times(&bread, &meat), &bread))
    }
}

/// Least squares of `columns` against `right` by modified Gram and Schmidt.
fn solve(columns: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let (units, upper) = orthogonalise(columns)?;
    let mut solution: Vec<f64> = Vec::with_capacity(units.len());
    for unit in &units {
        let part = dot(unit, &right);
        for (r, u) in right.iter_mut().zip(unit) {
            *r -= part * u;
        }
        solution.push(part);
    }
    for i in (0..solution.len()).rev() {
        let known: f64 = (i + 1..solution.len()).map(|j| upper[i][j] * solution[j]).sum();
        solution[i] = (solution[i] - known) / upper[i][i];
    }
    Some(solution)
}

type Matrix = Vec<Vec<f64>>;

/// Columns of length one at right angles, and the upper triangle that makes the given columns of them; `None` where a column depends on the others.
fn orthogonalise(mut columns: Matrix) -> Option<(Matrix, Matrix)> {
    let n = columns.len();
    let mut upper = vec![vec![0.0; n]; n];
    for i in 0..n {
        let length = dot(&columns[i], &columns[i]).sqrt();
        // The columns came in with length one: what is left of a dependent one is rounding.
        if length.partial_cmp(&1e-12) != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        upper[i][i] = length;
        let (done, rest) = columns.split_at_mut(i + 1);
        for value in &mut done[i] {
            *value /= length;
        }
        for (j, column) in rest.iter_mut().enumerate() {
            let part = dot(&done[i], column);
            upper[i][i + 1 + j] = part;
            for (value, unit) in column.iter_mut().zip(&done[i]) {
                *value -= part * unit;
            }
        }
    }
    Some((columns, upper))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The inverse of an upper triangle.
fn invert(upper: &[Vec<f64>]) -> Matrix {
    let n = upper.len();
    let mut inverse = vec![vec![0.0; n]; n];
    for j in 0..n {
        inverse[j][j] = 1.0 / upper[j][j];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|k| upper[i][k] * inverse[k][j]).sum();
            inverse[i][j] = -sum / upper[i][i];
        }
    }
    inverse
}

/// The range of coefficient `j` over which the best fit of the others stays within `allowance` of the least sum of squares.
///
/// With `allowance` = variance x t^2 this is the profile-t interval: unlike coefficient +- t x error it follows the bend of the curve and stops at bounds.
/// An end beyond which the fit never gets worse is the bound of the coefficient, which may be infinite.
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

/// A walk along one coefficient, away from the best fit, carrying the others along.
struct Walk<'m, M, const P: usize> {
    model: &'m M,
    data: &'m [Observed],
    j: usize,
    limit: f64,
    near: [f64; P],
}

impl<M: Model<P>, const P: usize> Walk<'_, M, P> {
    /// The best fit with the coefficient held at `value`, if it is still allowed.
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
        // Doubling steps outward until the fit is too bad or the bound is reached.
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

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    struct Decay;

    /// y = a (1 - exp(-b x)): the certified set Misra1a of NIST's Statistical Reference Datasets.
    impl Model<2> for Decay {
        fn at(&self, x: f64, [a, b]: &[f64; 2]) -> (f64, [f64; 2]) {
            let left = (-b * x).exp();
            (a * (1.0 - left), [1.0 - left, a * x * left])
        }
        fn bounds(&self) -> [(f64, f64); 2] {
            [(0.0, f64::INFINITY), (0.0, f64::INFINITY)]
        }
    }

    const MISRA: [(f64, f64); 14] = [
        (77.6, 10.07),
        (114.9, 14.73),
        (141.1, 17.94),
        (190.8, 23.93),
        (239.9, 29.61),
        (289.0, 35.18),
        (332.8, 40.02),
        (378.4, 44.82),
        (434.8, 50.76),
        (477.3, 55.05),
        (536.8, 61.01),
        (593.1, 66.40),
        (689.1, 75.47),
        (760.0, 81.78),
    ];

    fn misra() -> Vec<Observed> {
        MISRA.iter().map(|&(x, y)| Observed { x, y, weight: 1.0 }).collect()
    }

    #[test]
    fn the_certified_values_of_misra1a_come_out() {
        let data = misra();
        let fit = fit(&Decay, &data, &[[500.0, 0.0001]]).unwrap();
        assert!((fit.coefficients[0] / 2.389_421_291_8E+02 - 1.0).abs() < 1e-8, "{fit:?}");
        assert!((fit.coefficients[1] / 5.501_564_318_1E-04 - 1.0).abs() < 1e-8);
        assert!((fit.squares / 1.245_513_889_4E-01 - 1.0).abs() < 1e-8);
        let covariance =
            Linearised::new(&Decay, &data, &fit.coefficients).covariance(&[true; 2]).unwrap();
        let error = (covariance[0][0] * fit.squares / 12.0).sqrt();
        assert!((error / 2.707_007_524_1 - 1.0).abs() < 1e-6, "{error}");
    }

    #[test]
    fn a_profile_of_a_nearly_straight_model_is_the_usual_interval() {
        let data = misra();
        let fit = fit(&Decay, &data, &[[250.0, 0.0005]]).unwrap();
        let t: f64 = 2.178_812_83;
        let (low, high) = profile(&Decay, &data, &fit, 0, fit.squares / 12.0 * t * t, 2.7);
        assert!((low - (238.942 - t * 2.707)).abs() < 0.3, "{low}");
        assert!((high - (238.942 + t * 2.707)).abs() < 0.3, "{high}");
    }

    /// A straight line through the origin whose slope may not be negative.
    struct Slope;
    impl Model<1> for Slope {
        fn at(&self, x: f64, [a]: &[f64; 1]) -> (f64, [f64; 1]) {
            (a * x, [x])
        }
        fn bounds(&self) -> [(f64, f64); 1] {
            [(0.0, f64::INFINITY)]
        }
    }

    #[test]
    fn a_bound_holds_and_lets_go() {
        let falling = [Observed { x: 1.0, y: -3.0, weight: 2.0 }];
        assert_eq!(fit(&Slope, &falling, &[[5.0]]).unwrap().coefficients, [0.0]);
        let rising = [Observed { x: 2.0, y: 3.0, weight: 1.0 }];
        assert!((fit(&Slope, &rising, &[[0.0]]).unwrap().coefficients[0] - 1.5).abs() < 1e-12);
    }
}
