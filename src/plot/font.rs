//! The font of the plots. It is compiled in, so no font of the system is needed.

use std::sync::Once;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The name of the font in plotters and in SVG files.
pub(super) const FAMILY: &str = "sans-serif";

/// plotters gives `size` to ab_glyph as the full height of the font. For DejaVu Sans that is this
/// many times its em.
const HEIGHT_PER_EM: f64 = 1.164;

/// Registers the font with plotters.
pub(super) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let files: [(FontStyle, &'static [u8]); 2] = [
            (FontStyle::Normal, include_bytes!("font/DejaVuSans.ttf")),
            (FontStyle::Bold, include_bytes!("font/DejaVuSans-Bold.ttf")),
        ];
        for (style, bytes) in files {
            // A compiled-in font either works or fails the tests.
            let registered = register_font(FAMILY, style, bytes);
            debug_assert!(registered.is_ok(), "the font that is compiled in cannot be read");
        }
    });
}

/// Converts pixels per em to the font size of plotters' bitmaps.
pub(super) fn bitmap_size(pixels: f64) -> f64 {
    pixels * HEIGHT_PER_EM
}

/// The width of a text in pixels, at a font size in pixels.
pub fn width(text: &str, pixels: f64, bold: bool) -> f64 {
    register();
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    // plotters rounds down to whole pixels, so measure a large size and scale back.
    let font = FontDesc::new(FontFamily::Name(FAMILY), bitmap_size(100.0), style);
    font.box_size(text).map_or(0.0, |(wide, _)| f64::from(wide) / 100.0 * pixels)
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn wider_text_is_wider_and_bold_is_bolder() {
        assert!(width("threads", 12.0, false) > 30.0);
        assert!(width("threads", 12.0, true) > width("threads", 12.0, false));
        assert!((width("0000", 24.0, false) / width("00", 24.0, false) - 2.0).abs() < 0.01);
        for needed in "µ–…≥≤×→².".chars() {
            let missing = width("\u{f8ff}", 12.0, false);
            assert!(width(&needed.to_string(), 12.0, false) > 0.0 && missing > 0.0);
        }
    }
}
