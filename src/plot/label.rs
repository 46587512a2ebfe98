//! Makes text from outside safe to draw: it can neither control a terminal nor change the direction
//! of a line.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with every invisible character (controls, direction marks, formatting) shown as an
/// escape.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Controls, line separators, direction marks, invisible operators, tags, and characters that XML
/// 1.0 forbids.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// The visible text, cut with an ellipsis to this many terminal columns.
pub fn shortened(text: &str, columns: usize) -> String {
    fit(&visible(text), columns, "…")
}

/// Cuts text that is already visible, with this ellipsis.
pub fn fit(text: &str, columns: usize, ellipsis: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(ellipsis.width());
    let mut used = 0;
    let mut kept: String = text
        .chars()
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= room
        })
        .collect();
    if columns >= ellipsis.width() {
        kept.push_str(ellipsis);
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_is_shown_as_an_escape() {
        assert_eq!(visible("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(visible("\u{202e}exe.txt\r\n"), "\\u{202e}exe.txt\\u{d}\\u{a}");
        assert_eq!(visible("größer – 日本"), "größer – 日本");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(shortened("日本語日本語", 5), "日本…");
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("longer", 0), "");
    }

    proptest! {
        #[test]
        fn no_text_is_wider_than_asked_nor_steers(text in any::<String>(), columns in 0usize..60) {
            let cut = shortened(&text, columns);
            prop_assert!(cut.width() <= columns);
            prop_assert!(!cut.chars().any(char::is_control));
        }
    }
}
