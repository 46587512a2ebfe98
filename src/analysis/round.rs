//! Rounds figures to nine significant digits. No measurement has more, and mathematics libraries
//! differ only beyond that.

use std::collections::BTreeMap;

use super::findings::{Curve, Estimate, Knee, Law, Optimum, Point, Usl, UslIntervals};

/// Types whose figures can be rounded for writing.
pub(super) trait Rounded {
    /// The same value with derived figures rounded to nine significant digits. Figures that were
    /// given stay.
    fn rounded(self) -> Self;
}

impl Rounded for f64 {
    fn rounded(self) -> Self {
        // Through decimal digits, so that the result is exactly the number that is printed.
        if self.is_finite() { format!("{self:.8e}").parse().unwrap_or(self) } else { self }
    }
}

impl<T: Rounded> Rounded for Option<T> {
    fn rounded(self) -> Self {
        self.map(Rounded::rounded)
    }
}

impl<T: Rounded> Rounded for Vec<T> {
    fn rounded(self) -> Self {
        self.into_iter().map(Rounded::rounded).collect()
    }
}

impl<T: Rounded, const N: usize> Rounded for [T; N] {
    fn rounded(self) -> Self {
        self.map(Rounded::rounded)
    }
}

impl<K: Ord, T: Rounded> Rounded for BTreeMap<K, T> {
    fn rounded(self) -> Self {
        self.into_iter().map(|(key, value)| (key, value.rounded())).collect()
    }
}

impl Rounded for Estimate {
    fn rounded(self) -> Self {
        let Self { median, low, high } = self;
        Self { median: median.rounded(), low: low.rounded(), high: high.rounded() }
    }
}

impl Rounded for Point {
    fn rounded(self) -> Self {
        Self {
            throughput: self.throughput.rounded(),
            speedup: self.speedup.rounded(),
            efficiency: self.efficiency.rounded(),
            makespan: self.makespan.rounded(),
            cpu: self.cpu.rounded(),
            cpu_per_unit: self.cpu_per_unit.rounded(),
            voluntary_switches: self.voluntary_switches.rounded(),
            involuntary_switches: self.involuntary_switches.rounded(),
            gpu_busy: self.gpu_busy.rounded(),
            unfairness: self.unfairness.rounded(),
            ..self
        }
    }
}

impl Rounded for Optimum {
    fn rounded(self) -> Self {
        Self { regret: self.regret.rounded(), ..self }
    }
}

impl Rounded for Knee {
    fn rounded(self) -> Self {
        Self { loss: self.loss.rounded(), regret: self.regret.rounded(), ..self }
    }
}

impl Rounded for UslIntervals {
    fn rounded(self) -> Self {
        let Self { sigma, kappa, lambda } = self;
        Self { sigma: sigma.rounded(), kappa: kappa.rounded(), lambda: lambda.rounded() }
    }
}

impl Rounded for Usl {
    fn rounded(self) -> Self {
        Self {
            sigma: self.sigma.rounded(),
            kappa: self.kappa.rounded(),
            lambda: self.lambda.rounded(),
            peak_workers: self.peak_workers.rounded(),
            peak_throughput: self.peak_throughput.rounded(),
            r_squared: self.r_squared.rounded(),
            intervals: self.intervals.rounded(),
            adequate: self.adequate,
        }
    }
}

impl Rounded for Law {
    fn rounded(self) -> Self {
        Self {
            coefficients: self.coefficients.rounded(),
            aicc: self.aicc.rounded(),
            max_residual: self.max_residual.rounded(),
            band: self.band.rounded(),
            ..self
        }
    }
}

impl Rounded for Curve {
    fn rounded(self) -> Self {
        Self {
            points: self.points.rounded(),
            optimum: self.optimum.rounded(),
            knee: self.knee.rounded(),
            usl: self.usl.rounded(),
            laws: self.laws.rounded(),
            ..self
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact values are meant")]
mod tests {
    use super::*;

    #[test]
    fn nine_digits_stay() {
        assert_eq!(0.123_456_789_049_f64.rounded(), 0.123_456_789);
        assert_eq!(1e-300_f64.rounded(), 1e-300);
        assert_eq!(12_345_678_912.0_f64.rounded(), 12_345_678_900.0);
        assert_eq!(0.0_f64.rounded(), 0.0);
        assert!(f64::INFINITY.rounded().is_infinite());
    }
}
