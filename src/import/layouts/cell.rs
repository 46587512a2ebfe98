//! Reads one cell: a number as people write it, with unit and deviation; a word that reports a
//! failure; or other text.

use super::super::words::units::{self, Unit};
pub(in crate::import) use super::decimal::Decimal;
use super::missing;

/// A number, with its deviation and what stands beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::import) struct Figure {
    /// The number; in seconds if the unit is one of time.
    pub(in crate::import) value: f64,
    /// The deviation that the cell states (`102.4 ± 1.9`), in the unit of the value.
    pub(in crate::import) deviation: Option<f64>,
    pub(in crate::import) unit: Beside,
}

/// What stands beside a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum Beside {
    /// Nothing, or nothing with a meaning.
    Nothing,
    /// A unit of time.
    Time,
    /// Something per time.
    Rate,
    /// `x`: a speed-up, or a ratio.
    Times,
    /// `%`.
    Percent,
    /// Another word: bytes, workers.
    Other,
}

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::import) enum Cell {
    Number(Figure),
    /// The cell says that nothing was measured.
    Missing,
    Text,
}

/// Reads a cell.
pub(in crate::import) fn parse(text: &str, decimal: Decimal) -> Cell {
    if decimal == Decimal::Point
        && let Some(value) = simple(text)
    {
        return Cell::Number(Figure { value, deviation: None, unit: Beside::Nothing });
    }
    if let Ok(value) = text.parse::<f64>()
        && decimal == Decimal::Point
        && text.as_bytes().iter().any(u8::is_ascii_digit)
    {
        return Cell::Number(Figure { value, deviation: None, unit: Beside::Nothing });
    }
    let text = without_note(undressed(text));
    let figure = with_deviation(text, decimal).or_else(|| single(text, decimal));
    if let Some(figure) = figure.or_else(|| range(text, decimal)) {
        return Cell::Number(figure);
    }
    if missing::is_said_by(text) { Cell::Missing } else { Cell::Text }
}

/// Reads `128` or `5.7430`, with up to 15 digits. A double holds these exactly, so a single
/// division rounds like any parser. This is the fast path: tables of millions of rows hold little
/// else.
fn simple(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 16 || !bytes[0].is_ascii_digit() {
        return None;
    }
    let (mut digits, mut many, mut point) = (0_u64, 0_u32, None);
    for byte in bytes {
        match byte {
            b'0'..=b'9' => (digits, many) = (digits * 10 + u64::from(byte - b'0'), many + 1),
            b'.' if point.is_none() => point = Some(many),
            _ => return None,
        }
    }
    let behind = many - point.unwrap_or(many);
    (many <= 15).then(|| digits as f64 / 10_u64.pow(behind) as f64)
}

/// A plain number with nothing beside it.
pub(in crate::import) fn figure(text: &str, decimal: Decimal) -> Option<f64> {
    match parse(text, decimal) {
        Cell::Number(Figure { value, unit: Beside::Nothing, .. }) => Some(value),
        _ => None,
    }
}

/// The text without marks of emphasis, code and approximation.
fn undressed(text: &str) -> &str {
    let text =
        text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`' | '"' | '\''));
    text.trim_start_matches(['~', '\u{2248}', '=']).trim()
}

/// The text without the mark of a footnote (`2.4[^1]`, `2.4 [1]`, `2.4†`, `2.4¹`) and without a
/// remark on the figure (`2.4 ms: 3.38x faster`).
fn without_note(text: &str) -> &str {
    let text = text.split_once(": ").map_or(text, |(figure, _)| figure);
    let marks = ['\u{2020}', '\u{2021}', '\u{a7}', '\u{b9}', '\u{b2}', '\u{b3}'];
    let unmarked = text.trim_end_matches(marks).trim_end();
    if unmarked.len() < text.len() && unmarked.ends_with(|c: char| c.is_ascii_digit()) {
        return unmarked;
    }
    let note = text.strip_suffix(']').and_then(|text| text.rsplit_once('['));
    let is_mark = |mark: &str| {
        let mark = mark.trim_start_matches('^');
        !mark.is_empty() && mark.len() < 4 && mark.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_note = |mark: &str| {
        mark.starts_with('^') || mark.len() == 1 || mark.bytes().all(|byte| byte.is_ascii_digit())
    };
    let kept = note.filter(|(before, mark)| {
        is_mark(mark) && is_note(mark) && before.contains(|c: char| c.is_ascii_digit())
    });
    kept.map_or(text, |(before, _)| before.trim_end())
}

/// Reads a range such as `8.0-8.2` or `8.0 – 8.2 s` as its middle. At least one of the figures
/// must have a fraction or a unit, so that it is neither a date nor a version.
fn range(text: &str, decimal: Decimal) -> Option<Figure> {
    let (low, high) = text.split_once(['\u{2013}', '\u{2014}']).or_else(|| text.split_once('-'))?;
    let (low, high) = (low.trim(), high.trim());
    let upper = single(high, decimal)?;
    let shared = format!("{low}{}", tail(high));
    let lower = single(low, decimal).filter(|low| low.unit == upper.unit);
    let lower = lower.or_else(|| single(&shared, decimal).filter(|low| low.unit == upper.unit))?;
    let is_measured = upper.unit != Beside::Nothing || text.contains(['.', ',']);
    let ascends =
        0.0 < lower.value && lower.value <= upper.value && upper.value < 3.0 * lower.value;
    (is_measured && ascends).then(|| Figure {
        value: f64::midpoint(lower.value, upper.value),
        deviation: (lower.value < upper.value).then(|| (upper.value - lower.value) / 2.0),
        unit: upper.unit,
    })
}

/// `102.4 ± 1.9`, `102.4 ms +/- 1.9 ms`, `41.2 (0.4)`.
fn with_deviation(text: &str, decimal: Decimal) -> Option<Figure> {
    let marks = ["\u{b1}", "+/-", "+-", "\\pm"];
    let (mark, at) = marks.iter().find_map(|mark| Some((mark, text.find(mark)?)))?;
    let (before, after) = (text[..at].trim(), text[at + mark.len()..].trim());
    let trimmed = before.trim_matches(['(', '$']).trim();
    let value = single(trimmed, decimal)?;
    let spread = single(after.trim_matches([')', '$']).trim(), decimal)?;
    // One unit may stand after both numbers.
    let shared = value.unit == Beside::Nothing && spread.unit != Beside::Nothing;
    let of_value =
        if shared { single(&format!("{trimmed}{}", tail(after)), decimal) } else { None };
    let mut figure = of_value.unwrap_or(value);
    let plain = spread.unit == Beside::Nothing && figure.unit == Beside::Time;
    let factor = if plain && value.value > 0.0 { scale(trimmed) } else { 1.0 };
    figure.deviation = match spread.unit {
        Beside::Percent => Some(figure.value * spread.value),
        _ => Some(spread.value * factor),
    };
    Some(figure)
}

/// The text after the digits.
fn tail(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' '))
}

/// The seconds in the unit after a number.
fn scale(text: &str) -> f64 {
    units::seconds(tail(text)).unwrap_or(1.0)
}

fn single(text: &str, decimal: Decimal) -> Option<Figure> {
    let plain = |value: f64, unit| Some(Figure { value, deviation: None, unit });
    let text = text.trim_end_matches('*').trim();
    if !text.contains(|c: char| c.is_ascii_digit()) || text.len() > 64 {
        return None;
    }
    if let Some(seconds) = duration(text, decimal) {
        return plain(seconds, Beside::Time);
    }
    let (number, rest) = leading_number(text, decimal)?;
    // Text in brackets is a remark.
    let rest = rest.split_once('(').map_or(rest, |(before, _)| before);
    let rest = rest.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`'));
    // In `1.02k req/s` the letter belongs to the number.
    let (number, rest) = match rest.split_once(' ').map(|(mark, of)| (prefixed(mark), of)) {
        Some(((factor, ""), of)) => (number * factor, of.trim()),
        _ => (number, rest),
    };
    if rest.is_empty() {
        return plain(number, Beside::Nothing);
    }
    // `5.2 s, 210 MB/s` holds more than one figure.
    if rest.contains(", ") {
        return None;
    }
    match rest {
        "x" | "X" | "\u{d7}" | "-fold" | "fold" | "times" | "mal" | "fach" => {
            plain(number, Beside::Times)
        }
        "%" | "percent" | "pct" => plain(number / 100.0, Beside::Percent),
        _ => {
            if let Some(seconds) = units::seconds(rest) {
                return plain(number * seconds, Beside::Time);
            }
            match Unit::parse(rest) {
                Some(Unit::Time { seconds, .. }) => plain(number * seconds, Beside::Time),
                // The cells of one column may mix MB/s and GB/s.
                Some(Unit::Rate { factor, what }) => {
                    let thousands = units::without_thousands(&what).0;
                    plain(number * factor * thousands, Beside::Rate)
                }
                None => {
                    let (prefix, of) = prefixed(rest);
                    let value = number * prefix;
                    match of {
                        "" => plain(value, Beside::Nothing),
                        of if is_word(of) => plain(value, Beside::Other),
                        _ => None,
                    }
                }
            }
        }
    }
}

/// Whether this is a short word such as `GB`, `threads` or `Gflop`. A version or a date is not.
fn is_word(text: &str) -> bool {
    text.len() <= 24
        && text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '/' | '.' | '-'))
}

/// Reads `2.65k` as 2650. `m` stays a word: it more often means metres or minutes than thousandths.
fn prefixed(text: &str) -> (f64, &str) {
    match text {
        "k" | "K" => (1e3, ""),
        "M" | "Mio" | "Mio." => (1e6, ""),
        "G" => (1e9, ""),
        other => (1.0, other),
    }
}

/// Reads a time of several parts: `22m 50s`, `0m8.123s`, `02:10:41`, `1:02.5`, `1h30`, `2 min 3 s`.
fn duration(text: &str, decimal: Decimal) -> Option<f64> {
    if text.contains(':') {
        return clock(text, decimal);
    }
    let (mut rest, mut seconds, mut parts, mut last) = (text, 0.0, 0, f64::INFINITY);
    while !rest.trim().is_empty() {
        let (number, after) = leading_number(rest.trim(), decimal)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let unit = units::seconds(after[..end].trim().trim_end_matches(',').trim_end())
            .or_else(|| (after[..end].trim() == "m").then_some(60.0))?;
        // Parts must go from the largest unit to the smallest.
        if number < 0.0 || unit >= last {
            return None;
        }
        (seconds, last, rest) = (seconds + number * unit, unit, &after[end..]);
        parts += 1;
    }
    (parts > 1).then_some(seconds)
}

/// Reads `02:10:41`, `22:50` or `1-02:10:41` (days before a dash, as in Slurm).
fn clock(text: &str, decimal: Decimal) -> Option<f64> {
    let (days, text) = match text.split_once('-') {
        Some((days, rest)) => (days.parse::<u32>().ok()?, rest),
        None => (0, text),
    };
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) || parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    let mut seconds = 0.0;
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        let digits = part.chars().all(|c| c.is_ascii_digit() || (last && matches!(c, '.' | ',')));
        let value = if digits { leading_number(part, decimal)?.0 } else { return None };
        if at > 0 && value >= 60.0 {
            return None;
        }
        seconds = seconds * 60.0 + value;
    }
    Some(f64::from(days) * 86_400.0 + seconds)
}

/// The number at the start of a text, with marks between thousands, and the text after it.
fn leading_number(text: &str, decimal: Decimal) -> Option<(f64, &str)> {
    let (point, thousands) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let bytes = text.as_bytes();
    let mut plain = String::with_capacity(text.len());
    let (mut end, mut seen_point) = (0, false);
    let digits_follow = |at: usize, many: usize| {
        let after: Vec<u8> = bytes[at..].iter().copied().take(many + 1).collect();
        after.len() >= many
            && after[..many].iter().all(u8::is_ascii_digit)
            && after.get(many).is_none_or(|byte| !byte.is_ascii_digit())
    };
    for (at, c) in text.char_indices() {
        let next = at + c.len_utf8();
        if c.is_ascii_digit() {
            plain.push(c);
        } else if at == 0 && matches!(c, '-' | '+' | '\u{2212}') {
            plain.push(if c == '+' { '+' } else { '-' });
        } else if c == point && !seen_point {
            seen_point = true;
            plain.push('.');
        } else if !seen_point
            && end > 0
            && digits_follow(next, 3)
            && (c == thousands || super::decimal::BETWEEN_THOUSANDS.contains(&c))
        {
            // A mark between thousands is followed by three digits.
        } else if matches!(c, 'e' | 'E') && end > 0 {
            let rest = text[next..].trim_start_matches(['+', '-']);
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let is_exponent = (1..=3).contains(&digits)
                && !rest[digits..].starts_with(|c: char| c.is_alphanumeric());
            if is_exponent {
                end = text.len() - rest.len() + digits;
                plain.push('e');
                plain.push_str(&text[next..end]);
            }
            break;
        } else {
            break;
        }
        end = next;
    }
    if !plain.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((plain.parse().ok()?, text[end..].trim_start()))
}
