//! Bytes to text, and text to numbers.

use super::{ForeignError, Result};

/// The text without byte order mark and blank beginning.
pub(super) fn decode(bytes: &[u8]) -> Result<&str> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ForeignError::new("it is empty"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(ForeignError::new("it is UTF-16; save it as UTF-8"));
    }
    if bytes.contains(&0) {
        return Err(ForeignError::new("it is binary, not text"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ForeignError::new(format!("it is not UTF-8 text: {error}")))?;
    Ok(text.trim_start_matches('\u{feff}').trim_start())
}

/// A plain decimal number; with `comma`, one with a decimal comma too.
pub(super) fn number(text: &str, comma: bool) -> Option<f64> {
    let text = text.trim();
    // Rust also reads "inf", "nan" and "infinity", which are words here.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ',')) {
        return None;
    }
    let value = if comma && text.matches(',').count() == 1 && !text.contains('.') {
        text.replace(',', ".").parse::<f64>()
    } else {
        text.parse::<f64>()
    };
    value.ok().filter(|value| value.is_finite())
}

/// A number shortened for a message.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.trim().chars().take(40).collect();
    format!("{short:?}")
}
