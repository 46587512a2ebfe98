//! Writes text to a terminal: its width, its colours, and protection against text that would
//! control the terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};
use unicode_width::UnicodeWidthStr;

use crate::plot::label::{fit, visible};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Its width in columns; `None` if not known.
    pub width: Option<usize>,
    /// Whether to colour.
    pub color: bool,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
}

/// The width that is assumed if it is not known.
const USUAL: usize = 80;
/// The smallest width that is supported.
const NARROWEST: usize = 40;
/// Longer lines are hard to follow.
const WIDEST: usize = 160;

/// The role of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    /// A mode, by its index among those of its workload.
    Mode(usize),
}

impl Style {
    /// The width that is used, in columns.
    pub(crate) fn columns(&self) -> usize {
        self.width.unwrap_or(USUAL).clamp(NARROWEST, WIDEST)
    }

    /// Text that this terminal can show. Characters that would control the terminal become escapes.
    pub(crate) fn clean(&self, text: &str) -> String {
        let shown = visible(text);
        if self.unicode || shown.is_ascii() {
            return shown;
        }
        let mut plain = String::with_capacity(shown.len());
        for character in shown.chars() {
            match character {
                'µ' => plain.push('u'),
                '–' | '—' | '−' => plain.push('-'),
                '…' => plain.push('~'),
                '→' => plain.push_str("->"),
                '×' => plain.push('x'),
                '·' => plain.push('|'),
                ascii if ascii.is_ascii() => plain.push(ascii),
                other => {
                    let _ = write!(plain, "{}", other.escape_unicode());
                }
            }
        }
        plain
    }

    /// Clean text, cut to this many columns.
    pub(crate) fn cut(&self, text: &str, columns: usize) -> String {
        fit(&self.clean(text), columns, if self.unicode { "…" } else { "~" })
    }

    /// Clean text in lines of at most this many columns, broken between words if possible.
    pub(crate) fn wrap(&self, text: &str, columns: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        // A figure stays with its percent sign, and a mark stays with the text that it marks.
        let glued = self.clean(text).replace(" %", "\u{a0}%").replace(" *", "\u{a0}*");
        for word in glued.split(' ').filter(|word| !word.is_empty()) {
            let mut word = word;
            loop {
                let line = lines.last_mut().expect("there is always a line");
                let gap = usize::from(!line.is_empty());
                if line.width() + gap + word.width() <= columns {
                    if gap == 1 {
                        line.push(' ');
                    }
                    line.push_str(word);
                    break;
                }
                if gap == 1 {
                    lines.push(String::new());
                    continue;
                }
                // A word that is longer than a line is broken at the end of the line.
                let head = fit(word, columns.max(2), "");
                word = &word[head.len()..];
                line.push_str(&head);
                lines.push(String::new());
            }
        }
        lines.iter().map(|line| line.replace('\u{a0}', " ")).collect()
    }

    /// Clean text in the colour of its role.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = ansi(tone);
        format!("{}{text}{}", style.render(), style.render_reset())
    }

    /// The separator between the parts of a line.
    pub(crate) fn bullet(&self) -> &'static str {
        if self.unicode { "·" } else { "|" }
    }
}

fn ansi(tone: Tone) -> Ansi {
    const MODES: [AnsiColor; 6] = [
        AnsiColor::Blue,
        AnsiColor::Red,
        AnsiColor::Green,
        AnsiColor::Magenta,
        AnsiColor::Yellow,
        AnsiColor::Cyan,
    ];
    match tone {
        Tone::Plain => Ansi::new(),
        Tone::Strong => Ansi::new().bold(),
        Tone::Faint => Ansi::new().dimmed(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Bad => AnsiColor::Yellow.on_default(),
        Tone::Mode(index) => MODES[index % MODES.len()].on_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stay_with_what_they_belong_to() {
        let style = Style { width: None, color: false, unicode: false };
        let lines = style.wrap("at most 12 % better elsewhere *", 30);
        assert_eq!(lines, ["at most 12 % better", "elsewhere *"]);
        assert_eq!(style.wrap("at most 12 % worse", 10), ["at most", "12 % worse"]);
    }
}
