//! From a chart to a scene: margins that fit their labels, ticks at the counts that were measured, marks that stay clear of the data.

use super::chart::{Chart, Dot, Mark, Series};
use super::font;
use super::label::{shortened, visible};
use super::palette;
use super::scale::{self, Scale, Spacing};
use super::scene::{Anchor, Dash, Ink, Probe, ProbeRow, Scene, Shape, Spot};
use crate::units;

/// How large a chart is and how much of it is written out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Format {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// Font size of ticks in pixels.
    pub font: f64,
    /// Whether the title and subtitle are drawn, or said by what surrounds the chart.
    pub titled: bool,
    /// Whether a legend is drawn.
    pub legend: bool,
    /// Whether marks are named above the plotting area.
    pub named_marks: bool,
}

impl Format {
    /// A plot that stands alone in a file.
    pub const FILE: Self =
        Self { width: 800.0, height: 500.0, font: 13.0, titled: true, legend: true, named_marks: true };
    /// The main plot of a workload in a page that says the rest.
    pub const PAGE: Self =
        Self { width: 640.0, height: 372.0, font: 13.0, titled: false, legend: true, named_marks: true };
    /// A plot beside others.
    pub const SMALL: Self =
        Self { width: 350.0, height: 230.0, font: 12.0, titled: false, legend: false, named_marks: false };
}

/// Space around everything, in pixels.
const PAD: f64 = 8.0;
/// Names in legends are cut to this many characters.
const NAME: usize = 36;

/// Draws a chart.
pub fn lay_out(chart: &Chart, format: &Format) -> Scene {
    let mut canvas = Canvas { format: *format, shapes: Vec::new(), top: PAD };
    canvas.titles(chart);
    canvas.legend(chart);
    let frame = canvas.frame(chart);
    canvas.range(chart, &frame);
    canvas.axes(chart, &frame);
    canvas.marks(chart, &frame);
    canvas.references(chart, &frame);
    canvas.band(chart, &frame);
    for series in &chart.series {
        canvas.series(series, &frame);
    }
    Scene {
        width: format.width,
        height: format.height,
        title: visible(&format!("{}: {}", chart.title, chart.subtitle)),
        shapes: canvas.shapes,
        probes: probes(chart, &frame),
        span: [frame.top, frame.bottom],
    }
}

/// The plotting area with its two scales.
struct Frame {
    across: Scale,
    up: Scale,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    ticks: Vec<(f64, String)>,
    unit: String,
}

impl Frame {
    fn spot(&self, x: f64, y: f64) -> Spot {
        (self.across.place(x), self.up.place(y).clamp(self.top, self.bottom))
    }
}

struct Canvas {
    format: Format,
    shapes: Vec<Shape>,
    /// The next free pixel from above.
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
        let room = self.format.width - 2.0 * PAD - 4.0;
        for (text, size, bold, ink) in [
            (&chart.title, font + 4.0, true, Ink::Text),
            (&chart.subtitle, font, false, Ink::Muted),
        ] {
            self.top += size + 5.0;
            let at = (PAD + 4.0, self.top - 3.0);
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
        let mut x = PAD + 4.0;
        self.top += font + 4.0;
        let entries = legend_entries(chart);
        for entry in entries {
            let name = cut(&entry.name, self.format.width - 2.0 * PAD - 40.0, font, false);
            let wide = font::width(&name, font, false) + 30.0;
            if x + wide > self.format.width - PAD && x > PAD + 4.0 {
                x = PAD + 4.0;
                self.top += font + 6.0;
            }
            let middle = self.top - font * 0.36;
            entry.draw(self, (x, middle));
            self.text(Ink::Text, Anchor::Start, (x + 27.0, self.top), name);
            x += wide + 16.0;
        }
        self.top += 6.0;
    }

    /// Fits the plotting area between its labels.
    fn frame(&mut self, chart: &Chart) -> Frame {
        let font = self.format.font;
        let (up_values, up_spacing) = vertical_range(chart);
        // The row that names the unit, then the rows that name the marks.
        self.top += font + 6.0;
        let unit_row = self.top - 5.0;
        if self.format.named_marks {
            self.top += chart.marks.len() as f64 * (font + 4.0);
        }
        let top = self.top + 4.0;
        let bottom = self.format.height - PAD - 2.0 * font - 12.0;
        let bottom = bottom.max(top + 40.0);
        let up = Scale::new(up_spacing, up_values, [bottom, top]);
        let about = ((bottom - top) / (font * 3.0)).clamp(2.0, 6.0) as usize;
        let (ticks, unit) = tick_texts(chart, &up, &up.ticks(about));
        let label_width =
            ticks.iter().map(|(_, text)| font::width(text, font, false)).fold(20.0, f64::max);
        let left = PAD + label_width + 8.0;
        let right = self.format.width - PAD - 12.0;
        let across = Scale::new(chart.across, horizontal_range(chart), [left, right]);
        if !unit.is_empty() {
            let unit = cut(&unit, right - PAD, font, false);
            self.text(Ink::Muted, Anchor::Start, (PAD, unit_row), unit);
        }
        Frame { across, up, left, right, top, bottom, ticks, unit: String::new() }
    }

    fn range(&mut self, chart: &Chart, frame: &Frame) {
        let Some(range) = &chart.range else { return };
        // A set of one count has no width of its own: give it that of its marker.
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
        self.shapes.push(Shape::Strokes { ink: Ink::Faint, width: 1.0, dash: Dash::Solid, paths: grid });
        for (value, text) in &frame.ticks {
            let at = (frame.left - 6.0, frame.up.place(*value) + font * 0.36);
            self.text(Ink::Muted, Anchor::End, at, text.clone());
        }
        self.line(Ink::Muted, 1.0, Dash::Solid, vec![
            (frame.left, frame.bottom),
            (frame.right, frame.bottom),
        ]);
        self.counts(chart, frame);
        let at = (f64::midpoint(frame.left, frame.right), self.format.height - PAD);
        self.text(Ink::Muted, Anchor::Middle, at, "workers".to_owned());
    }

    /// A tick at every measured count, and a label where there is room for one.
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
        let room = |count: f64| {
            let half = font::width(&count_text(count), font, false) / 2.0 + 4.0;
            let x = frame.across.place(count);
            [x - half, x + half]
        };
        for count in scale::labelled_counts(&counts, &matter, room) {
            let at = (frame.across.place(count), frame.bottom + font + 7.0);
            self.text(Ink::Muted, Anchor::Middle, at, count_text(count));
        }
    }

    fn marks(&mut self, chart: &Chart, frame: &Frame) {
        let font = self.format.font;
        let rows = chart.marks.len();
        for (row, mark) in chart.marks.iter().enumerate() {
            let x = frame.across.place(mark.x);
            if !(frame.left..=frame.right).contains(&x) {
                continue;
            }
            let ink = mark.place.map_or(Ink::Muted, Ink::Series);
            let dash = if mark.place.is_some() { Dash::Dashed } else { Dash::Dotted };
            // Marks at one place stand side by side.
            let earlier = chart.marks[..row].iter();
            let same = earlier.filter(|other| (other.x - mark.x).abs() < 1e-9).count();
            let x = x + 1.5 * same as f64;
            let mut from = frame.top;
            if self.format.named_marks {
                from = frame.top - (rows - row) as f64 * (font + 4.0) + 2.0;
                self.mark_name(mark, frame, (x, from + font - 3.0), ink);
            }
            self.line(ink, 1.2, dash, vec![(x, from), (x, frame.bottom)]);
        }
    }

    /// The name of a mark beside its line, on the side where there is room.
    fn mark_name(&mut self, mark: &Mark, frame: &Frame, (x, y): Spot, ink: Ink) {
        let font = self.format.font;
        let left = x - frame.left;
        let right = frame.right - x;
        let name = cut(&mark.name, left.max(right) - 8.0, font, false);
        let fits_right = font::width(&name, font, false) + 6.0 <= right;
        let (anchor, shift) = if fits_right { (Anchor::Start, 5.0) } else { (Anchor::End, -5.0) };
        let ink = if mark.place.is_some() { Ink::Text } else { ink };
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
        let points: Vec<&[f64; 4]> =
            band.points.iter().filter(|point| point.iter().all(|value| value.is_finite())).collect();
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
        let rings: Vec<Spot> =
            dots.iter().filter(|dot| dot.ringed).map(|dot| frame.spot(dot.x, dot.y)).collect();
        // The ring is a larger marker with paper between: it reads as one sign.
        for (ink, radius, at) in
            [(ink, 8.5, &rings), (Ink::Paper, 6.8, &rings), (ink, 4.2, &path)]
        {
            if !at.is_empty() {
                let hollow = series.dash != Dash::Solid && ink != Ink::Paper && radius < 5.0;
                let at = at.clone();
                self.shapes.push(Shape::Markers { ink, marker, hollow, radius, at });
            }
        }
    }
}

/// One entry of the legend.
struct Entry {
    name: String,
    ink: Ink,
    dash: Dash,
    marked: bool,
    filled: bool,
}

impl Entry {
    fn draw(&self, canvas: &mut Canvas, (x, y): Spot) {
        if self.filled {
            let outline = vec![(x, y - 5.0), (x + 22.0, y - 5.0), (x + 22.0, y + 5.0), (x, y + 5.0)];
            canvas.shapes.push(Shape::Fill { ink: self.ink, opacity: 0.18, outline });
        }
        let shade_only = self.filled && self.dash == Dash::Solid;
        if !shade_only {
            canvas.line(self.ink, 1.6, self.dash, vec![(x, y), (x + 22.0, y)]);
        }
        if let (true, Ink::Series(place)) = (self.marked, self.ink) {
            canvas.shapes.push(Shape::Markers {
                ink: self.ink,
                marker: palette::marker(place),
                hollow: self.dash != Dash::Solid,
                radius: 4.2,
                at: vec![(x + 11.0, y)],
            });
        }
    }
}

fn legend_entries(chart: &Chart) -> Vec<Entry> {
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
    let band =
        chart.band.iter().map(|band| plain(&band.name, Ink::Series(band.place), Dash::Dotted, true));
    let range =
        chart.range.iter().map(|range| plain(&range.name, Ink::Series(range.place), Dash::Solid, true));
    series.chain(references).chain(band).chain(range).collect()
}

/// The counts with some air on both sides.
fn horizontal_range(chart: &Chart) -> [f64; 2] {
    let counts = chart.counts();
    let (low, high) = scale::extent(&counts);
    if counts.len() < 2 {
        return [low - 1.0, high + 1.0];
    }
    match chart.across {
        Spacing::Linear => {
            let air = (high - low) * 0.05;
            [low - air, high + air]
        }
        Spacing::Logarithmic => {
            let air = (high / low).powf(0.05);
            [low / air, high * air]
        }
    }
}

/// From zero where distances are differences, with head room for the intervals; the law and the references may run out at the top.
fn vertical_range(chart: &Chart) -> ([f64; 2], Spacing) {
    let ends = |dot: &Dot| {
        let [low, high] = dot.interval.unwrap_or([dot.y, dot.y]);
        // An interval far wider than its figure must not press the curve to the floor.
        [dot.y, low.max(dot.y / 3.0), high.min(dot.y * 3.0)]
    };
    let values: Vec<f64> = chart.dots().flat_map(ends).collect();
    let (low, high) = scale::extent(&values);
    match chart.up {
        Spacing::Logarithmic if low > 0.0 => ([low / 1.25, high * 1.25], Spacing::Logarithmic),
        _ => ([low.min(0.0), if high > 0.0 { high * 1.06 } else { 1.0 }], Spacing::Linear),
    }
}

/// The texts of the ticks and the unit they share.
fn tick_texts(chart: &Chart, up: &Scale, ticks: &[f64]) -> (Vec<(f64, String)>, String) {
    let spread = up.lowest() > 0.0 && up.highest() / up.lowest() > 100.0;
    if spread {
        // One unit for all would need too many zeros.
        let bare = |value: f64| chart.quantity.text(value).trim_end_matches(".00").to_owned();
        let short = |value: f64| {
            let scale = chart.quantity.scale(value);
            let scaled = (scale.apply(value) * 1e6).round() / 1e6;
            let prefix = scale.unit().split(' ').next().filter(|_| scale.unit().contains(' '));
            match (&chart.quantity, prefix) {
                (units::Quantity::Rate(_), Some(prefix)) => format!("{scaled} {prefix}"),
                (units::Quantity::Rate(_), None) if !scale.unit().contains("B/") && !scale.unit().contains("flop") => {
                    format!("{scaled}")
                }
                (_, _) if scaled.fract() == 0.0 => format!("{scaled}{}", scale.suffix),
                _ => bare(value),
            }
        };
        let unit = match &chart.quantity {
            units::Quantity::Rate(unit) if unit != "bytes" && unit != "flops" => format!("{unit}/s"),
            _ => String::new(),
        };
        return (ticks.iter().map(|value| (*value, short(*value))).collect(), unit);
    }
    let scale = chart.quantity.scale(up.highest() / 1.06);
    let smallest_step = ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    let step = scale.apply(smallest_step);
    let decimals = (0..6).find(|decimals| {
        let shifted = step * 10f64.powi(*decimals);
        (shifted - shifted.round()).abs() < 1e-6 * shifted.max(1.0)
    });
    let decimals = decimals.filter(|_| step.is_finite()).unwrap_or(2) as usize;
    let texts = ticks.iter().map(|value| (*value, scale.bare(*value, decimals))).collect();
    (texts, visible(scale.unit()))
}

/// The part of a line that lies within the plotting area, cut where it crosses the top.
fn below_top(line: impl Iterator<Item = (f64, f64)>, frame: &Frame) -> Vec<Spot> {
    let mut path: Vec<Spot> = Vec::new();
    let mut last: Option<Spot> = None;
    for (x, y) in line {
        let here = (frame.across.place(x), frame.up.place(y));
        if !here.1.is_finite() || here.1 > frame.bottom + 0.5 {
            last = None;
            continue;
        }
        if here.1 < frame.top {
            if let Some((x0, y0)) = last {
                let share = (y0 - frame.top) / (y0 - here.1);
                path.push((x0 + share * (here.0 - x0), frame.top));
            }
            break;
        }
        path.push(here);
        last = Some(here);
    }
    // Points on one straight line say no more than its ends.
    if let [first, middle, .., end] = path[..] {
        let expected = first.1 + (end.1 - first.1) * (middle.0 - first.0) / (end.0 - first.0);
        let straight = path.iter().all(|spot| {
            let on = first.1 + (end.1 - first.1) * (spot.0 - first.0) / (end.0 - first.0);
            (on - spot.1).abs() < 0.05
        });
        if straight && (expected - middle.1).abs() < 0.05 {
            return vec![first, end];
        }
    }
    path
}

/// The interval of a dot with its two caps; nothing where it is narrower than the marker.
fn whisker(dot: &Dot, frame: &Frame) -> Option<[Vec<Spot>; 3]> {
    let [low, high] = dot.interval?;
    if !(low.is_finite() && high.is_finite()) {
        return None;
    }
    let (x, bottom) = frame.spot(dot.x, low);
    let (_, top) = frame.spot(dot.x, high);
    let cap = |y: f64| vec![(x - 4.0, y), (x + 4.0, y)];
    (bottom - top > 3.0).then(|| [vec![(x, bottom), (x, top)], cap(bottom), cap(top)])
}

fn probes(chart: &Chart, frame: &Frame) -> Vec<Probe> {
    let row = |series: &Series, dot: &Dot| ProbeRow {
        slot: series.place,
        name: visible(&series.name),
        y: frame.spot(dot.x, dot.y).1,
        text: visible(&match dot.interval {
            Some([low, high]) => chart.quantity.interval(dot.y, low, high),
            None => chart.quantity.text(dot.y),
        }),
    };
    let probe = |count: f64| Probe {
        x: frame.across.place(count),
        title: units::workers(count),
        rows: chart
            .series
            .iter()
            .filter_map(|series| {
                let dot = series.dots.iter().find(|dot| dot.x.total_cmp(&count).is_eq())?;
                dot.y.is_finite().then(|| row(series, dot))
            })
            .collect(),
    };
    chart.counts().into_iter().map(probe).collect()
}

fn count_text(count: f64) -> String {
    units::Quantity::Count.text(count)
}

/// Text made visible and cut to a width in pixels.
fn cut(text: &str, room: f64, size: f64, bold: bool) -> String {
    let mut columns = NAME.max((room / size * 2.5) as usize);
    let mut shown = shortened(text, columns);
    while columns > 1 && font::width(&shown, size, bold) > room {
        columns -= 1 + columns / 12;
        shown = shortened(text, columns);
    }
    shown
}
