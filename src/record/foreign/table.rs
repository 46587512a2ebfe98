//! Text in rows and columns, whatever separates them; every field keeps the line it stands in.

use csv::StringRecord;

use super::{Fault, MOST_OBSERVATIONS, positive};

/// More columns are refused.
const MOST_COLUMNS: usize = 10_000;
/// So many rows decide what separates the fields.
const LOOKED_AT: usize = 50;

/// Rows of equally many fields, without comments and blank lines.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// All rows, a header among them if there is one.
    pub(super) rows: Vec<Row>,
    /// The last comment before the first row, split like a row: gnuplot users put their header there.
    pub(super) comment: Option<Row>,
    separator: Separator,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// From 1.
    pub(super) line: u64,
    pub(super) fields: StringRecord,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Byte(u8),
    Spaces,
}

impl Row {
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn field(&self, column: usize) -> &str {
        self.fields.get(column).unwrap_or_default()
    }

    pub(super) fn fault(&self, column: &str, what: impl std::fmt::Display) -> Fault {
        Fault::at(format!("line {}, column {column:?}", self.line), what.to_string())
    }
}

impl Table {
    /// Splits a text into rows.
    pub(super) fn of(text: &str) -> Result<Self, Fault> {
        let (text, declared) = declared_separator(text);
        let skipped = u64::from(declared.is_some());
        let separator = declared.map_or_else(|| sniff(text), Separator::Byte);
        let mut table = Self { rows: Vec::new(), comment: None, separator };
        let spaced;
        let (text, byte) = match separator {
            Separator::Byte(byte) => (text, byte),
            Separator::Spaces => {
                spaced = tabbed(text);
                (spaced.as_str(), b'\t')
            }
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(byte)
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut fields = StringRecord::new();
        loop {
            let more = reader.read_record(&mut fields);
            if !more.map_err(|error| Fault::whole(format!("is not a table: {error}")))? {
                break;
            }
            let line = fields.position().map_or(0, |start| line_of(text, start)) + skipped;
            table.take(Row { line, fields: fields.clone() })?;
        }
        table.even_out()?;
        Ok(table)
    }

    fn take(&mut self, mut row: Row) -> Result<(), Fault> {
        let first = row.field(0);
        if ["#", "//", "%"].iter().any(|mark| first.starts_with(mark)) {
            if self.rows.is_empty() {
                let text = first.trim_start_matches(['#', '/', '%', ' ']).to_owned();
                let rest = row.fields.iter().skip(1).map(str::to_owned);
                row.fields =
                    std::iter::once(text).chain(rest).filter(|field| !field.is_empty()).collect();
                self.comment = Some(row);
            }
            return Ok(());
        }
        if row.fields.iter().all(str::is_empty) {
            return Ok(());
        }
        if row.len() > MOST_COLUMNS {
            return Err(Fault::at(
                format!("line {}", row.line),
                format!("has {} columns; at most {MOST_COLUMNS} can be read", row.len()),
            ));
        }
        if self.rows.len() > MOST_OBSERVATIONS {
            return Err(Fault::whole(format!(
                "has more than {MOST_OBSERVATIONS} rows, too many for measurements"
            )));
        }
        self.rows.push(row);
        Ok(())
    }

    /// Rows may end in separators too many, as spreadsheets leave them; otherwise all must be equally long.
    fn even_out(&mut self) -> Result<(), Fault> {
        let filled = |row: &Row| {
            (0..row.len()).rfind(|&at| !row.field(at).is_empty()).map_or(0, |at| at + 1)
        };
        let Some(first) = self.rows.first() else {
            return Err(Fault::whole("holds no measurement, only comments"));
        };
        let wide = first.len();
        let used = self.rows.iter().map(filled).max().unwrap_or(wide);
        for row in &self.rows {
            let fits = row.len() == wide || (filled(row) <= wide && row.len() > wide);
            if !fits {
                let what = format!("has {} fields, but the first row has {wide}", row.len());
                return Err(Fault::at(format!("line {}", row.line), what));
            }
        }
        let wide = wide.min(used);
        for row in &mut self.rows {
            row.fields.truncate(wide);
        }
        Ok(())
    }

    /// The column of the first row with this name, whatever its case.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        let header = self.rows.first()?;
        header.fields.iter().position(|field| field.eq_ignore_ascii_case(name))
    }

    /// A field as a number, or what is wrong with it.
    pub(super) fn number(&self, text: &str) -> Result<f64, String> {
        let plain = self.with_point(text)?;
        plain.parse::<f64>().map_err(|_| match text {
            "" => "is empty".to_owned(),
            text => format!("{text:?} is not a number"),
        })
    }

    /// A field that must hold a number above 0.
    pub(super) fn positive(&self, row: &Row, column: usize, name: &str) -> Result<f64, Fault> {
        let text = row.field(column);
        let value = self.number(text).and_then(|value| {
            positive(value)
                .map_err(|what| if value.is_finite() { what } else { format!("{text:?} {what}") })
        });
        value.map_err(|what| row.fault(name, what))
    }

    /// Where fields are not separated by commas, a comma is the decimal point of much of the world.
    fn with_point<'t>(&self, text: &'t str) -> Result<std::borrow::Cow<'t, str>, String> {
        if !text.contains(',') {
            return Ok(text.into());
        }
        let thousands =
            || format!("{text:?} is not a number; write it without separators between thousands");
        if self.separator == Separator::Byte(b',') || text.contains('.') {
            return Err(thousands());
        }
        let after = text.rsplit(',').next().unwrap_or_default();
        let several = text.matches(',').count() > 1;
        // Between semicolons a comma is decimal; elsewhere three digits after it could as well be thousands.
        let ambiguous = self.separator != Separator::Byte(b';') && after.len() == 3;
        if several || ambiguous { Err(thousands()) } else { Ok(text.replace(',', ".").into()) }
    }
}

/// The line in which a row starts; the reader counts blank lines before it as its own.
fn line_of(text: &str, start: &csv::Position) -> u64 {
    let rest = text.as_bytes().get(start.byte() as usize..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    start.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// A spreadsheet's first line `sep=;`.
fn declared_separator(text: &str) -> (&str, Option<u8>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    match first.trim_end_matches('\r').trim_matches('"').strip_prefix("sep=").map(str::as_bytes) {
        Some([byte]) if byte.is_ascii() && *byte != b'"' => (rest, Some(*byte)),
        _ => (text, None),
    }
}

/// The first of semicolon, tab and comma that is in every row; else spaces.
fn sniff(text: &str) -> Separator {
    let rows: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| {
            !line.is_empty() && !["#", "//", "%"].iter().any(|mark| line.starts_with(mark))
        })
        .take(LOOKED_AT)
        .collect();
    let everywhere =
        |byte: u8| !rows.is_empty() && rows.iter().all(|row| outside_quotes(row, byte));
    let found = [b';', b'\t', b',', b'|'].into_iter().find(|&byte| everywhere(byte));
    let spaced = !rows.is_empty() && rows.iter().all(|row| outside_quotes(row, b' '));
    match found {
        Some(byte) => Separator::Byte(byte),
        None if spaced => Separator::Spaces,
        None if rows.iter().any(|row| outside_quotes(row, b',')) => Separator::Byte(b','),
        None => Separator::Byte(b'\t'),
    }
}

fn outside_quotes(row: &str, byte: u8) -> bool {
    let mut quoted = false;
    row.bytes().any(|next| {
        quoted ^= next == b'"';
        next == byte && !quoted
    })
}

/// Runs of spaces as single tabs, line by line.
fn tabbed(text: &str) -> String {
    let mut tabbed = String::with_capacity(text.len());
    for line in text.lines() {
        let mut quoted = false;
        let parts = line.trim().split(|c: char| {
            quoted ^= c == '"';
            c.is_whitespace() && !quoted
        });
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        tabbed.push_str(&parts.join("\t"));
        tabbed.push('\n');
    }
    tabbed
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let table = Table::of(text).expect("it is a table");
        table.rows.iter().map(|row| row.fields.iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn separators_are_recognised() {
        let expected = vec![vec!["1", "2"], vec!["3", "4"]];
        for text in [
            "1,2\n3,4",
            "1;2\n3;4\n",
            "1\t2\r\n3\t4\r\n",
            "1  2\n 3 4 ",
            "sep=;\n1;2\n3;4",
            "\n1 , 2,,\n\n#c\n3,4,,\n",
        ] {
            assert_eq!(rows(text), expected, "{text:?}");
        }
        assert_eq!(rows("\"a,b\";1\n\"c\"\"d\";2"), vec![vec!["a,b", "1"], vec!["c\"d", "2"]]);
    }

    #[test]
    fn decimal_commas_are_read_where_they_cannot_be_separators() {
        let semicolons = Table::of("1;64,9\n18;995,123").expect("it is a table");
        assert_eq!(semicolons.number("64,9"), Ok(64.9));
        assert_eq!(semicolons.number("995,123"), Ok(995.123));
        assert!(semicolons.number("1.995,1").is_err());
        let tabs = Table::of("1\t64,9").expect("it is a table");
        assert_eq!(tabs.number("64,9"), Ok(64.9));
        assert!(tabs.number("1,234").is_err_and(|what| what.contains("thousands")));
        let commas = Table::of("1,\"1,234.5\"").expect("it is a table");
        assert!(commas.number("1,234.5").is_err_and(|what| what.contains("thousands")));
    }

    #[test]
    fn a_row_that_is_longer_or_shorter_is_named() {
        let error = Table::of("a,b\n1,2\n\n3,4,5\n").expect_err("a row is too long");
        assert_eq!(error.to_string(), "line 4: has 3 fields, but the first row has 2");
    }
}
