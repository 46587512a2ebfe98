//! Decides whether comma or point is the decimal mark, from the numbers of a column.

/// Marks between thousands that are never decimal marks.
pub(super) const BETWEEN_THOUSANDS: [char; 7] =
    ['\'', '\u{2019}', ' ', '\u{a0}', '\u{202f}', '\u{2009}', '_'];

/// The decimal mark: comma or point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum Decimal {
    Point,
    Comma,
}

/// What the rest of a table shows, for columns that leave the mark open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::import) struct Usual {
    pub(in crate::import) decimal: Option<Decimal>,
    /// Whether other numbers show it. Otherwise it follows from the separator of the cells.
    pub(in crate::import) is_shown: bool,
}

impl From<Option<Decimal>> for Usual {
    fn from(decimal: Option<Decimal>) -> Self {
        Self { decimal, is_shown: false }
    }
}

/// A guess about a mark, in words.
pub(in crate::import) type Said = Option<&'static str>;

const COMMAS_BETWEEN_THOUSANDS: Said = Some("commas are taken as marks between thousands");
const POINTS_BETWEEN_THOUSANDS: Said = Some("points are taken as marks between thousands");
const DECIMAL_POINTS: Said = Some("points are taken as decimal points");

/// How many numbers of a column are written in each way.
#[derive(Debug, Default)]
struct Written {
    /// Numbers with a comma that must be decimal, or with points that must separate thousands.
    comma: usize,
    /// Numbers with a point that must be decimal, or with commas that must separate thousands.
    point: usize,
    /// Numbers such as `1,234`, which can be either.
    open_comma: usize,
    /// Numbers such as `1.234`, which can be either.
    open_point: usize,
    /// Numbers such as `1.5`.
    fraction: usize,
    /// Numbers without any mark, except those from 100 to 999.
    plain: usize,
    /// The largest number whose point can be either, read as a decimal.
    most_open: f64,
    /// The smallest number from 100 to 999 without any mark.
    least_plain: Option<f64>,
}

impl Decimal {
    /// The decimal mark that the numbers of a column show, and a guess if they leave it open:
    /// `1,234` alone can be either.
    pub(in crate::import) fn of<'c>(
        cells: impl Iterator<Item = &'c str>,
        usual: impl Into<Usual>,
    ) -> (Self, Said) {
        let mut written = Written::default();
        cells.for_each(|cell| written.add(cell));
        written.decide(usual.into())
    }
}

/// The first number of a cell, without marks that can only separate thousands.
fn number(cell: &str) -> Option<String> {
    let mut text = String::new();
    for (at, c) in cell.char_indices() {
        let is_mark = matches!(c, '.' | ',');
        if c.is_ascii_digit() || (is_mark && !text.is_empty()) {
            text.push(c);
        } else if !text.is_empty() {
            let rest = &cell[at + c.len_utf8()..];
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if !(BETWEEN_THOUSANDS.contains(&c) && digits == 3) {
                break;
            }
        }
    }
    let length = text.trim_end_matches([',', '.']).len();
    text.truncate(length);
    (!text.is_empty()).then_some(text)
}

impl Written {
    fn add(&mut self, cell: &str) {
        let Some(text) = number(cell) else { return };
        // Cells with their own units (`812 ms`, `1.590 s`) show nothing about each other.
        let has_unit = cell.contains(char::is_alphabetic);
        let (commas, points) = (text.matches(',').count(), text.matches('.').count());
        let behind = |mark: char| text.rfind(mark).map_or(0, |at| text.len() - at - 1);
        let is_group = |mark: char| {
            let before = text.find(mark).unwrap_or(0);
            behind(mark) == 3 && (1..=3).contains(&before) && !text.starts_with('0')
        };
        match (commas, points) {
            (0, 0) if text.len() == 3 && !text.starts_with('0') && !has_unit => {
                let value = text.parse().unwrap_or_default();
                self.least_plain = Some(self.least_plain.map_or(value, |least| least.min(value)));
            }
            (0, 0) => self.plain += 1,
            (0, 1) if is_group('.') && !has_unit => {
                self.open_point += 1;
                self.most_open = self.most_open.max(text.parse().unwrap_or_default());
            }
            (0, 1) => self.fraction += 1,
            (1, 0) if is_group(',') => self.open_comma += 1,
            // `1.234.567` has points between its thousands.
            (0, _) | (1, 0) => self.comma += 1,
            (_, 0) => self.point += 1,
            _ if text.rfind('.') > text.rfind(',') => self.point += 1,
            _ => self.comma += 1,
        }
    }

    fn decide(&self, usual: Usual) -> (Decimal, Said) {
        if self.comma > self.point {
            return (Decimal::Comma, None);
        }
        if self.comma + self.point > 0 {
            return (Decimal::Point, None);
        }
        if self.open_comma > 0 {
            let open = if usual.decimal.is_none() { COMMAS_BETWEEN_THOUSANDS } else { None };
            return (usual.decimal.unwrap_or(Decimal::Point), open);
        }
        if self.open_point == 0 || self.fraction > 0 {
            return (Decimal::Point, None);
        }
        // No program writes 812 and 1.590 in one column if it means 812 and 1.59.
        let jumps = self.least_plain.is_some_and(|least| self.most_open * 10.0 < least);
        let grows = jumps && self.plain == 0 && usual.decimal != Some(Decimal::Point);
        match usual.decimal {
            Some(Decimal::Comma) if usual.is_shown => (Decimal::Comma, None),
            _ if grows => (Decimal::Comma, POINTS_BETWEEN_THOUSANDS),
            Some(Decimal::Comma) => (Decimal::Point, DECIMAL_POINTS),
            _ => (Decimal::Point, None),
        }
    }
}
