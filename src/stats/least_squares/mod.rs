//! Least squares with bounds, for curves with few coefficients.
//!
//! Levenberg and Marquardt's method on scaled columns, solved by QR so that small coefficients keep
//! their digits. Bounds use an active set: a coefficient at its bound is left out of the step while
//! its gradient points outward.
//!
//! Sources: Marquardt, SIAM J. 11 (1963); More, Lecture Notes in Mathematics 630 (1978).

mod orthogonal;
mod profile;
#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values are meant")]
mod tests;

use orthogonal::{invert, orthogonalise, solve};
pub use profile::profile;

/// A curve with `P` coefficients.
pub trait Model<const P: usize> {
    /// The value at `x`, and its derivatives with respect to the coefficients.
    fn at(&self, x: f64, coefficients: &[f64; P]) -> (f64, [f64; P]);
    /// The smallest and largest allowed value of each coefficient.
    fn bounds(&self) -> [(f64, f64); P];
}

/// One observation, or the mean of several at the same place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// The place.
    pub x: f64,
    /// The (mean) value.
    pub y: f64,
    /// How many observations it stands for.
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

/// Fits from several starts and returns the best fit; `None` if no start gives a finite curve.
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

/// A fit ends when the coefficients change by less than this share.
const EXACT: f64 = 1e-13;

/// Fits while the coefficients marked in `held` keep their values of `start`. Ends when no
/// coefficient changes by more than the share `precision`.
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

/// The curve linearised at a point: rows of derivatives, with the residuals that they should
/// explain.
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
    /// Linearises `model` at `coefficients`.
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

    /// Whether coefficient `j` is at a bound and the step would leave the allowed range.
    fn blocked(&self, j: usize, at: f64, (low, high): (f64, f64)) -> bool {
        let downhill: f64 = self.rows.iter().zip(&self.residuals).map(|(row, r)| row[j] * r).sum();
        (at <= low && downhill <= 0.0) || (at >= high && downhill >= 0.0)
    }

    /// The damped step over the `free` coefficients; `None` if there is none.
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

    /// The inverse of the squared matrix of derivatives, over the `free` coefficients. Multiplied
    /// by the variance of the noise, it is the covariance of the coefficients.
    ///
    /// `None` if the data cannot determine the coefficients separately.
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
    /// The covariance of all coefficients where each (weighted) residual has its own variance,
    /// after Eicker and White (Econometrica 48, 1980).
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
