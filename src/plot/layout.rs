//! Lays out a chart as a scene: margins that fit the labels, ticks at the measured counts, marks
//! that do not cover the data.

use super::axes::{horizontal_range, tick_texts, vertical_range};
use super::chart::{Chart, Dot, Mark, Series};
use super::font;
use super::frame::{Frame, below_top, whisker};
use super::label::{shortened, visible};
use super::legend;
use super::palette;
use super::probe::probes;
use super::scale::{self, Scale};
use super::scene::{Anchor, Dash, Ink, Scene, Shape, Spot};

/// The size of a chart, and which of its texts are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Format {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// Font size of ticks in pixels.
    pub font: f64,
    /// Space around everything in pixels.
    pub pad: f64,
    /// Whether title and subtitle are drawn. Otherwise the surrounding page has them.
    pub titled: bool,
    /// Whether a legend is drawn.
    pub legend: bool,
    /// Whether marks are named above the plotting area.
    pub named_marks: bool,
}

impl Format {
    /// A plot in its own file.
    pub const FILE: Self = Self {
        width: 800.0,
        height: 500.0,
        font: 13.0,
        pad: 12.0,
        titled: true,
        legend: true,
        named_marks: true,
    };
    /// The main plot of a workload, in a page that has its title and legend.
    pub const PAGE: Self =
        Self { width: 680.0, height: 360.0, pad: 3.0, titled: false, legend: false, ..Self::FILE };
    /// The same plot on a narrow page.
    pub const NARROW: Self = Self { width: 350.0, height: 300.0, font: 12.0, ..Self::PAGE };
    /// A small plot beside others.
    pub const SMALL: Self =
        Self { width: 350.0, height: 230.0, font: 12.0, named_marks: false, ..Self::PAGE };
}

/// Longer names in legends are cut to this many characters.
const NAME: usize = 36;

/// Draws a chart.
pub fn lay_out(chart: &Chart, format: &Format) -> Scene {
    let mut canvas = Canvas { format: *format, shapes: Vec::new(), top: format.pad };
    canvas.titles(chart);
    canvas.legend(chart);
    let frame = canvas.frame(chart);
    canvas.range(chart, &frame);
    canvas.axes(chart, &frame);
    canvas.marks(chart, &frame);
    canvas.references(chart, &frame);
    canvas.band(chart, &frame);
    // The first series is the most important one, so it is drawn last, on top.
    for series in chart.series.iter().rev() {
        canvas.series(series, &frame);
    }
    let mut scene = Scene {
        width: format.width,
        height: format.height,
        title: visible(&format!("{}: {}", chart.title, chart.subtitle)),
        shapes: canvas.shapes,
        probes: probes(chart, &frame),
        span: [frame.top, frame.bottom],
    };
    scene.confine();
    scene
}

struct Canvas {
    format: Format,
    shapes: Vec<Shape>,
    /// The next free pixel from the top.
    top: f64,
}

impl Canvas {
    fn text(&mut self, ink: Ink, anchor: Anchor, at: Spot, text: String) {
        let size = self.format.font;
        self.shapes.push(Shape::Text { ink, size, bold: false, anchor, at, text });
    }

    fn line(&mut self, ink: Ink, width: f64, dash: Dash, path: Vec<Spot>) {
        self.shapes.push(Shape::Strokes { ink, width, dash, paths: vec![path] });
    }

    fn titles(&mut self, chart: &Chart) {
        if !self.format.titled {
            return;
        }
        let font = self.format.font;
        let room = self.format.width - 2.0 * self.format.pad - 4.0;
        for (text, size, bold, ink) in [
            (&chart.title, font + 4.0, true, Ink::Text),
            (&chart.subtitle, font, false, Ink::Muted),
        ] {
            self.top += size + 5.0;
            let at = (self.format.pad, self.top - 3.0);
            let text = cut(text, room, size, bold);
            self.shapes.push(Shape::Text { ink, size, bold, anchor: Anchor::Start, at, text });
        }
        self.top += 6.0;
    }

    /// One entry per named series and reference, in as many rows as they need.
    fn legend(&mut self, chart: &Chart) {
        if !self.format.legend {
            return;
        }
        let font = self.format.font;
        let mut x = self.format.pad;
        self.top += font + 4.0;
        for entry in legend::entries(chart) {
            let name =
                cut(&entry.name, self.format.width - 2.0 * self.format.pad - 40.0, font, false);
            let wide = font::width(&name, font, false) + 30.0;
            if x + wide > self.format.width - self.format.pad && x > self.format.pad {
                x = self.format.pad;
                self.top += font + 6.0;
            }
            let middle = self.top - font * 0.36;
            self.shapes.extend(entry.shapes((x, middle)));
            self.text(Ink::Text, Anchor::Start, (x + 27.0, self.top), name);
            x += wide + 16.0;
        }
        self.top += 6.0;
    }

    /// Fits the plotting area between its labels.
    fn frame(&mut self, chart: &Chart) -> Frame {
        let font = self.format.font;
        let (up_values, up_spacing) = vertical_range(chart);
        // The row for the unit, then the rows for the names of marks.
        self.top += font + 6.0;
        let unit_row = self.top - 5.0;
        if self.format.named_marks {
            self.top += chart.marks.len() as f64 * (font + 4.0);
        }
        let top = self.top + 4.0;
        let bottom = self.format.height - self.format.pad - 2.0 * font - 12.0;
        let bottom = bottom.max(top + 40.0);
        let up = Scale::new(up_spacing, up_values, [bottom, top]);
        let about = ((bottom - top) / (font * 3.0)).clamp(2.0, 6.0) as usize;
        let (ticks, unit) = tick_texts(&chart.quantity, &up, &up.ticks(about));
        let label_width =
            ticks.iter().map(|(_, text)| font::width(text, font, false)).fold(20.0, f64::max);
        let left = self.format.pad + label_width + 8.0;
        let right = self.format.width - self.format.pad - 12.0;
        let across = Scale::new(chart.across, horizontal_range(chart), [left, right]);
        if !unit.is_empty() {
            let unit = cut(&unit, right - self.format.pad, font, false);
            self.text(Ink::Muted, Anchor::Start, (self.format.pad, unit_row), unit);
        }
        Frame { across, up, left, right, top, bottom, ticks }
    }

    fn range(&mut self, chart: &Chart, frame: &Frame) {
        let Some(range) = &chart.range else { return };
        // The range of a single count has no width, so it gets that of a marker.
        let left = (frame.across.place(range.from) - 9.0).max(frame.left);
        let right = (frame.across.place(range.to) + 9.0).min(frame.right);
        let outline = vec![
            (left, frame.top),
            (right, frame.top),
            (right, frame.bottom),
            (left, frame.bottom),
        ];
        self.shapes.push(Shape::Fill { ink: Ink::Series(range.place), opacity: 0.12, outline });
    }

    fn axes(&mut self, chart: &Chart, frame: &Frame) {
        let font = self.format.font;
        let grid: Vec<Vec<Spot>> = frame
            .ticks
            .iter()
            .map(|(value, _)| frame.up.place(*value))
            .map(|y| vec![(frame.left, y), (frame.right, y)])
            .collect();
        self.shapes.push(Shape::Strokes {
            ink: Ink::Faint,
            width: 1.0,
            dash: Dash::Solid,
            paths: grid,
        });
        for (value, text) in &frame.ticks {
            let at = (frame.left - 6.0, frame.up.place(*value) + font * 0.36);
            self.text(Ink::Muted, Anchor::End, at, text.clone());
        }
        self.line(
            Ink::Muted,
            1.0,
            Dash::Solid,
            vec![(frame.left, frame.bottom), (frame.right, frame.bottom)],
        );
        self.counts(chart, frame);
        let at = (f64::midpoint(frame.left, frame.right), self.format.height - self.format.pad);
        self.text(Ink::Muted, Anchor::Middle, at, chart.along.name().to_owned());
    }

    /// A tick at every measured count, with a label if there is room.
    fn counts(&mut self, chart: &Chart, frame: &Frame) {
        let font = self.format.font;
        let counts = chart.counts();
        let tick = |count: &f64| {
            let x = frame.across.place(*count);
            vec![(x, frame.bottom), (x, frame.bottom + 4.0)]
        };
        let paths = counts.iter().map(tick).collect();
        self.shapes.push(Shape::Strokes { ink: Ink::Muted, width: 1.0, dash: Dash::Solid, paths });
        let matter: Vec<f64> = chart.marks.iter().map(|mark| mark.x).collect();
        let wide = self.format.width;
        let room = |count: f64| {
            let half = font::width(&chart.along.tick(count), font, false) / 2.0 + 4.0;
            // A label at the edge is moved inside.
            let x = frame.across.place(count).clamp(half, (wide - half).max(half));
            [x - half, x + half]
        };
        for count in scale::labelled_counts(&counts, &matter, room) {
            let [left, right] = room(count);
            let x = f64::midpoint(left, right);
            let at = (x, frame.bottom + font + 7.0);
            self.text(Ink::Muted, Anchor::Middle, at, chart.along.tick(count));
        }
    }

    fn marks(&mut self, chart: &Chart, frame: &Frame) {
        let row_height = self.format.font + 4.0;
        let mut names = Vec::new();
        for (row, mark) in chart.marks.iter().enumerate() {
            let x = frame.across.place(mark.x);
            if !(frame.left..=frame.right).contains(&x) {
                continue;
            }
            // Marks at the same place stand side by side.
            let earlier = chart.marks[..row].iter();
            let same = earlier.filter(|other| (other.x - mark.x).abs() < 1e-9).count();
            let x = x + 1.5 * same as f64;
            let above = (chart.marks.len() - row) as f64 * row_height - 2.0;
            let from = if self.format.named_marks { frame.top - above } else { frame.top };
            let (ink, dash) = match mark.place {
                Some(place) => (Ink::Series(place), Dash::Dashed),
                None => (Ink::Muted, Dash::Dotted),
            };
            self.line(ink, 1.2, dash, vec![(x, from), (x, frame.bottom)]);
            names.push((mark, (x, from + self.format.font - 3.0)));
        }
        if self.format.named_marks {
            for (mark, at) in names {
                self.mark_name(mark, frame, at);
            }
        }
    }

    /// The name of a mark, beside its line where there is room. It may cover other lines there.
    fn mark_name(&mut self, mark: &Mark, frame: &Frame, (x, y): Spot) {
        let font = self.format.font;
        let (left, right) = (x - frame.left, frame.right - x);
        let name = cut(&mark.name, left.max(right) - 8.0, font, false);
        let width = font::width(&name, font, false);
        let fits_right = width + 6.0 <= right;
        let (anchor, shift) = if fits_right { (Anchor::Start, 5.0) } else { (Anchor::End, -5.0) };
        let from = if fits_right { x + 3.0 } else { x - width - 7.0 };
        let (top, bottom) = (y - font * 0.85, y + font * 0.25);
        let outline = vec![
            (from, top),
            (from + width + 4.0, top),
            (from + width + 4.0, bottom),
            (from, bottom),
        ];
        self.shapes.push(Shape::Fill { ink: Ink::Paper, opacity: 1.0, outline });
        let ink = if mark.place.is_some() { Ink::Text } else { Ink::Muted };
        self.text(ink, anchor, (x + shift, y), name);
    }

    fn references(&mut self, chart: &Chart, frame: &Frame) {
        for reference in &chart.references {
            let figure = |x: f64| reference.slope * x + reference.intercept;
            let line = (0..=64).map(|step| {
                let x = frame.across.value_at(f64::from(step) / 64.0);
                (x, figure(x))
            });
            let path = below_top(line, frame);
            if path.len() > 1 {
                self.line(Ink::Muted, 1.2, Dash::Dashed, path);
            }
        }
    }

    fn band(&mut self, chart: &Chart, frame: &Frame) {
        let Some(band) = &chart.band else { return };
        let points: Vec<&[f64; 4]> = band
            .points
            .iter()
            .filter(|point| point.iter().all(|value| value.is_finite()))
            .collect();
        let ink = Ink::Series(band.place);
        let upper = points.iter().map(|point| frame.spot(point[0], point[3]));
        let lower = points.iter().rev().map(|point| frame.spot(point[0], point[2]));
        let outline: Vec<Spot> = upper.chain(lower).collect();
        if outline.len() > 3 {
            self.shapes.push(Shape::Fill { ink, opacity: 0.18, outline });
            let line = points.iter().map(|point| frame.spot(point[0], point[1])).collect();
            self.line(ink, 1.4, Dash::Dotted, line);
        }
    }

    fn series(&mut self, series: &Series, frame: &Frame) {
        let dots: Vec<&Dot> =
            series.dots.iter().filter(|dot| dot.x.is_finite() && dot.y.is_finite()).collect();
        let ink = Ink::Series(series.place);
        let path: Vec<Spot> = dots.iter().map(|dot| frame.spot(dot.x, dot.y)).collect();
        if path.len() > 1 {
            self.line(ink, 1.8, series.dash, path.clone());
        }
        let whiskers = dots.iter().filter_map(|dot| whisker(dot, frame)).flatten().collect();
        self.shapes.push(Shape::Strokes { ink, width: 1.2, dash: Dash::Solid, paths: whiskers });
        let marker = palette::marker(series.place);
        // Where counts are dense, small markers keep the line visible.
        let gaps = path.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let radius = (gaps.fold(f64::INFINITY, f64::min) * 0.4).clamp(2.0, 4.2);
        let rings: Vec<Spot> =
            dots.iter().filter(|dot| dot.ringed).map(|dot| frame.spot(dot.x, dot.y)).collect();
        // The ring is a larger marker with a gap of background, so that both look like one sign.
        for (ink, radius, at) in
            [(ink, 8.5, &rings), (Ink::Paper, 6.8, &rings), (ink, radius, &path)]
        {
            if !at.is_empty() {
                let hollow = series.dash != Dash::Solid && ink != Ink::Paper && radius < 5.0;
                let at = at.clone();
                self.shapes.push(Shape::Markers { ink, marker, hollow, radius, at });
            }
        }
    }
}

/// Makes text visible and cuts it to a width in pixels.
fn cut(text: &str, room: f64, size: f64, bold: bool) -> String {
    let mut columns = NAME.max((room / size * 2.5) as usize);
    let mut shown = shortened(text, columns);
    while columns > 1 && font::width(&shown, size, bold) > room {
        columns -= 1 + columns / 12;
        shown = shortened(text, columns);
    }
    shown
}
