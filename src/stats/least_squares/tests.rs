//! The fit against certified values, and at bounds.

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
