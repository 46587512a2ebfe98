//! The entries of the legend, and how each is drawn.

use super::chart::Chart;
use super::label::visible;
use super::palette;
use super::scene::{Dash, Ink, Scene, Shape, Spot};

/// One entry of the legend.
pub(super) struct Entry {
    /// Its text.
    pub(super) name: String,
    ink: Ink,
    dash: Dash,
    marked: bool,
    filled: bool,
}

impl Entry {
    /// The sample before the text; `y` is its middle.
    pub(super) fn shapes(&self, (x, y): Spot) -> Vec<Shape> {
        let mut shapes = Vec::new();
        if self.filled {
            let outline =
                vec![(x, y - 5.0), (x + 22.0, y - 5.0), (x + 22.0, y + 5.0), (x, y + 5.0)];
            shapes.push(Shape::Fill { ink: self.ink, opacity: 0.18, outline });
        }
        let shade_only = self.filled && self.dash == Dash::Solid;
        if !shade_only {
            let paths = vec![vec![(x, y), (x + 22.0, y)]];
            shapes.push(Shape::Strokes { ink: self.ink, width: 1.6, dash: self.dash, paths });
        }
        if let (true, Ink::Series(place)) = (self.marked, self.ink) {
            shapes.push(Shape::Markers {
                ink: self.ink,
                marker: palette::marker(place),
                hollow: self.dash != Dash::Solid,
                radius: 4.2,
                at: vec![(x + 11.0, y)],
            });
        }
        shapes
    }
}

/// Every entry as a small drawing with its name, for a page that writes the names itself.
pub fn samples(chart: &Chart) -> Vec<(Scene, String)> {
    let sample = |entry: Entry| {
        let shapes = entry.shapes((1.0, 7.0));
        let title = String::new();
        let scene = Scene {
            width: 24.0,
            height: 14.0,
            title,
            shapes,
            probes: Vec::new(),
            span: [0.0, 14.0],
        };
        (scene, visible(&entry.name))
    };
    entries(chart).into_iter().map(sample).collect()
}

/// Named series, references, the law and the range, in this order.
pub(super) fn entries(chart: &Chart) -> Vec<Entry> {
    let series = chart.series.iter().filter(|series| series.named).map(|series| Entry {
        name: series.name.clone(),
        ink: Ink::Series(series.place),
        dash: series.dash,
        marked: true,
        filled: false,
    });
    let plain = |name: &str, ink, dash, filled| Entry {
        name: name.to_owned(),
        ink,
        dash,
        marked: false,
        filled,
    };
    let references = chart
        .references
        .iter()
        .map(|reference| plain(&reference.name, Ink::Muted, Dash::Dashed, false));
    let band = chart
        .band
        .iter()
        .map(|band| plain(&band.name, Ink::Series(band.place), Dash::Dotted, true));
    let range = chart
        .range
        .iter()
        .map(|range| plain(&range.name, Ink::Series(range.place), Dash::Solid, true));
    series.chain(references).chain(band).chain(range).collect()
}
