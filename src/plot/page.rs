//! A scene as SVG inside a page. Roles become classes, so that the page's own colours apply, light
//! or dark.

use std::fmt::Write as _;

use super::label::visible;
use super::palette;
use super::scene::{Anchor, Dash, Ink, Marker, Probe, Scene, Shape, Spot};

/// Escapes text from outside. This is its only way into markup: control characters become visible
/// escapes, and characters with a meaning in HTML or XML become references.
pub fn escape(text: &str) -> String {
    let shown = visible(text);
    let mut escaped = String::with_capacity(shown.len() + 8);
    for character in shown.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '`' => escaped.push_str("&#96;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The scene as an `<svg>` element. `data-probes` holds the figures that the page's script shows at
/// the pointer.
pub fn svg(scene: &Scene) -> String {
    let mut out = String::with_capacity(8 * 1024);
    let title = escape(&scene.title);
    let (width, height) = (Short(scene.width), Short(scene.height));
    let _ = write!(
        out,
        "<svg class=\"plot\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\""
    );
    if !scene.probes.is_empty() {
        let [top, bottom] = scene.span.map(Short);
        let probes = escape(&probes(&scene.probes));
        let _ =
            write!(out, " tabindex=\"0\" data-span=\"{top} {bottom}\" data-probes=\"{probes}\"");
    }
    out.push('>');
    for shape in &scene.shapes {
        draw(&mut out, shape);
    }
    out.push_str("</svg>");
    out
}

/// The CSS class of a role.
fn class(ink: Ink) -> String {
    match ink {
        Ink::Text => "it".to_owned(),
        Ink::Muted => "im".to_owned(),
        Ink::Faint => "if".to_owned(),
        Ink::Paper => "ip".to_owned(),
        Ink::Series(place) => format!("s{}", palette::colour_index(place)),
    }
}

fn draw(out: &mut String, shape: &Shape) {
    let _ = match shape {
        Shape::Strokes { paths, .. } if paths.is_empty() => Ok(()),
        Shape::Strokes { ink, width, dash, paths } => {
            let dash = match dash {
                Dash::Solid => "",
                Dash::Dashed => " da",
                Dash::Dotted => " do",
            };
            let class = class(*ink);
            let data = paths.iter().map(|path| data(path)).collect::<String>();
            write!(
                out,
                "<path class=\"l {class}{dash}\" stroke-width=\"{}\" d=\"{data}\"/>",
                Short(*width)
            )
        }
        Shape::Fill { ink, opacity, outline } => {
            let opacity = Short(*opacity);
            write!(
                out,
                "<path class=\"{}\" opacity=\"{opacity}\" d=\"{}z\"/>",
                class(*ink),
                data(outline)
            )
        }
        Shape::Markers { ink, marker, hollow, radius, at } => {
            let hollow = if *hollow { " h" } else { "" };
            let outlines = at.iter().map(|spot| sign(*marker, *spot, *radius));
            let data = outlines.collect::<String>();
            write!(out, "<path class=\"{}{hollow}\" d=\"{data}\"/>", class(*ink))
        }
        Shape::Text { ink, bold, anchor, at, text, .. } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " am",
                Anchor::End => " ae",
            };
            let bold = if *bold { " b" } else { "" };
            let (x, y) = (Short(at.0), Short(at.1));
            let text = escape(text);
            write!(
                out,
                "<text class=\"{}{anchor}{bold}\" x=\"{x}\" y=\"{y}\">{text}</text>",
                class(*ink)
            )
        }
    };
}

/// `[[x, "2 workers", [[colour, "threads", y, "1.9 [1.8, 2.0] M/s"], ..]], ..]`.
fn probes(probes: &[Probe]) -> String {
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    let columns: Vec<serde_json::Value> = probes
        .iter()
        .map(|probe| {
            let rows: Vec<serde_json::Value> = probe
                .rows
                .iter()
                .map(|row| {
                    serde_json::json!([
                        palette::colour_index(row.slot),
                        row.name,
                        tenth(row.y),
                        row.text
                    ])
                })
                .collect();
            serde_json::json!([tenth(probe.x), probe.title, rows])
        })
        .collect();
    serde_json::Value::Array(columns).to_string()
}

/// The closed outline of a marker. A circle is two arcs, which are shorter and rounder than a
/// polygon.
fn sign(marker: Marker, spot: Spot, radius: f64) -> String {
    if marker != Marker::Circle {
        return data(&marker.outline(spot, radius)) + "z";
    }
    let start = data(&[(spot.0 - radius, spot.1)]);
    let (radius, across) = (Short(radius), Short(2.0 * radius));
    format!("{start}a{radius},{radius} 0 1,0 {across},0a{radius},{radius} 0 1,0 -{across},0z")
}

/// An absolute start and relative steps: short, and read alike by every renderer.
fn data(path: &[Spot]) -> String {
    let mut out = String::new();
    let mut last = (0, 0);
    for (index, (x, y)) in path.iter().enumerate() {
        // Whole tenths of a pixel, so that the steps add up exactly.
        let here = ((x * 10.0).round() as i64, (y * 10.0).round() as i64);
        let (sign, step) =
            if index == 0 { ('M', here) } else { ('l', (here.0 - last.0, here.1 - last.1)) };
        let _ =
            write!(out, "{sign}{},{}", Short(step.0 as f64 / 10.0), Short(step.1 as f64 / 10.0));
        last = here;
    }
    out
}

/// A number with at most two decimals and no trailing zeros.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        if rounded.is_finite() { write!(f, "{}", rounded + 0.0) } else { f.write_str("0") }
    }
}
