//! What a program has printed, as plain text.

/// The output as lines of plain text: without colours, and with each redrawn line on a line of its
/// own.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                // A colour: ESC [ .. letter. Other sequences are one letter long.
                if characters.next() == Some('[') {
                    while characters.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
                }
            }
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' => plain.push('\n'),
            other => plain.push(other),
        }
    }
    plain
}

/// The whole line that holds the byte at this place.
pub(super) fn line_around(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    text[start..].lines().next().unwrap_or_default()
}
