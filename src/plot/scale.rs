//! Where a value lies on an axis, and which values get a tick.

/// How distances on an axis relate to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Equal distances are equal differences.
    Linear,
    /// Equal distances are equal factors. Needs positive values.
    Logarithmic,
}

/// Maps values to pixels along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    spacing: Spacing,
    values: [f64; 2],
    pixels: [f64; 2],
}

impl Scale {
    /// Maps `values` (lowest, highest) to `pixels`. A range without extent is widened, so that
    /// every value has a place.
    pub fn new(spacing: Spacing, values: [f64; 2], pixels: [f64; 2]) -> Self {
        let [mut low, mut high] = values;
        if !(low.is_finite() && high.is_finite() && low < high) {
            let centre = if low.is_finite() { low } else { 1.0 };
            let half = if centre == 0.0 { 1.0 } else { centre.abs() / 2.0 };
            (low, high) = (centre - half, centre + half);
        }
        let spacing = if low > 0.0 { spacing } else { Spacing::Linear };
        Self { spacing, values: [low, high], pixels }
    }

    /// The pixel of a value; values outside the range lie outside the pixels.
    pub fn place(&self, value: f64) -> f64 {
        let [low, high] = self.values;
        let share = match self.spacing {
            Spacing::Linear => (value - low) / (high - low),
            Spacing::Logarithmic => (value.max(low * 1e-3) / low).ln() / (high / low).ln(),
        };
        // Values far outside are limited, so that every value has a finite place.
        let share = if share.is_finite() { share.clamp(-1e3, 1e3) } else { 0.0 };
        self.pixels[0] + share * (self.pixels[1] - self.pixels[0])
    }

    /// The value at a share of the axis, from 0 (lowest) to 1 (highest).
    pub fn value_at(&self, share: f64) -> f64 {
        let [low, high] = self.values;
        match self.spacing {
            Spacing::Linear => low + share * (high - low),
            Spacing::Logarithmic => low * (high / low).powf(share),
        }
    }

    /// The highest value that still lies on the axis.
    pub fn highest(&self) -> f64 {
        self.values[1]
    }

    /// The lowest value that still lies on the axis.
    pub fn lowest(&self) -> f64 {
        self.values[0]
    }

    /// About this many round values.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        match self.spacing {
            Spacing::Linear => linear_ticks(self.values, about),
            Spacing::Logarithmic => log_ticks(self.values, about),
        }
    }
}

/// Counts that span more than this factor are spaced by factors.
const WIDE_COUNTS: f64 = 12.0;
/// Other values (rates, latencies) are spaced by factors only if a linear axis would squeeze most
/// of them.
const WIDE_VALUES: f64 = 25.0;

/// The spacing for worker counts: by factors if they span widely.
pub fn spacing_of_counts(counts: &[f64]) -> Spacing {
    spread(counts, WIDE_COUNTS)
}

/// The spacing for other figures.
pub fn spacing_of_values(values: &[f64]) -> Spacing {
    spread(values, WIDE_VALUES)
}

fn spread(values: &[f64], limit: f64) -> Spacing {
    let (low, high) = extent(values);
    if low > 0.0 && high / low > limit { Spacing::Logarithmic } else { Spacing::Linear }
}

/// The smallest and the largest finite value; `(0, 1)` if there is none.
pub fn extent(values: &[f64]) -> (f64, f64) {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// Multiples of 1, 2, 2.5 or 5 times a power of ten.
fn linear_ticks([low, high]: [f64; 2], about: usize) -> Vec<f64> {
    let rough = (high - low) / about.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    if !(step.is_finite() && step > 0.0) {
        return Vec::new();
    }
    let first = (low / step - 1e-9).ceil();
    (0..=about * 4)
        .map(|index| (first + index as f64) * step)
        .take_while(|value| *value <= high + step * 1e-9)
        .collect()
}

/// Powers of ten; also their multiples by 2 and 5, or at least by 3, if there is room.
fn log_ticks([low, high]: [f64; 2], about: usize) -> Vec<f64> {
    let decades = (high / low).log10();
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    let factors: &[f64] = match decades / about.max(1) as f64 {
        few if few <= 0.5 => &[1.0, 2.0, 5.0],
        some if some <= 0.75 => &[1.0, 3.0],
        _ => &[1.0],
    };
    let every = (decades / about.max(1) as f64).ceil().max(1.0) as i32;
    (first..=last)
        .filter(|power| power.rem_euclid(every) == 0)
        .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
        .filter(|value| *value >= low * (1.0 - 1e-9) && *value <= high * (1.0 + 1e-9))
        .collect()
}

/// Chooses which of the ascending `counts` get a label. Each label is given by its pixel and half
/// its width. The order of preference: those that `matter`, the ends, powers of two, the others. No
/// two labels touch.
pub fn labelled_counts(
    counts: &[f64],
    matter: &[f64],
    place: impl Fn(f64) -> [f64; 2],
) -> Vec<f64> {
    let rank = |index: usize, count: f64| {
        let same = |other: &f64| (other - count).abs() < 1e-9;
        if matter.iter().any(same) {
            0
        } else if index == 0 || index + 1 == counts.len() {
            1
        } else if count >= 1.0 && count.log2().fract() == 0.0 {
            2
        } else {
            3
        }
    };
    let mut order: Vec<(i32, f64)> =
        counts.iter().enumerate().map(|(index, count)| (rank(index, *count), *count)).collect();
    order.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut taken: Vec<(f64, [f64; 2])> = Vec::new();
    for (_, count) in order {
        let [low, high] = place(count);
        if taken.iter().all(|(_, [from, to])| high < *from || low > *to) {
            taken.push((count, [low, high]));
        }
    }
    let mut chosen: Vec<f64> = taken.into_iter().map(|(count, _)| count).collect();
    chosen.sort_by(f64::total_cmp);
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn round_values_are_chosen() {
        let scale = Scale::new(Spacing::Linear, [0.0, 24.3], [0.0, 100.0]);
        assert_eq!(scale.ticks(5), [0.0, 5.0, 10.0, 15.0, 20.0]);
        let scale = Scale::new(Spacing::Logarithmic, [0.8, 130.0], [0.0, 100.0]);
        assert_eq!(scale.ticks(2), [1.0, 100.0]);
        assert_eq!(scale.ticks(4), [1.0, 3.0, 10.0, 30.0, 100.0]);
        assert_eq!(scale.ticks(9), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
    }

    #[test]
    fn labels_never_touch_and_those_that_matter_come_first() {
        let counts: Vec<f64> = (1..=64).map(f64::from).collect();
        let chosen =
            labelled_counts(&counts, &[47.0], |count| [count * 5.0 - 9.0, count * 5.0 + 9.0]);
        assert!(chosen.contains(&47.0) && chosen.contains(&1.0) && chosen.contains(&64.0));
        assert!(chosen.windows(2).all(|pair| pair[1] - pair[0] > 3.5), "{chosen:?}");
    }

    #[test]
    fn a_wide_span_of_counts_is_drawn_by_factors() {
        assert_eq!(spacing_of_counts(&[1.0, 2.0, 3.0, 4.0]), Spacing::Linear);
        assert_eq!(spacing_of_counts(&[1.0, 512.0]), Spacing::Logarithmic);
        assert_eq!(spacing_of_counts(&[0.0, 512.0]), Spacing::Linear);
        assert_eq!(spacing_of_counts(&[]), Spacing::Linear);
    }

    proptest! {
        #[test]
        fn ticks_are_ascending_few_and_on_the_axis(
            low in -1e12f64..1e12, width in 1e-9f64..1e12, about in 2usize..12, log in any::<bool>()
        ) {
            let spacing = if log { Spacing::Logarithmic } else { Spacing::Linear };
            let scale = Scale::new(spacing, [low, low + width], [0.0, 500.0]);
            let ticks = scale.ticks(about);
            prop_assert!(ticks.len() <= about * 4 + 1);
            for pair in ticks.windows(2) {
                prop_assert!(pair[0] < pair[1]);
            }
            for tick in ticks {
                prop_assert!((-1e-3..=500.001).contains(&scale.place(tick)), "{tick}");
            }
        }

        #[test]
        fn any_range_places_any_value_somewhere_finite(
            low in any::<f64>(),
            high in any::<f64>(),
            value in any::<f64>(),
        ) {
            for spacing in [Spacing::Linear, Spacing::Logarithmic] {
                let scale = Scale::new(spacing, [low, high], [0.0, 500.0]);
                prop_assert!(scale.place(value).is_finite(), "{} {} {}", low, high, value);
                prop_assert!(scale.ticks(5).len() < 25);
            }
        }
    }
}
