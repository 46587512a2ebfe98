//! Fits scaling laws to a curve, chooses between them, and judges whether any of them describes it.
//!
//! Laws are fitted to the logarithms of the counts' levels, because noise is a share of the
//! throughput and every part of the curve should count. (The coefficients that programs read are
//! fitted to the throughputs as given, like published ones: see `usl`.)

mod forms;
pub(super) mod usl;

use std::collections::BTreeMap;

use super::findings::{Estimate, Law};
use crate::stats::least_squares::{Fit, Linearised, Model, Observed, fit};
use crate::stats::{special, student};
use forms::{Amdahl, Decline, Flat, Form, Linear, Saturation, Universal};

/// The level of one count, which a law has to describe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    pub(super) workers: f64,
    /// The logarithm of the throughput.
    pub(super) log: f64,
    /// The number of measurements.
    pub(super) count: usize,
}

/// The error of the levels as known from repetitions: standard deviation of one measurement, and
/// degrees of freedom. `None` without repetitions.
pub(super) type Known = Option<(f64, f64)>;

/// A relative misfit below this would not be visible.
const VISIBLE: f64 = 0.05;
/// Without repetitions a misfit above this cannot be noise.
const BLATANT: f64 = 0.15;
/// A law whose criterion is this much worse than the best one has no support (Burnham and Anderson
/// 2002).
const NO_SUPPORT: f64 = 10.0;
/// No benchmark is more exact than this; smaller misfits count as this one.
const FLOOR: f64 = 1e-4;
/// Number of points in a drawn law.
const DRAWN: usize = 41;

/// Every law with no more coefficients than there are counts, the best one first.
pub(super) fn all(levels: &[Level], known: Known) -> Vec<Law> {
    let data: Vec<Observed> = levels
        .iter()
        .map(|level| Observed { x: level.workers, y: level.log, weight: level.count as f64 })
        .collect();
    let mut laws: Vec<Candidate> = [
        candidate(&Flat, &data),
        candidate(&Linear, &data),
        candidate(&Amdahl, &data),
        candidate(&Universal, &data),
        candidate(&Saturation, &data),
        candidate(&Decline::over(&data), &data),
    ]
    .into_iter()
    .flatten()
    .collect();
    let rank = |law: &Candidate| law.aicc.unwrap_or(f64::INFINITY);
    laws.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.parameters.cmp(&b.parameters)));
    let best = laws.first().map_or(f64::INFINITY, rank);
    for law in &mut laws {
        law.judge(known, best, data.len());
    }
    // The best adequate law is chosen; if no law is adequate, none is.
    let chosen = laws.iter().position(|law| law.law.adequate && law.aicc.is_some());
    let mut out: Vec<Law> = laws.into_iter().map(|law| law.law).collect();
    if let Some(at) = chosen {
        out[at].chosen = true;
    }
    for law in &mut out {
        if !law.chosen && law.name != "usl" {
            law.band.clear();
        }
    }
    out
}

/// The spread of the levels around the best law, with its degrees of freedom. For single
/// measurements this is the only estimate of their noise.
pub(super) fn residual_spread(levels: &[Level]) -> Option<super::observation::Spread> {
    let data: Vec<Observed> = levels
        .iter()
        .map(|level| Observed { x: level.workers, y: level.log, weight: 1.0 })
        .collect();
    let best = [
        candidate(&Linear, &data),
        candidate(&Amdahl, &data),
        candidate(&Universal, &data),
        candidate(&Saturation, &data),
    ]
    .into_iter()
    .flatten()
    .filter(|law| law.aicc.is_some())
    .min_by(|a, b| a.aicc.unwrap_or(0.0).total_cmp(&b.aicc.unwrap_or(0.0)))?;
    let df = data.len() as f64 - best.parameters as f64;
    (df >= 1.0).then(|| super::observation::Spread { sd: (best.squares / df).sqrt(), df })
}

/// A fitted law with the figures for choosing between laws.
struct Candidate {
    law: Law,
    parameters: usize,
    /// Weighted sum of the squared residuals of the logarithms.
    squares: f64,
    aicc: Option<f64>,
}

impl Candidate {
    /// Judges whether the misfit can be noise.
    fn judge(&mut self, known: Known, best: f64, points: usize) {
        let df = points as f64 - self.parameters as f64;
        let misfit = self.law.max_residual;
        let unsupported = self.aicc.is_some_and(|aicc| aicc - best >= NO_SUPPORT);
        self.law.adequate = if df < 1.0 || misfit <= VISIBLE {
            true
        } else if let Some((sd, known_df)) = known.filter(|known| known.0 > 0.0) {
            let f = self.squares / df / (sd * sd);
            special::f_above(f, df, known_df) >= 0.001
        } else {
            misfit <= BLATANT && !unsupported
        };
    }
}

fn candidate<const P: usize, F: Form<P>>(form: &F, data: &[Observed]) -> Option<Candidate> {
    let points = data.len();
    if points < P {
        return None;
    }
    let fitted = fit(form, data, &form.starts(data))?;
    let residual = |o: &Observed| (o.y - form.at(o.x, &fitted.coefficients).0).exp_m1().abs();
    let max_residual = data.iter().map(residual).fold(0.0, f64::max);
    let df = points as f64 - P as f64;
    let variance = if df > 0.0 { fitted.squares / df } else { 0.0 };
    let covariance = Linearised::new(form, data, &fitted.coefficients)
        .covariance(&free(form, &fitted))
        .filter(|_| df > 0.0);
    let t = if df > 0.0 { student::quantile(0.975, df) } else { 0.0 };
    let error = |slopes: &[f64; P]| {
        let covariance = covariance.as_ref()?;
        let sum: f64 = (0..P)
            .flat_map(|i| (0..P).map(move |j| (i, j)))
            .map(|(i, j)| slopes[i] * slopes[j] * covariance[i][j])
            .sum();
        Some(t * (variance * sum.max(0.0)).sqrt())
    };
    let coefficients: BTreeMap<String, Estimate> = (0..P)
        .map(|j| {
            let unit = std::array::from_fn(|k| f64::from(u8::from(k == j)));
            let half = error(&unit).unwrap_or(0.0);
            (F::NAMES[j].to_owned(), form.estimate(j, fitted.coefficients[j], half))
        })
        .collect();
    // A law is not supported if its coefficients could have any value. Besides, no figure may be
    // infinite.
    let ends = coefficients.values().flat_map(|e| [e.median, e.low, e.high]);
    if !ends.into_iter().all(f64::is_finite) || !max_residual.is_finite() {
        return None;
    }
    let aicc = aicc(fitted.squares, data, P);
    let law = Law {
        name: F::NAME.to_owned(),
        formula: F::FORMULA.to_owned(),
        coefficients,
        aicc,
        max_residual,
        adequate: true,
        chosen: false,
        band: band(form, data, &fitted, &error),
    };
    Some(Candidate { law, parameters: P, squares: fitted.squares, aicc })
}

/// The coefficients that are not at a bound.
fn free<const P: usize>(model: &impl Model<P>, fitted: &Fit<P>) -> [bool; P] {
    let bounds = model.bounds();
    std::array::from_fn(|j| {
        fitted.coefficients[j] > bounds[j].0 && fitted.coefficients[j] < bounds[j].1
    })
}

/// Hurvich and Tsai's corrected criterion (Biometrika 76, 1989) on the levels; `None` if there are
/// too few.
fn aicc(squares: f64, data: &[Observed], parameters: usize) -> Option<f64> {
    let n = data.len() as f64;
    let k = parameters as f64 + 1.0; // The size of the noise is a parameter too.
    if n - k - 1.0 <= 0.0 {
        return None;
    }
    let weight: f64 = data.iter().map(|o| o.weight).sum();
    let variance = (squares / weight).max(FLOOR * FLOOR);
    Some(n * variance.ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0))
}

/// The law over the measured range, with its 95 % band.
fn band<const P: usize>(
    form: &impl Form<P>,
    data: &[Observed],
    fitted: &Fit<P>,
    error: &impl Fn(&[f64; P]) -> Option<f64>,
) -> Vec<[f64; 4]> {
    let (Some(first), Some(last)) = (data.first(), data.last()) else { return Vec::new() };
    (0..DRAWN)
        .map(|i| {
            let part = i as f64 / (DRAWN - 1) as f64;
            let workers = first.x * (last.x / first.x).powf(part);
            let (log, slopes) = form.at(workers, &fitted.coefficients);
            let half = error(&slopes).unwrap_or(0.0);
            [workers, log.exp(), (log - half).exp(), (log + half).exp()]
        })
        .filter(|row| row.iter().all(|value| value.is_finite()))
        .collect()
}
