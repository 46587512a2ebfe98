//! A chart as a statement: which figures, which references, which marks. How it is laid out is the
//! business of `layout`.

use super::scale::Spacing;
use super::scene::Dash;
use crate::units::{Quantity, workers};

/// What the figures are drawn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Worker counts.
    Workers,
    /// Seconds that a task takes.
    TaskLength,
}

impl Along {
    /// What stands under the axis.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::TaskLength => "length of a task",
        }
    }

    /// One place on the axis: `2`, `30 µs`.
    pub fn tick(self, x: f64) -> String {
        match self {
            Self::Workers => Quantity::Count.text(x),
            Self::TaskLength => Quantity::Duration.text(x),
        }
    }

    /// One place on the axis, where it stands alone: `2 workers`.
    pub fn place(self, x: f64) -> String {
        match self {
            Self::Workers => workers(x),
            Self::TaskLength => format!("tasks of {}", self.tick(x)),
        }
    }
}

/// What is drawn over worker counts, or over task lengths.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows, in one line.
    pub title: String,
    /// Of what: the workload and its parameters.
    pub subtitle: String,
    /// What the figures are.
    pub quantity: Quantity,
    /// What the horizontal axis is.
    pub along: Along,
    /// How the horizontal axis is spaced.
    pub across: Spacing,
    /// How the vertical axis is spaced.
    pub up: Spacing,
    /// The figures.
    pub series: Vec<Series>,
    /// Lines to compare them with.
    pub references: Vec<Reference>,
    /// A fitted law with its uncertainty.
    pub band: Option<Band>,
    /// Counts that cannot be told apart from the best one.
    pub range: Option<Range>,
    /// Counts of importance.
    pub marks: Vec<Mark>,
}

/// Figures that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Their name.
    pub name: String,
    /// Their place in the palette.
    pub place: usize,
    /// How their line is broken.
    pub dash: Dash,
    /// Whether the legend names them.
    pub named: bool,
    /// Ascending in `x`.
    pub dots: Vec<Dot>,
}

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// Workers, or whatever else the figures are drawn along.
    pub x: f64,
    /// The figure.
    pub y: f64,
    /// Its interval.
    pub interval: Option<[f64; 2]>,
    /// Whether this is the count that we recommend.
    pub ringed: bool,
}

/// A line to compare with.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// What it is: `ideal`.
    pub name: String,
    /// The figure per worker, and the figure at none: a straight line on linear axes.
    pub slope: f64,
    /// See `slope`.
    pub intercept: f64,
}

/// A law over the measured range.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Its name.
    pub name: String,
    /// The palette place of the curve it was fitted to.
    pub place: usize,
    /// Workers, figure, low and high end.
    pub points: Vec<[f64; 4]>,
}

/// Counts from one to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// What they have in common.
    pub name: String,
    /// The palette place of the curve they belong to.
    pub place: usize,
    /// The smallest.
    pub from: f64,
    /// The largest.
    pub to: f64,
}

/// A count of importance.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// What it is: `2 usable cores`.
    pub name: String,
    /// Where.
    pub x: f64,
    /// The palette place of the curve it belongs to; none for the machine's own.
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
