//! Curves drawn as text: one small panel per mode, side by side, all to the same scale.

use unicode_width::UnicodeWidthStr;

use super::pen::{Style, Tone};
use crate::analysis::findings::Curve;
use crate::plot::scale::{self, Scale, Spacing};
use crate::report::words;
use crate::units::Quantity;

/// Rows of a panel.
const ROWS: usize = 5;
/// The smallest and the largest width of a panel, in columns.
const NARROW: usize = 18;
const BROAD: usize = 44;
const GAP: usize = 3;

/// The scales that all panels share.
struct Shared {
    across: Scale,
    up: Scale,
    columns: usize,
    dots: (usize, usize),
    bottom: f64,
    top: f64,
}

/// The lines of as many panels as fit beside each other; the leading curve is always among them.
/// `rate` names the vertical axis.
pub(super) fn lines(
    curves: &[&Curve],
    leading: Option<usize>,
    rate: &Quantity,
    style: &Style,
) -> Vec<String> {
    let mut drawable: Vec<(usize, &Curve)> = curves
        .iter()
        .enumerate()
        .filter(|(_, curve)| points(curve).count() > 1)
        .map(|(index, curve)| (index, *curve))
        .collect();
    if drawable.is_empty() {
        return Vec::new();
    }
    let (low, high) = labels_of(&drawable, rate, style);
    let margin = low.width().max(high.width()) + 3;
    let room = style.columns().saturating_sub(margin);
    let fitting = (room / (NARROW + GAP)).clamp(1, drawable.len());
    if fitting < drawable.len() {
        drawable.sort_by_key(|(index, _)| Some(*index) != leading);
    }
    let columns = (room / fitting).saturating_sub(GAP).clamp(8, BROAD);
    let shown = &drawable[..fitting];
    let shared = share(&drawable, columns, style);
    let mut lines = vec![" ".repeat(margin)];
    lines.extend((0..ROWS).map(|row| match row {
        0 => flush(&high, margin),
        row if row == ROWS - 1 => flush(&low, margin),
        _ => " ".repeat(margin),
    }));
    lines.extend([" ".repeat(margin), " ".repeat(margin)]);
    for (place, (index, curve)) in shown.iter().enumerate() {
        let panel = panel(curve, *index, &shared, style);
        for (line, part) in lines.iter_mut().zip(panel) {
            if place > 0 {
                line.push_str(&" ".repeat(GAP - 1));
            }
            line.push_str(&part);
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A label that ends one column before the drawing. Its width is counted in terminal columns; a
/// character may take two.
fn flush(label: &str, margin: usize) -> String {
    format!("{}{label} ", " ".repeat(margin.saturating_sub(label.width() + 1)))
}

/// A curve in one word, such as `1 ▄▇██ 4`: a block character per count, as high as its
/// share of `top`. Long curves show only every second or third count.
pub(super) fn word(curve: &Curve, top: f64, style: &Style) -> String {
    const MOST: usize = 12;
    let signs: &[char] = if style.unicode {
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &['_', '.', '-', '=', '*', '#']
    };
    let all: Vec<(f64, f64)> = points(curve).collect();
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return String::new() };
    if all.len() < 2 || top <= 0.0 {
        return String::new();
    }
    let step = all.len().div_ceil(MOST);
    let shown = all.iter().rev().step_by(step).rev();
    let sign = |(_, rate): &(f64, f64)| {
        let height = (rate / top).clamp(0.0, 1.0) * signs.len() as f64;
        signs[(height.ceil() as usize).clamp(1, signs.len()) - 1]
    };
    let drawn: String = shown.map(sign).collect();
    format!("{} {drawn} {}", Quantity::Count.text(first.0), Quantity::Count.text(last.0))
}

fn points(curve: &Curve) -> impl Iterator<Item = (f64, f64)> {
    let pairs = curve.points.iter().map(|point| (point.workers, point.throughput.median));
    pairs.filter(|(workers, rate)| workers.is_finite() && rate.is_finite())
}

fn extents(curves: &[(usize, &Curve)]) -> (Vec<f64>, Vec<f64>) {
    curves.iter().flat_map(|(_, curve)| points(curve)).unzip()
}

/// The lowest and the highest figure of the vertical axis. A linear axis begins at zero.
fn vertical(counts: &[f64], rates: &[f64]) -> (f64, f64, Spacing) {
    let (low, high) = scale::extent(rates);
    let wide = scale::spacing_of_counts(counts) == Spacing::Logarithmic;
    match scale::spacing_of_values(rates) {
        Spacing::Logarithmic if wide => (low, high, Spacing::Logarithmic),
        _ => (low.min(0.0), high.max(0.0), Spacing::Linear),
    }
}

fn labels_of(curves: &[(usize, &Curve)], rate: &Quantity, style: &Style) -> (String, String) {
    let (counts, rates) = extents(curves);
    let (low, high, _) = vertical(&counts, &rates);
    let text = |value: f64| style.cut(&rate.text(value), 20);
    (if low == 0.0 { "0".to_owned() } else { text(low) }, text(high))
}

fn share(curves: &[(usize, &Curve)], columns: usize, style: &Style) -> Shared {
    let (counts, rates) = extents(curves);
    let (bottom, top, spacing) = vertical(&counts, &rates);
    let dots = if style.unicode { (columns * 2, ROWS * 4) } else { (columns, ROWS) };
    let (first, last) = scale::extent(&counts);
    let across =
        Scale::new(scale::spacing_of_counts(&counts), [first, last], [0.0, dots.0 as f64 - 1.0]);
    let up = Scale::new(spacing, [bottom, top], [dots.1 as f64 - 1.0, 0.0]);
    Shared { across, up, columns, dots, bottom, top }
}

/// Name, drawing, axis and counts of one curve, each line as wide as the panel.
fn panel(curve: &Curve, index: usize, shared: &Shared, style: &Style) -> Vec<String> {
    let tone = Tone::Mode(index);
    let wide = shared.columns + 1;
    let name = style.cut(&curve.name, wide);
    let mut lines = vec![padded(&style.paint(tone, &name), name.width(), wide)];
    let edge = if style.unicode { "│" } else { "|" };
    for row in draw(curve, shared, style) {
        lines.push(format!("{}{}", style.paint(Tone::Faint, edge), style.paint(tone, &row)));
    }
    let (corner, stroke) = if style.unicode { ("└", "─") } else { ("+", "-") };
    lines.push(style.paint(Tone::Faint, &format!("{corner}{}", stroke.repeat(shared.columns))));
    let counts = counts(curve, shared, style);
    lines.push(padded(&counts, counts.width(), wide));
    lines
}

fn padded(text: &str, width: usize, wide: usize) -> String {
    format!("{text}{}", " ".repeat(wide.saturating_sub(width)))
}

/// The rows of a drawing in braille (two by four dots per character) or in ASCII.
fn draw(curve: &Curve, shared: &Shared, style: &Style) -> Vec<String> {
    let (wide, high) = shared.dots;
    let mut grid = vec![vec![0u8; wide]; high];
    let places: Vec<(f64, f64)> = points(curve)
        .map(|(x, y)| {
            let y = shared.up.place(y.clamp(shared.bottom, shared.top));
            (shared.across.place(x), y)
        })
        .collect();
    for pair in places.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let steps =
            ((to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil() as usize).clamp(1, 4096);
        for step in 0..=steps {
            let share = step as f64 / steps as f64;
            let x = from.0 + share * (to.0 - from.0);
            let y = from.1 + share * (to.1 - from.1);
            set(&mut grid, x, y, 1);
        }
    }
    for (x, y) in places {
        set(&mut grid, x, y, 2);
    }
    if style.unicode { braille(&grid, shared.columns) } else { ascii(&grid) }
}

fn set(grid: &mut [Vec<u8>], x: f64, y: f64, value: u8) {
    let (column, row) = (x.round().max(0.0) as usize, y.round().max(0.0) as usize);
    if let Some(dot) = grid.get_mut(row).and_then(|row| row.get_mut(column)) {
        *dot = (*dot).max(value);
    }
}

fn braille(grid: &[Vec<u8>], columns: usize) -> Vec<String> {
    /// Bits of the dots of a braille character, by row and column (Unicode, U+2800 and following).
    const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    let character = |row: usize, column: usize| {
        let dots = BITS.iter().enumerate().flat_map(|(down, bits)| {
            bits.iter().enumerate().map(move |(right, bit)| (down, right, *bit))
        });
        let lit = dots.filter(|(down, right, _)| grid[row * 4 + down][column * 2 + right] > 0);
        let code = lit.fold(0x2800, |code, (_, _, bit)| code | bit);
        char::from_u32(code).unwrap_or(' ')
    };
    (0..ROWS).map(|row| (0..columns).map(|column| character(row, column)).collect()).collect()
}

fn ascii(grid: &[Vec<u8>]) -> Vec<String> {
    let sign = |dot: &u8| [' ', '.', '*'][usize::from(*dot).min(2)];
    grid.iter().map(|row| row.iter().map(sign).collect()).collect()
}

/// The knee below its place, and the ends of the axis if there is room.
fn counts(curve: &Curve, shared: &Shared, style: &Style) -> String {
    let mut line: Vec<char> = vec![' '; shared.columns + 1];
    let per_column = shared.dots.0 as f64 / shared.columns as f64;
    let mut put = |text: &str, x: f64, align_end: bool| {
        let wide = text.chars().count();
        let column = 1 + (x / per_column).max(0.0) as usize;
        let from = if align_end { (column + 1).saturating_sub(wide) } else { column };
        let from = from.min(line.len().saturating_sub(wide));
        let free = |column: usize| line.get(column).is_none_or(|sign| *sign == ' ');
        if wide <= line.len() && (from.saturating_sub(1)..=from + wide).all(free) {
            for (offset, sign) in text.chars().enumerate() {
                line[from + offset] = sign;
            }
        }
    };
    if let Some(point) = words::best_point(curve).filter(|point| point.workers.is_finite()) {
        let sign = if style.unicode { '▲' } else { '^' };
        let text = format!("{sign}{}", Quantity::Count.text(point.workers));
        put(&text, shared.across.place(point.workers), false);
    }
    let (first, last) = (shared.across.lowest(), shared.across.highest());
    put(&Quantity::Count.text(first), 0.0, false);
    put(&Quantity::Count.text(last), shared.dots.0 as f64 - 1.0, true);
    line.into_iter().collect()
}
