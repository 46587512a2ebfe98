//! Noise on two levels: measurements within launches, and differences between launches.
//!
//! Each launch differs a little (memory pages, placement), and the difference stays for all
//! measurements made with it. So many measurements from few launches say less than they seem to. If
//! launches differ by more than their measurements explain, intervals are widened by the design
//! effect (Kish, Survey Sampling, 1965, ch. 5). Otherwise nothing changes.

use std::collections::BTreeMap;

use super::special;

/// How much wider intervals must be because of launches, and how well that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nested {
    /// Factor for standard errors; 1 if launches do not matter.
    pub factor: f64,
    /// Degrees of freedom of the launches; `None` if launches do not matter.
    pub df: Option<f64>,
}

/// For launches that do not matter.
const NONE: Nested = Nested { factor: 1.0, df: None };
/// Launches count as different if chance alone would make them differ so much in this share of
/// records.
const SURE: f64 = 0.01;

/// Computes it from the measurements of each cell, each with its launch. Measurements without a
/// known launch are left out.
pub fn nested(cells: &[Vec<(Option<u32>, f64)>]) -> Nested {
    let mut sums = Sums::default();
    for cell in cells {
        sums.add(cell);
    }
    sums.effect()
}

/// Sums of squares within and among the launches, over all cells.
#[derive(Debug, Default)]
struct Sums {
    within: f64,
    within_df: f64,
    among: f64,
    among_df: f64,
}

impl Sums {
    fn add(&mut self, cell: &[(Option<u32>, f64)]) {
        let mut launches: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (launch, value) in cell {
            if let Some(launch) = launch.filter(|_| value.is_finite()) {
                launches.entry(launch).or_default().push(*value);
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let all: Vec<f64> = launches.values().flatten().copied().collect();
        for values in launches.values() {
            let (own, size) = (mean(values), values.len() as f64);
            self.within += values.iter().map(|value| (value - own).powi(2)).sum::<f64>();
            self.within_df += size - 1.0;
            self.among += size * (own - mean(&all)).powi(2);
        }
        self.among_df += (launches.len() as f64 - 1.0).max(0.0);
    }

    /// The true variance of a mean of n measurements is the mean square among launches over n.
    /// Ignoring launches, it would be the mean square of all measurements over n.
    fn effect(&self) -> Nested {
        if self.among_df < 1.0 || self.within_df < 2.0 || self.within <= 0.0 {
            return NONE;
        }
        let (among, within) = (self.among / self.among_df, self.within / self.within_df);
        if special::f_above(among / within, self.among_df, self.within_df) > SURE {
            return NONE;
        }
        let whole = (self.among + self.within) / (self.among_df + self.within_df);
        Nested { factor: (among / whole).sqrt().max(1.0), df: Some(self.among_df) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::student;
    use super::*;
    use crate::rng::Rng;

    /// Three cells, each with `launches` launches of six measurements. Launches differ by `launch`,
    /// measurements by 1.
    fn cells(launches: u32, launch: f64, rng: &mut Rng) -> Vec<Vec<(Option<u32>, f64)>> {
        let mut cell = || -> Vec<(Option<u32>, f64)> {
            let one = |number: u32| {
                let luck = launch * rng.normal();
                let values: Vec<_> = (0..6).map(|_| (Some(number), luck + rng.normal())).collect();
                values
            };
            (0..launches).flat_map(one).collect()
        };
        (0..3).map(|_| cell()).collect()
    }

    #[test]
    fn launches_that_do_not_differ_change_nothing() {
        let mut rng = Rng::new(1);
        let alarms = (0..1000).filter(|_| nested(&cells(3, 0.0, &mut rng)) != NONE).count();
        assert!((2..=25).contains(&alarms), "{alarms} of 1000, where 10 are expected");
        assert_eq!(nested(&[]), NONE);
        assert_eq!(nested(&[vec![(None, 1.0), (None, 2.0), (Some(1), 3.0)]]), NONE);
    }

    /// Intervals of means hold as often as they promise.
    #[test]
    fn intervals_of_means_hold_with_the_factor_and_not_without() {
        const RUNS: usize = 2000;
        let mut rng = Rng::new(2);
        let (mut plain, mut widened) = (0, 0);
        for _ in 0..RUNS {
            let cells = cells(4, 1.0, &mut rng);
            let all: Vec<f64> = cells[0].iter().map(|(_, value)| *value).collect();
            let n = all.len() as f64;
            let mean = all.iter().sum::<f64>() / n;
            let sd = (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let Nested { factor, df } = nested(&cells);
            let error = sd / n.sqrt();
            plain += usize::from(mean.abs() <= student::quantile(0.975, n - 1.0) * error);
            let t = student::quantile(0.975, df.unwrap_or(n - 1.0));
            widened += usize::from(mean.abs() <= t * factor * error);
        }
        let share = |held: usize| held as f64 / RUNS as f64;
        assert!(share(plain) < 0.75, "{}", share(plain));
        assert!(share(widened) > 0.92, "{}", share(widened));
    }
}
