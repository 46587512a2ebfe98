//! The laws, each as the logarithm of a throughput with its derivatives.

use crate::analysis::findings::Estimate;
use crate::stats::least_squares::{Model, Observed};

/// A law that can be fitted to logarithms.
pub(super) trait Form<const P: usize>: Model<P> {
    /// Its name in the findings.
    const NAME: &'static str;
    /// Its formula, as text.
    const FORMULA: &'static str;
    /// The names of its coefficients in the findings.
    const NAMES: [&'static str; P];

    /// Starting points for the fit.
    fn starts(&self, data: &[Observed]) -> Vec<[f64; P]>;

    /// Which coefficients are fitted as logarithms, because they are positive and can have any
    /// magnitude.
    fn logarithmic(&self) -> [bool; P];

    /// A coefficient with its interval, from the fitted value and the half width of its interval.
    fn estimate(&self, j: usize, value: f64, half: f64) -> Estimate {
        let (low, high) = self.bounds()[j];
        let ends = [value, (value - half).max(low), (value + half).min(high)];
        let [median, low, high] = if self.logarithmic()[j] { ends.map(f64::exp) } else { ends };
        Estimate { median, low, high }
    }
}

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// The largest throughput per worker, and the largest throughput, both as logarithms. Most laws
/// start from these.
fn heights(data: &[Observed]) -> (f64, f64) {
    let max = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
    (max(&mut data.iter().map(|o| o.y - o.x.ln())), max(&mut data.iter().map(|o| o.y)))
}

/// X(N) = level.
pub(super) struct Flat;

impl Model<1> for Flat {
    fn at(&self, _: f64, [level]: &[f64; 1]) -> (f64, [f64; 1]) {
        (*level, [1.0])
    }
    fn bounds(&self) -> [(f64, f64); 1] {
        [ANY]
    }
}

impl Form<1> for Flat {
    const NAME: &'static str = "flat";
    const FORMULA: &'static str = "X(N) = level";
    const NAMES: [&'static str; 1] = ["level"];
    fn starts(&self, data: &[Observed]) -> Vec<[f64; 1]> {
        vec![[heights(data).1]]
    }
    fn logarithmic(&self) -> [bool; 1] {
        [true]
    }
}

/// X(N) = lambda N.
pub(super) struct Linear;

impl Model<1> for Linear {
    fn at(&self, n: f64, [lambda]: &[f64; 1]) -> (f64, [f64; 1]) {
        (lambda + n.ln(), [1.0])
    }
    fn bounds(&self) -> [(f64, f64); 1] {
        [ANY]
    }
}

impl Form<1> for Linear {
    const NAME: &'static str = "linear";
    const FORMULA: &'static str = "X(N) = lambda N";
    const NAMES: [&'static str; 1] = ["lambda"];
    fn starts(&self, data: &[Observed]) -> Vec<[f64; 1]> {
        vec![[heights(data).0]]
    }
    fn logarithmic(&self) -> [bool; 1] {
        [true]
    }
}

/// Amdahl's law.
pub(super) struct Amdahl;

impl Model<2> for Amdahl {
    fn at(&self, n: f64, [lambda, sigma]: &[f64; 2]) -> (f64, [f64; 2]) {
        let wait = 1.0 + sigma * (n - 1.0);
        (lambda + n.ln() - wait.ln(), [1.0, -(n - 1.0) / wait])
    }
    fn bounds(&self) -> [(f64, f64); 2] {
        [ANY, (0.0, 1.0)]
    }
}

impl Form<2> for Amdahl {
    const NAME: &'static str = "amdahl";
    const FORMULA: &'static str = "X(N) = lambda N / (1 + sigma (N - 1))";
    const NAMES: [&'static str; 2] = ["lambda", "sigma"];
    fn starts(&self, data: &[Observed]) -> Vec<[f64; 2]> {
        let (lambda, _) = heights(data);
        [0.001, 0.05, 0.5].map(|sigma| [lambda, sigma]).to_vec()
    }
    fn logarithmic(&self) -> [bool; 2] {
        [true, false]
    }
}

/// The Universal Scalability Law.
pub(super) struct Universal;

impl Model<3> for Universal {
    fn at(&self, n: f64, [lambda, sigma, kappa]: &[f64; 3]) -> (f64, [f64; 3]) {
        let wait = 1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0);
        let slopes = [1.0, -(n - 1.0) / wait, -n * (n - 1.0) / wait];
        (lambda + n.ln() - wait.ln(), slopes)
    }
    fn bounds(&self) -> [(f64, f64); 3] {
        [ANY, (0.0, 1.0), (0.0, f64::INFINITY)]
    }
}

impl Form<3> for Universal {
    const NAME: &'static str = "usl";
    const FORMULA: &'static str = "X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))";
    const NAMES: [&'static str; 3] = ["lambda", "sigma", "kappa"];
    fn starts(&self, data: &[Observed]) -> Vec<[f64; 3]> {
        let (lambda, _) = heights(data);
        let top = data.iter().map(|o| o.x).fold(1.0, f64::max);
        vec![
            [lambda, 0.01, 1e-4],
            [lambda, 0.1, 1.0 / (top * top)],
            [lambda, 0.5, 0.0],
            [lambda, 0.9, 0.1],
        ]
    }
    fn logarithmic(&self) -> [bool; 3] {
        [true, false, false]
    }
}

/// Linear up to a cap, with a corner that can be round.
pub(super) struct Saturation;

/// The logarithm of a soft minimum of a line and a cap. Also its derivatives with respect to the
/// logarithms of both and to the sharpness q.
fn soft_minimum(line: f64, cap: f64, q: f64) -> (f64, [f64; 3]) {
    // -ln(e^(-q line) + e^(-q cap)) / q, computed from the smaller one so that nothing overflows.
    let low = line.min(cap);
    let (a, b) = ((-q * (line - low)).exp(), (-q * (cap - low)).exp());
    let sum = a + b;
    let value = low - sum.ln() / q;
    let by_q = sum.ln() / (q * q) + ((line - low) * a + (cap - low) * b) / (q * sum);
    (value, [a / sum, b / sum, by_q])
}

impl Model<3> for Saturation {
    fn at(&self, n: f64, [lambda, cap, q]: &[f64; 3]) -> (f64, [f64; 3]) {
        soft_minimum(lambda + n.ln(), *cap, *q)
    }
    fn bounds(&self) -> [(f64, f64); 3] {
        [ANY, ANY, (1.0, 40.0)]
    }
}

impl Form<3> for Saturation {
    const NAME: &'static str = "saturation";
    const FORMULA: &'static str = "X(N) = ((lambda N)^-q + cap^-q)^(-1/q)";
    const NAMES: [&'static str; 3] = ["lambda", "cap", "q"];
    fn starts(&self, data: &[Observed]) -> Vec<[f64; 3]> {
        let (lambda, cap) = heights(data);
        [2.0, 6.0, 20.0].map(|q| [lambda, cap, q]).to_vec()
    }
    fn logarithmic(&self) -> [bool; 3] {
        [true, true, false]
    }
}

/// Saturation, then a fall by a power of the count.
pub(super) struct Decline {
    /// The largest count. A corner beyond it cannot be seen.
    top: f64,
}

impl Decline {
    pub(super) fn over(data: &[Observed]) -> Self {
        Self { top: data.iter().map(|o| o.x).fold(1.0, f64::max) }
    }
}

impl Model<4> for Decline {
    fn at(&self, n: f64, [lambda, cap, q, d]: &[f64; 4]) -> (f64, [f64; 4]) {
        let (value, [by_lambda, by_cap, by_q]) = soft_minimum(lambda + n.ln(), *cap, *q);
        // (1 + (N/N*)^8)^(-d/8) with N* = cap / lambda.
        let over = n.ln() - (cap - lambda);
        let fall = if over > 0.0 {
            over + (-8.0 * over).exp().ln_1p() / 8.0
        } else {
            (8.0 * over).exp().ln_1p() / 8.0
        };
        let by_over = -d / (1.0 + (-8.0 * over).exp());
        (value - d * fall, [by_lambda + by_over, by_cap - by_over, by_q, -fall])
    }
    fn bounds(&self) -> [(f64, f64); 4] {
        [ANY, ANY, (1.0, 40.0), (0.0, 4.0)]
    }
}

impl Form<4> for Decline {
    const NAME: &'static str = "saturation-decline";
    const FORMULA: &'static str =
        "X(N) = ((lambda N)^-q + cap^-q)^(-1/q) (1 + (lambda N / cap)^8)^(-d/8)";
    const NAMES: [&'static str; 4] = ["lambda", "cap", "q", "d"];
    fn starts(&self, data: &[Observed]) -> Vec<[f64; 4]> {
        let (lambda, cap) = heights(data);
        let cap = cap.min(lambda + self.top.ln());
        [[4.0, 0.1], [20.0, 0.1], [10.0, 0.6]].map(|[q, d]| [lambda, cap, q, d]).to_vec()
    }
    fn logarithmic(&self) -> [bool; 4] {
        [true, true, false, false]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Derivatives written by hand are easily wrong, so each is compared with a difference
    /// quotient.
    fn slopes_are_right<const P: usize>(form: &impl Form<P>, at: [f64; P]) {
        for n in [0.5, 1.0, 3.0, 17.0, 400.0] {
            let (_, slopes) = form.at(n, &at);
            for j in 0..P {
                let step = 1e-6;
                let moved = |by: f64| {
                    let mut shifted = at;
                    shifted[j] += by;
                    form.at(n, &shifted).0
                };
                let quotient = (moved(step) - moved(-step)) / (2.0 * step);
                let error = (slopes[j] - quotient).abs() / (1.0 + quotient.abs());
                assert!(error < 1e-6, "N = {n}, coefficient {j}: {} {quotient}", slopes[j]);
            }
        }
    }

    #[test]
    fn all_derivatives_are_right() {
        slopes_are_right(&Flat, [2.0]);
        slopes_are_right(&Linear, [2.0]);
        slopes_are_right(&Amdahl, [2.0, 0.07]);
        slopes_are_right(&Universal, [2.0, 0.07, 0.002]);
        slopes_are_right(&Saturation, [2.0, 4.5, 3.0]);
        slopes_are_right(&Decline { top: 64.0 }, [2.0, 4.5, 3.0, 0.4]);
    }
}
