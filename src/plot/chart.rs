//! A chart as a statement: its figures, references and marks. `layout` decides how it looks.

use super::scale::Spacing;
use super::scene::Dash;
use crate::units::{Quantity, workers};

/// What the horizontal axis means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Worker counts.
    Workers,
    /// Seconds that a task takes.
    TaskLength,
}

impl Along {
    /// The text under the axis.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::TaskLength => "length of a task",
        }
    }

    /// The text of a tick: `2`, `30 µs`.
    pub fn tick(self, x: f64) -> String {
        match self {
            Self::Workers => Quantity::Count.text(x),
            Self::TaskLength => Quantity::Duration.text(x),
        }
    }

    /// A place on the axis in words: `2 workers`.
    pub fn place(self, x: f64) -> String {
        match self {
            Self::Workers => workers(x),
            Self::TaskLength => format!("tasks of {}", self.tick(x)),
        }
    }
}

/// Figures drawn over worker counts or over task lengths.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What the chart shows, in one line.
    pub title: String,
    /// The workload and its parameters.
    pub subtitle: String,
    /// What the figures are.
    pub quantity: Quantity,
    /// What the horizontal axis means.
    pub along: Along,
    /// How the horizontal axis is spaced.
    pub across: Spacing,
    /// How the vertical axis is spaced.
    pub up: Spacing,
    /// The figures.
    pub series: Vec<Series>,
    /// Lines for comparison.
    pub references: Vec<Reference>,
    /// A fitted law with its uncertainty.
    pub band: Option<Band>,
    /// The counts that are as good as the best one.
    pub range: Option<Range>,
    /// Counts with a special meaning.
    pub marks: Vec<Mark>,
}

/// Figures that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Their name.
    pub name: String,
    /// Index in the palette.
    pub place: usize,
    /// The dashes of its line.
    pub dash: Dash,
    /// Whether the legend names it.
    pub named: bool,
    /// Ascending in `x`.
    pub dots: Vec<Dot>,
}

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// The worker count, or the task length.
    pub x: f64,
    /// The figure.
    pub y: f64,
    /// Its interval.
    pub interval: Option<[f64; 2]>,
    /// Whether this is the recommended count.
    pub ringed: bool,
}

/// A line for comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Its name: `ideal`.
    pub name: String,
    /// The line is `slope` times the count plus `intercept`: straight on linear axes.
    pub slope: f64,
    /// See `slope`.
    pub intercept: f64,
}

/// A law over the measured range.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Its name.
    pub name: String,
    /// The palette index of the fitted curve.
    pub place: usize,
    /// Worker count, figure, and the low and high end of its band.
    pub points: Vec<[f64; 4]>,
}

/// A range of counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// What they have in common.
    pub name: String,
    /// The palette index of the curve that they belong to.
    pub place: usize,
    /// The smallest.
    pub from: f64,
    /// The largest.
    pub to: f64,
}

/// A count with a special meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its name: `2 usable cores`.
    pub name: String,
    /// The count.
    pub x: f64,
    /// The palette index of its curve; `None` if it belongs to the machine.
    pub place: Option<usize>,
}

impl Chart {
    /// A chart without figures yet.
    pub fn new(title: &str, subtitle: &str, quantity: Quantity) -> Self {
        Self {
            title: title.to_owned(),
            subtitle: subtitle.to_owned(),
            quantity,
            along: Along::Workers,
            across: Spacing::Linear,
            up: Spacing::Linear,
            series: Vec::new(),
            references: Vec::new(),
            band: None,
            range: None,
            marks: Vec::new(),
        }
    }

    /// Every finite dot of every series.
    pub fn dots(&self) -> impl Iterator<Item = &Dot> {
        self.series
            .iter()
            .flat_map(|series| &series.dots)
            .filter(|dot| dot.x.is_finite() && dot.y.is_finite())
    }

    /// Every worker count that has a figure, ascending, once each.
    pub fn counts(&self) -> Vec<f64> {
        let mut counts: Vec<f64> = self.dots().map(|dot| dot.x).collect();
        counts.sort_by(f64::total_cmp);
        counts.dedup();
        counts
    }
}
