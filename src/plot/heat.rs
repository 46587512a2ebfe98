//! A heat map: a figure for each pair of a worker count and a value of a second axis.

use super::font;
use super::label::{shortened, visible};
use super::scene::{Anchor, Dash, Ink, Probe, ProbeRow, Scene, Shape, Spot};
use crate::units::{Quantity, workers};

/// The contents of a heat map.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    /// What it shows, in one line.
    pub title: String,
    /// Name of the second axis.
    pub axis: String,
    /// What the figures are.
    pub quantity: Quantity,
    /// Worker counts, from the left.
    pub counts: Vec<f64>,
    /// One row per value, from below, with one square per count.
    pub rows: Vec<(String, Vec<Square>)>,
}

/// One pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Square {
    /// It was not measured.
    Empty,
    /// It gave no figure.
    Failed,
    /// What was measured there.
    Figure {
        /// The figure.
        value: f64,
        /// Whether it cannot be told from the best.
        as_good: bool,
        /// Whether it is recommended.
        chosen: bool,
    },
}

const FONT: f64 = 13.0;
const PAD: f64 = 12.0;
const ROW: f64 = 34.0;
/// The strongest colour on which both dark and light text can be read.
const FULLEST: f64 = 0.6;
const PALEST: f64 = 0.04;
/// Longer names of values are cut to this many characters.
const NAME: usize = 24;

impl Heat {
    /// Whether there is enough to show: two rows and a figure.
    pub fn is_a_map(&self) -> bool {
        let figures = self.rows.iter().flat_map(|(_, row)| row);
        self.rows.len() > 1 && figures.into_iter().any(|one| matches!(one, Square::Figure { .. }))
    }

    fn most(&self) -> f64 {
        let squares = self.rows.iter().flat_map(|(_, row)| row);
        let values = squares.filter_map(|square| match square {
            Square::Figure { value, .. } => Some(*value),
            _ => None,
        });
        values.filter(|value| value.is_finite()).fold(0.0, f64::max)
    }
}

/// Draws the map, `width` pixels wide. The recommended pair has a thick frame, and pairs that are
/// as good have a thin one. Pairs without a result are hatched.
pub fn heat(map: &Heat, width: f64, titled: bool) -> Scene {
    let names: Vec<String> = map.rows.iter().map(|(name, _)| shortened(name, NAME)).collect();
    let widest = names.iter().map(|name| font::width(name, FONT, false)).fold(0.0, f64::max);
    let head = shortened(&map.axis, NAME);
    let left = PAD + widest.max(font::width(&head, FONT, true)) + 10.0;
    let top = PAD + if titled { FONT + 14.0 } else { 0.0 } + FONT + 6.0;
    let bottom = top + ROW * map.rows.len() as f64;
    let height = bottom + 2.0 * (FONT + 8.0) + PAD;
    let side = (width - left - PAD) / map.counts.len().max(1) as f64;
    let scale = map.quantity.scale(map.most());
    let mut shapes = Vec::new();
    let mut probes: Vec<Probe> = map
        .counts
        .iter()
        .enumerate()
        .map(|(column, count)| Probe {
            x: left + side * (column as f64 + 0.5),
            title: workers(*count),
            rows: Vec::new(),
        })
        .collect();
    if titled {
        let room = ((width - 2.0 * PAD) / 7.5) as usize;
        let at = (PAD, PAD + FONT);
        shapes.push(text(Ink::Text, true, Anchor::Start, at, shortened(&map.title, room)));
    }
    let unit = format!("figures in {}", scale.unit());
    shapes.push(text(Ink::Text, true, Anchor::End, (left - 10.0, top - 8.0), head));
    shapes.push(text(Ink::Muted, false, Anchor::End, (width - PAD, top - 8.0), unit));
    for (index, (name, (value, row))) in names.iter().zip(&map.rows).enumerate() {
        let upper = bottom - ROW * (index as f64 + 1.0);
        let base = upper + ROW / 2.0 + FONT * 0.36;
        shapes.push(text(Ink::Text, false, Anchor::End, (left - 10.0, base), name.clone()));
        for (column, square) in row.iter().enumerate() {
            let corner = (left + side * column as f64, upper);
            let cell = Cell { corner, size: (side, ROW) };
            match square {
                Square::Empty => {}
                Square::Failed => shapes.push(cell.hatched()),
                Square::Figure { value: figure, as_good, chosen } => {
                    let share =
                        if map.most() > 0.0 { (figure / map.most()).clamp(0.0, 1.0) } else { 0.0 };
                    shapes.push(Shape::Fill {
                        ink: Ink::Series(0),
                        opacity: PALEST + (FULLEST - PALEST) * share,
                        outline: cell.outline(1.0),
                    });
                    if *as_good {
                        shapes.push(cell.framed(2.0, 1.4));
                    }
                    if *chosen {
                        shapes.push(cell.framed(5.0, 2.4));
                    }
                    let decimals = scale.decimals_for(*figure, *figure, *figure);
                    let said = scale.bare(*figure, decimals);
                    if font::width(&said, FONT, *chosen) < side - 8.0 {
                        let at = (corner.0 + side / 2.0, base);
                        shapes.push(text(Ink::Text, *chosen, Anchor::Middle, at, said));
                    }
                    if let Some(probe) = probes.get_mut(column) {
                        let row = ProbeRow {
                            slot: 0,
                            name: visible(value),
                            y: base,
                            text: map.quantity.text(*figure),
                        };
                        probe.rows.push(row);
                    }
                }
            }
        }
    }
    probes.retain(|probe| !probe.rows.is_empty());
    for (column, count) in map.counts.iter().enumerate() {
        let said = Quantity::Count.text(*count);
        let at = (left + side * (column as f64 + 0.5), bottom + FONT + 6.0);
        if font::width(&said, FONT, false) < side - 2.0 {
            shapes.push(text(Ink::Text, false, Anchor::Middle, at, said));
        }
    }
    let at = (f64::midpoint(left, width - PAD), bottom + 2.0 * (FONT + 7.0));
    let legend = "workers (thick frame: recommended, thin: as good, hatched: gave no figure)";
    shapes.push(text(Ink::Muted, false, Anchor::Middle, at, legend.to_owned()));
    let title = visible(&format!("{}: {}", map.title, map.axis));
    let mut scene = Scene { width, height, title, shapes, probes, span: [top, bottom] };
    scene.confine();
    scene
}

/// The rectangle of one pair.
#[derive(Clone, Copy)]
struct Cell {
    corner: Spot,
    size: Spot,
}

impl Cell {
    fn outline(self, inside: f64) -> Vec<Spot> {
        let (left, top) = (self.corner.0 + inside, self.corner.1 + inside);
        let (right, bottom) =
            (self.corner.0 + self.size.0 - inside, self.corner.1 + self.size.1 - inside);
        vec![(left, top), (right, top), (right, bottom), (left, bottom)]
    }

    fn framed(self, inside: f64, width: f64) -> Shape {
        let mut path = self.outline(inside);
        path.extend(path.first().copied());
        Shape::Strokes { ink: Ink::Text, width, dash: Dash::Solid, paths: vec![path] }
    }

    fn hatched(self) -> Shape {
        const STEP: f64 = 8.0;
        let ((x, y), (wide, high)) = (self.corner, self.size);
        let lines = ((wide + high) / STEP) as usize;
        let line = |number: usize| {
            let at = STEP * (number as f64 + 0.5);
            // From the upper edge down to the left, within the square.
            let from = (x + at.min(wide), y + (at - wide).max(0.0));
            let to = (x + (at - high).max(0.0), y + at.min(high));
            vec![from, to]
        };
        let paths = (0..lines).map(line).collect();
        Shape::Strokes { ink: Ink::Faint, width: 1.2, dash: Dash::Solid, paths }
    }
}

fn text(ink: Ink, bold: bool, anchor: Anchor, at: Spot, text: String) -> Shape {
    Shape::Text { ink, size: FONT, bold, anchor, at, text }
}
