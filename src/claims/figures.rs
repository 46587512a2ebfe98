//! Repeated measurements as figures: medians with intervals, comparison with a limit, and bars.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plot::small::{Bar, Bars, bars};
use crate::plot::{Format, Scene};
use crate::stats::median::{ascending, interval, median};
use crate::units::Quantity;

/// A picture in two widths. The page shows the one that fits.
#[derive(Debug, Clone)]
pub struct Picture {
    /// For a desktop.
    pub(super) wide: Scene,
    /// For a phone.
    pub(super) narrow: Scene,
}

/// One measured figure.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// Its unit: `s`, `B`, `x` for a ratio, or empty for a count.
    pub unit: &'static str,
    /// The median.
    pub median: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Figure {
    /// The median of repeated measurements. With fewer than five, the interval is their range.
    pub(super) fn of(name: impl Into<String>, unit: &'static str, values: &[f64]) -> Self {
        let sorted = ascending(values);
        let middle = median(values).unwrap_or(f64::NAN);
        let ends = || (sorted.first().copied(), sorted.last().copied());
        let (low, high) = interval(&sorted).unwrap_or_else(|| {
            let (low, high) = ends();
            (low.unwrap_or(f64::NAN), high.unwrap_or(f64::NAN))
        });
        Self { name: name.into(), unit, median: middle, low, high }
    }

    /// A count, which is exact.
    pub(super) fn exactly(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), unit: "", median: value, low: value, high: value }
    }

    /// Whether it is above a limit; `None` if its interval includes the limit.
    pub(super) fn is_above(&self, line: f64) -> Option<bool> {
        if self.low > line {
            Some(true)
        } else if self.high < line {
            Some(false)
        } else {
            None
        }
    }

    /// As text with its unit.
    pub(super) fn text(&self) -> String {
        self.quantity().text(self.median)
    }

    fn quantity(&self) -> Quantity {
        match self.unit {
            "s" => Quantity::Duration,
            "B" => Quantity::Memory,
            "x" => Quantity::Ratio,
            _ if self.median.fract() == 0.0 && self.median.abs() < 1e6 => Quantity::Count,
            _ => Quantity::Number,
        }
    }
}

/// The ratio of two series that were measured in turns, pair by pair.
pub(super) fn ratio(name: impl Into<String>, above: &[f64], below: &[f64]) -> Figure {
    let ratios: Vec<f64> = above.iter().zip(below).map(|(above, below)| above / below).collect();
    Figure::of(name, "x", &ratios)
}

/// Figures with the same unit as bars.
pub(super) fn picture(
    title: &str,
    figures: &[Figure],
    reference: Option<(&str, f64)>,
) -> Option<Picture> {
    let quantity = figures.first()?.quantity();
    let bar = |(place, figure): (usize, &Figure)| Bar {
        name: figure.name.clone(),
        value: figure.median,
        interval: (figure.low < figure.high).then_some([figure.low, figure.high]),
        place,
    };
    let chart = Bars {
        title: title.to_owned(),
        quantity,
        bars: figures.iter().enumerate().map(bar).collect(),
        reference: reference.map(|(name, value)| (name.to_owned(), value)),
    };
    let drawn = |format: Format| bars(&chart, format.width);
    Some(Picture { wide: drawn(Format::PAGE), narrow: drawn(Format::NARROW) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_inside_the_interval_is_not_decided() {
        let figure = Figure::of("x", "s", &[1.0, 1.1, 0.9, 1.05, 0.95, 1.0]);
        assert_eq!(figure.is_above(0.5), Some(true));
        assert_eq!(figure.is_above(2.0), Some(false));
        assert_eq!(figure.is_above(1.01), None);
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let ratio = ratio("r", &[2.0, 4.0, 6.0, 8.0, 10.0], &[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((ratio.median, ratio.low, ratio.high), (2.0, 2.0, 2.0));
    }
}
