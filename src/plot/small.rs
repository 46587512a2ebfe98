//! Small pictures beside a sentence: bars with intervals, and a curve without axes.

use super::font;
use super::label::{shortened, visible};
use super::palette;
use super::scale::{self, Scale, Spacing};
use super::scene::{Anchor, Dash, Ink, Probe, ProbeRow, Scene, Shape, Spot};
use crate::units::Quantity;

/// Figures beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// What they show, in one line.
    pub title: String,
    /// What the figures are.
    pub quantity: Quantity,
    /// The bars, from the top.
    pub bars: Vec<Bar>,
    /// A figure for comparison, and its name.
    pub reference: Option<(String, f64)>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// Its palette index.
    pub place: usize,
}

const ROW: f64 = 26.0;
/// Height of the row for a name above its bar.
const NAME_ROW: f64 = 18.0;
/// Bars get at least this share of the width; otherwise names stand above them.
const ROOM: f64 = 0.3;
const FONT: f64 = 13.0;
const PAD: f64 = 8.0;

/// Draws horizontal bars from zero, each with its figure after it. The name stands before the bar,
/// or above it if there is too little room.
pub fn bars(chart: &Bars, width: f64) -> Scene {
    let finite = |value: &f64| value.is_finite();
    let most = chart
        .bars
        .iter()
        .flat_map(|bar| {
            [bar.value, bar.interval.map_or(0.0, |[_, high]| high.min(bar.value * 3.0))]
        })
        .chain(chart.reference.iter().map(|(_, value)| *value))
        .filter(finite)
        .fold(0.0, f64::max);
    let names: Vec<String> = chart.bars.iter().map(|bar| shortened(&bar.name, 30)).collect();
    let figures: Vec<String> = chart.bars.iter().map(|bar| figure(bar, &chart.quantity)).collect();
    let widest = |texts: &[String]| {
        texts.iter().map(|text| font::width(text, FONT, false)).fold(0.0, f64::max)
    };
    let right = (width - PAD - widest(&figures) - 8.0).max(PAD + 20.0);
    let beside = PAD + widest(&names) + 8.0;
    let stacked = right - beside < ROOM * width;
    let left = if stacked { PAD } else { beside };
    let row = if stacked { ROW + NAME_ROW } else { ROW };
    let scale = Scale::new(Spacing::Linear, [0.0, most], [left, right]);
    let top = PAD + if chart.reference.is_some() { FONT + 8.0 } else { 0.0 };
    let height = top + row * chart.bars.len() as f64 + PAD;
    let mut shapes = Vec::new();
    let mut probes = Vec::new();
    for (index, bar) in chart.bars.iter().enumerate() {
        let middle = top + row * (index + 1) as f64 - ROW / 2.0;
        let base = middle + FONT * 0.36;
        let (name, figure) = (names[index].clone(), figures[index].clone());
        let (anchor, at) = if stacked {
            (Anchor::Start, (left, base - NAME_ROW))
        } else {
            (Anchor::End, (left - 8.0, base))
        };
        shapes.push(text(Ink::Text, anchor, at, name.clone()));
        shapes.extend(bar_shapes(bar, &scale, (left, middle), right));
        shapes.push(text(Ink::Text, Anchor::Start, (right + 8.0, base), figure.clone()));
        probes.push(probe(bar, &(name, figure), scale.place(bar.value.max(0.0)), middle));
    }
    if let Some((name, value)) = chart.reference.as_ref().filter(|(_, value)| finite(value)) {
        let x = scale.place(*value);
        // The line must not cross names that stand above the bars.
        let paths = if stacked {
            let middle = |index: usize| top + row * (index + 1) as f64 - ROW / 2.0;
            let beside = |index| vec![(x, middle(index) - 10.0), (x, middle(index) + 10.0)];
            (0..chart.bars.len()).map(beside).collect()
        } else {
            vec![vec![(x, top - 2.0), (x, height - PAD)]]
        };
        shapes.push(Shape::Strokes { ink: Ink::Muted, width: 1.2, dash: Dash::Dashed, paths });
        let at = (x, top - 6.0);
        shapes.push(text(Ink::Muted, Anchor::Middle, at, shortened(name, 40)));
    }
    finished(Scene {
        width,
        height,
        title: visible(&chart.title),
        shapes,
        probes,
        span: [top, height - PAD],
    })
}

/// Bar and interval.
fn bar_shapes(bar: &Bar, scale: &Scale, (left, middle): Spot, right: f64) -> Vec<Shape> {
    let ink = Ink::Series(bar.place);
    let mut shapes = Vec::new();
    if bar.value.is_finite() {
        let end = scale.place(bar.value.max(0.0));
        let (top, bottom) = (middle - 7.0, middle + 7.0);
        let outline = vec![(left, top), (end, top), (end, bottom), (left, bottom)];
        shapes.push(Shape::Fill { ink, opacity: 0.85, outline });
    }
    if let Some([low, high]) = bar.interval.filter(|ends| ends.iter().all(|end| end.is_finite())) {
        let [low, high] = [low, high].map(|end| scale.place(end).clamp(left, right));
        let cap = |x: f64| vec![(x, middle - 4.0), (x, middle + 4.0)];
        let paths = vec![vec![(low, middle), (high, middle)], cap(low), cap(high)];
        shapes.push(Shape::Strokes { ink: Ink::Text, width: 1.2, dash: Dash::Solid, paths });
    }
    shapes
}

fn figure(bar: &Bar, quantity: &Quantity) -> String {
    visible(&match bar.interval {
        Some([low, high]) => quantity.interval(bar.value, low, high),
        None => quantity.text(bar.value),
    })
}

fn probe(bar: &Bar, (name, text): &(String, String), x: f64, y: f64) -> Probe {
    let row = ProbeRow { slot: bar.place, name: name.clone(), y, text: text.clone() };
    Probe { x, title: String::new(), rows: vec![row] }
}

/// Draws a curve without axes, with its knee marked.
pub fn sparkline(
    title: &str,
    points: &[(f64, f64)],
    knee: Option<f64>,
    place: usize,
    size: (f64, f64),
) -> Scene {
    let finite: Vec<(f64, f64)> =
        points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (xs, ys): (Vec<f64>, Vec<f64>) = finite.iter().copied().unzip();
    let (first, last) = scale::extent(&xs);
    let (low, high) = scale::extent(&ys);
    let (width, height) = size;
    let across =
        Scale::new(scale::spacing_of_counts(&xs), [first, last], [PAD / 2.0, width - PAD / 2.0]);
    let up = Scale::new(Spacing::Linear, [low.min(0.0), high], [height - PAD / 2.0, PAD / 2.0]);
    let path: Vec<Spot> = finite.iter().map(|(x, y)| (across.place(*x), up.place(*y))).collect();
    let ink = Ink::Series(place);
    let mut shapes = Vec::new();
    let marked: Vec<Spot> = finite
        .iter()
        .zip(&path)
        .filter(|((x, _), _)| knee.is_some_and(|knee| (knee - x).abs() < 1e-9))
        .map(|(_, spot)| *spot)
        .collect();
    if !path.is_empty() {
        shapes.push(stroke(ink, 1.6, Dash::Solid, path));
        let marker = palette::marker(place);
        shapes.push(Shape::Markers { ink, marker, hollow: false, radius: 3.0, at: marked });
    }
    let span = [PAD / 2.0, height - PAD / 2.0];
    finished(Scene { width, height, title: visible(title), shapes, probes: Vec::new(), span })
}

fn finished(mut scene: Scene) -> Scene {
    scene.confine();
    scene
}

fn stroke(ink: Ink, width: f64, dash: Dash, path: Vec<Spot>) -> Shape {
    Shape::Strokes { ink, width, dash, paths: vec![path] }
}

fn text(ink: Ink, anchor: Anchor, at: Spot, text: String) -> Shape {
    Shape::Text { ink, size: FONT, bold: false, anchor, at, text }
}
