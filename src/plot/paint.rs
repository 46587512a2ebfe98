//! Paints a scene with plotters: the same strokes for an SVG file and a PNG image.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Polygon, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::font;
use super::palette;
use super::scene::{Anchor, Ink, Scene, Shape, Spot};

/// Why a plot could not be painted.
#[derive(Debug, thiserror::Error)]
pub enum PaintError {
    /// plotters could not draw it.
    #[error("a plot could not be drawn: {0}")]
    Draw(String),
    /// The image could not be encoded.
    #[error("a plot could not be encoded as PNG: {0}")]
    Encode(#[from] png::EncodingError),
}

/// Pixels of an image per pixel of the scene: sharp on high-resolution displays.
const DENSITY: f64 = 2.0;
/// Units of an SVG file per pixel of the scene, because plotters' coordinates are whole numbers.
const FINENESS: f64 = 10.0;

/// The scene as an SVG file.
pub fn svg(scene: &Scene) -> Result<String, PaintError> {
    let mut file = String::new();
    let size = ((scene.width * FINENESS) as u32, (scene.height * FINENESS) as u32);
    {
        let area = SVGBackend::with_string(&mut file, size).into_drawing_area();
        // plotters writes a font size of `size / 1.24`, and puts the top of a text 0.76 em above
        // its base line.
        let brush = Brush { factor: FINENESS, font: 1.24, rise: 0.76 };
        brush.scene(scene, &area)?;
    }
    // A page should see the file's size in pixels; only the coordinates are finer.
    let fine = format!("width=\"{}\" height=\"{}\" ", size.0, size.1);
    let plain = format!("width=\"{}\" height=\"{}\" ", scene.width, scene.height);
    Ok(file.replacen(&fine, &plain, 1))
}

/// The scene as a PNG image.
pub fn png(scene: &Scene) -> Result<Vec<u8>, PaintError> {
    font::register();
    let size = ((scene.width * DENSITY) as u32, (scene.height * DENSITY) as u32);
    let mut pixels = vec![255; size.0 as usize * size.1 as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
        // plotters' bitmaps put the base line half the size below the top, whatever the font.
        let brush = Brush {
            factor: DENSITY,
            font: font::bitmap_size(1.0),
            rise: 0.5 * font::bitmap_size(1.0),
        };
        brush.scene(scene, &area)?;
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::FilterType::Up);
    let dots_per_metre = (DENSITY * 96.0 / 0.0254) as u32;
    let unit = png::Unit::Meter;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: dots_per_metre,
        yppu: dots_per_metre,
        unit,
    }));
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

/// The units of a backend.
struct Brush {
    /// Its units per pixel of the scene.
    factor: f64,
    /// Its font size, per pixel of em.
    font: f64,
    /// From the top of a text down to its base line, per pixel of em.
    rise: f64,
}

type Area<B> = DrawingArea<B, Shift>;

impl Brush {
    fn scene<B: DrawingBackend>(&self, scene: &Scene, area: &Area<B>) -> Result<(), PaintError> {
        area.fill(&colour(Ink::Paper)).map_err(failed)?;
        for shape in &scene.shapes {
            self.shape(shape, area)?;
        }
        area.present().map_err(failed)
    }

    fn shape<B: DrawingBackend>(&self, shape: &Shape, area: &Area<B>) -> Result<(), PaintError> {
        match shape {
            Shape::Strokes { ink, width, dash, paths } => {
                let style =
                    colour(*ink).stroke_width((width * self.factor).round().max(1.0) as u32);
                for path in paths {
                    match dash.pattern() {
                        None => self.stroke(path, style, area)?,
                        Some(pattern) => {
                            for piece in dashed(path, pattern) {
                                self.stroke(&piece, style, area)?;
                            }
                        }
                    }
                }
                Ok(())
            }
            Shape::Fill { ink, opacity, outline } => {
                let fill = colour(*ink).mix(*opacity).filled();
                area.draw(&Polygon::new(self.units(outline), fill)).map_err(failed)
            }
            Shape::Markers { ink, marker, hollow, radius, at } => {
                for spot in at {
                    let outline = self.units(&marker.outline(*spot, *radius));
                    let inside = if *hollow { Ink::Paper } else { *ink };
                    area.draw(&Polygon::new(outline.clone(), colour(inside).filled()))
                        .map_err(failed)?;
                    if *hollow {
                        let closed = outline.iter().chain(outline.first()).copied();
                        let edge = colour(*ink).stroke_width((1.4 * self.factor) as u32);
                        area.draw(&PathElement::new(closed.collect::<Vec<_>>(), edge))
                            .map_err(failed)?;
                    }
                }
                Ok(())
            }
            Shape::Text { .. } => self.text(shape, area),
        }
    }

    fn text<B: DrawingBackend>(&self, shape: &Shape, area: &Area<B>) -> Result<(), PaintError> {
        let Shape::Text { ink, size, bold, anchor, at, text } = shape else { return Ok(()) };
        font::register();
        let weight = if *bold { FontStyle::Bold } else { FontStyle::Normal };
        let across = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let face = (FontFamily::Name(font::FAMILY), size * self.font * self.factor, weight);
        let ink = colour(*ink);
        let place = Pos::new(across, VPos::Top);
        let style = TextStyle::from(face.into_font()).color(&ink).pos(place);
        let top = (at.0, at.1 - size * self.rise);
        area.draw(&Text::new(text.clone(), self.unit(top), style)).map_err(failed)
    }

    fn stroke<B: DrawingBackend>(
        &self,
        path: &[Spot],
        style: ShapeStyle,
        area: &Area<B>,
    ) -> Result<(), PaintError> {
        area.draw(&PathElement::new(self.units(path), style)).map_err(failed)
    }

    fn unit(&self, (x, y): Spot) -> (i32, i32) {
        ((x * self.factor).round() as i32, (y * self.factor).round() as i32)
    }

    fn units(&self, path: &[Spot]) -> Vec<(i32, i32)> {
        path.iter().map(|spot| self.unit(*spot)).collect()
    }
}

fn colour(ink: Ink) -> RGBColor {
    let (red, green, blue) = palette::on_white(ink);
    RGBColor(red, green, blue)
}

fn failed(error: impl std::fmt::Display) -> PaintError {
    PaintError::Draw(error.to_string())
}

/// A path, split into the strokes of its dashes.
fn dashed(path: &[Spot], [on, off]: [f64; 2]) -> Vec<Vec<Spot>> {
    let mut pieces: Vec<Vec<Spot>> = Vec::new();
    let mut current: Vec<Spot> = path.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, on);
    for pair in path.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut done = 0.0;
        while length.is_finite() && length - done > left {
            done += left;
            let share = done / length;
            let here = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            if drawing {
                current.push(here);
                pieces.push(std::mem::take(&mut current));
            } else {
                current = vec![here];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - done;
        if drawing {
            current.push(to);
        }
    }
    if current.len() > 1 {
        pieces.push(current);
    }
    pieces
}
