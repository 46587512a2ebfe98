//! Simulated machines with a known curve and noise, so that the result of a search can be compared
//! with the truth.

use super::Space;
use crate::rng::Rng;

/// Kinds of curve that real machines have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// Linear up to a capacity, then flat. Half of the capacities lie at no hint.
    LinearFlat,
    /// Full gain per core, a third per further hardware thread, then a slow fall.
    SmtShoulder,
    /// The Universal Scalability Law with a peak inside the range.
    UslPeak,
    /// Waiting work that saturates at 10 to 100 times the number of cores.
    IoSaturation,
    /// A quota, often with half a core: throughput drops when throttling begins. Half of the quotas
    /// lie at no hint.
    QuotaStep,
    /// A drop where a second NUMA node comes into use, then growth at half the slope. Half of the
    /// drops lie at no hint.
    NumaCliff,
    /// A soft shoulder, with noise that has two modes.
    BimodalNoise,
    /// All counts are equal.
    Flat,
    /// One worker is best.
    Falling,
    /// Linear over the whole range: the largest count is best.
    Linear,
}

/// Every shape, in the order of the printed table.
pub(super) const SHAPES: [Shape; 10] = [
    Shape::LinearFlat,
    Shape::SmtShoulder,
    Shape::UslPeak,
    Shape::IoSaturation,
    Shape::QuotaStep,
    Shape::NumaCliff,
    Shape::BimodalNoise,
    Shape::Flat,
    Shape::Falling,
    Shape::Linear,
];

/// One simulated machine.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) shape: Shape,
    pub(super) space: Space,
    cores: f64,
    /// Parameters of the shape, drawn once per machine.
    bend: f64,
    depth: f64,
    slope: f64,
    noise: f64,
    rng: Rng,
    /// Slow drift of the whole machine.
    wander: f64,
}

impl Machine {
    /// The machine of a seed. With `noise` 1 it has 2 % noise per sample, 1.5 % drift and 2 %
    /// outliers.
    pub(super) fn new(shape: Shape, seed: u64, noise: f64) -> Self {
        let mut rng = Rng::labelled(seed, &format!("{shape:?}"));
        let max = [128, 256, 512, 1024][rng.below(4) as usize];
        let log_uniform = |rng: &mut Rng, low: f64, high: f64| low * (high / low).powf(rng.unit());
        let cores = match shape {
            Shape::IoSaturation => log_uniform(&mut rng, 2.0, max as f64 / 100.0 + 2.0).floor(),
            _ => log_uniform(&mut rng, 4.0, max as f64 / 2.0).floor(),
        };
        let hidden = rng.unit() < 0.5;
        let bend = match shape {
            Shape::LinearFlat | Shape::NumaCliff if hidden => {
                (cores * (0.3 + 0.6 * rng.unit())).floor().max(2.0)
            }
            Shape::NumaCliff => (cores / 2.0).floor().max(2.0),
            Shape::UslPeak => log_uniform(&mut rng, 6.0, max as f64 / 1.5),
            Shape::IoSaturation => {
                (cores * log_uniform(&mut rng, 10.0, 100.0)).min(0.9 * max as f64)
            }
            Shape::QuotaStep => (cores * (0.2 + 0.7 * rng.unit()) * 2.0).floor().max(3.0) / 2.0,
            _ => cores,
        };
        let mut hints = vec![cores as usize, 2 * cores as usize, (cores / 2.0) as usize];
        if shape == Shape::QuotaStep && !hidden {
            hints.extend([bend.floor() as usize, bend.ceil() as usize]);
        }
        hints.retain(|hint| (1..=max).contains(hint));
        let (depth, slope) = (0.05 + 0.2 * rng.unit(), rng.unit());
        let space = Space { max, start: max, hints, flat: None };
        Self { shape, space, cores, bend, depth, slope, noise, rng, wander: 0.0 }
    }

    /// The true throughput.
    pub(super) fn truth(&self, workers: usize) -> f64 {
        let n = workers as f64;
        let over = |limit: f64| (n / limit).log2().max(0.0); // Octaves beyond.
        match self.shape {
            Shape::LinearFlat => n.min(self.bend),
            Shape::QuotaStep | Shape::NumaCliff if n <= self.bend => n,
            Shape::SmtShoulder => {
                let second = (n.min(2.0 * self.cores) - self.cores).max(0.0);
                (n.min(self.cores) + (0.15 + 0.3 * self.slope) * second)
                    * (-0.1 * self.slope * over(2.0 * self.cores)).exp()
            }
            Shape::UslPeak => {
                let sigma = 0.001 + 0.04 * self.slope;
                let kappa = (1.0 - sigma) / (self.bend * self.bend);
                n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
            }
            Shape::IoSaturation => {
                let sharp = 3.0 + 5.0 * self.slope;
                (n.powf(-sharp) + self.bend.powf(-sharp)).powf(-1.0 / sharp)
            }
            Shape::QuotaStep => self.bend * (1.0 - self.depth) * (-0.02 * over(self.bend)).exp(),
            Shape::NumaCliff => {
                let far = (n - self.bend).min(self.bend);
                self.bend * (1.0 - 2.0 * self.depth) + 0.4 * self.slope * far
            }
            Shape::BimodalNoise => {
                n.min(self.cores) * (-0.05 * self.slope * over(self.cores)).exp()
            }
            Shape::Flat => 1.0,
            Shape::Falling => 1.0 / (1.0 + (0.02 + 0.2 * self.slope) * (n - 1.0)),
            Shape::Linear => n * (1.0 - 0.2 * self.slope * n / self.space.max as f64),
        }
    }

    /// The highest true throughput over all counts.
    pub(super) fn best(&self) -> f64 {
        (1..=self.space.max).map(|n| self.truth(n)).fold(0.0, f64::max)
    }

    /// Measures one round.
    pub(super) fn measure(&mut self, workers: usize) -> f64 {
        let noise = self.noise;
        let rng = &mut self.rng;
        self.wander = 0.99 * self.wander + 0.002 * noise * rng.normal();
        let mut log = self.wander + 0.02 * noise * rng.normal();
        if rng.unit() < 0.02 {
            log -= noise * (0.05 + 0.25 * rng.unit());
        }
        if self.shape == Shape::BimodalNoise && rng.unit() < 0.2 {
            log -= 0.1 * noise;
        }
        self.truth(workers) * log.exp()
    }
}
