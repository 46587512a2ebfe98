//! Turns tables of web pages into lines with tabs between the cells.

/// The first row of a table must be within this many bytes of the start.
const LOOKED_THROUGH: usize = 1 << 20;

/// Characters that pages write by their names.
const NAMED: [(&str, &str); 14] = [
    ("nbsp", " "),
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", ""),
    ("apos", "'"),
    ("plusmn", "\u{b1}"),
    ("micro", "\u{b5}"),
    ("mu", "\u{3bc}"),
    ("times", "\u{d7}"),
    ("minus", "-"),
    ("ndash", "\u{2013}"),
    ("mdash", "\u{2014}"),
    ("thinsp", "\u{2009}"),
];

/// The meaning of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Row,
    Cell,
    /// The end of a row or of a table.
    End,
    /// A heading of the page, or the caption of a table.
    Title,
    EndOfTitle,
    /// Any other tag.
    Other,
}

const TAGS: [(&str, Tag); 18] = [
    ("tr", Tag::Row),
    ("td", Tag::Cell),
    ("th", Tag::Cell),
    ("/tr", Tag::End),
    ("/table", Tag::End),
    ("table", Tag::End),
    ("h1", Tag::Title),
    ("h2", Tag::Title),
    ("h3", Tag::Title),
    ("h4", Tag::Title),
    ("h5", Tag::Title),
    ("caption", Tag::Title),
    ("/h1", Tag::EndOfTitle),
    ("/h2", Tag::EndOfTitle),
    ("/h3", Tag::EndOfTitle),
    ("/h4", Tag::EndOfTitle),
    ("/h5", Tag::EndOfTitle),
    ("/caption", Tag::EndOfTitle),
];

/// Where text belongs at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Row,
    Cell,
    Title,
}

/// The rows of the tables in a page, each on the line on which it begins. Titles become comments.
/// `None` if there are no tables.
pub(super) fn rows(text: &str) -> Option<String> {
    let has = |name: &str| {
        let end = text.len().min(LOOKED_THROUGH);
        let mut tags = text.as_bytes()[..end].windows(name.len());
        tags.any(|tag| tag.eq_ignore_ascii_case(name.as_bytes()))
    };
    if !text.contains('<') || !has("<tr") || !(has("<td") || has("<th")) {
        return None;
    }
    let mut page = Page { lines: String::new(), written: 1, line: 1, inside: Inside::Nothing };
    for (at, piece) in text.split('<').enumerate() {
        let after = if at == 0 { piece } else { page.tag(piece) };
        page.text(after);
        page.line += piece.bytes().filter(|byte| *byte == b'\n').count();
    }
    Some(page.lines)
}

struct Page {
    lines: String,
    /// How many lines have been begun.
    written: usize,
    /// The current line of the page.
    line: usize,
    inside: Inside,
}

impl Page {
    /// Handles one tag. Returns the text after it.
    fn tag<'t>(&mut self, piece: &'t str) -> &'t str {
        let (tag, after) = piece.split_once('>').unwrap_or((piece, ""));
        let name = tag.split(|c: char| c.is_whitespace()).next().unwrap_or_default();
        let known = TAGS.iter().find(|(own, _)| name.eq_ignore_ascii_case(own));
        match (known.map_or(Tag::Other, |(_, tag)| *tag), self.inside) {
            (Tag::Row, _) => self.begin("", Inside::Row),
            (Tag::Title, _) => self.begin("# ", Inside::Title),
            (Tag::Cell, Inside::Row) => self.inside = Inside::Cell,
            (Tag::Cell, Inside::Cell) => self.lines.push('\t'),
            (Tag::End | Tag::EndOfTitle, _) => self.inside = Inside::Nothing,
            _ => {}
        }
        after
    }

    /// Begins a new line, on the line of the page if possible.
    fn begin(&mut self, with: &str, inside: Inside) {
        self.lines.push('\n');
        self.written += 1;
        while self.written < self.line {
            self.lines.push('\n');
            self.written += 1;
        }
        self.lines.push_str(with);
        self.inside = inside;
    }

    fn text(&mut self, text: &str) {
        if !matches!(self.inside, Inside::Cell | Inside::Title) {
            return;
        }
        for (at, word) in text.split_whitespace().enumerate() {
            if at > 0 || text.starts_with(char::is_whitespace) {
                self.lines.push(' ');
            }
            self.lines.push_str(&plain(word));
        }
    }
}

/// A word with named characters replaced. Quotes are dropped, because they have a meaning in lines.
fn plain(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut parts = word.split('&');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let known = part.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest)));
        if let Some((character, rest)) = known {
            text.push_str(&character);
            text.push_str(rest);
        } else {
            text.push('&');
            text.push_str(part);
        }
    }
    text.retain(|c| c != '"');
    text
}

/// The character with this name or number.
fn character(name: &str) -> Option<String> {
    if let Some((_, character)) = NAMED.iter().find(|(own, _)| *own == name) {
        return Some((*character).to_owned());
    }
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).filter(|c| !c.is_control()).map(String::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::rows;

    fn lines(text: &str) -> Vec<String> {
        let rows = rows(text).unwrap_or_else(|| panic!("no table: {text}"));
        rows.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn rows_and_cells_are_found_however_they_are_written() {
        for text in [
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table> end",
            "<TABLE>\n<TR class=\"x\">\n<TH>a\n<TH>b\n<TR><TD>1<TD>\n 2</TABLE>",
            "see <b>this</b>: <table><tr><td><b>a</b></td><td>b</td><tr><td>1<td>2",
        ] {
            let found: Vec<String> = lines(text)
                .iter()
                .map(|line| line.split('\t').map(str::trim).collect::<Vec<_>>().join("|"))
                .collect();
            assert_eq!(found, ["a|b", "1|2"], "{text}");
        }
        assert_eq!(lines("<h2>A &amp; B</h2><tr><td>1&nbsp;&plusmn;&#178;</td>")[0], "# A & B");
        assert_eq!(rows("a < b, c > d"), None);
    }

    proptest! {
        #[test]
        fn no_page_breaks_it(
            text in "(</?(tr|td|table|h1|é)?[> \n]|&(amp|#x?[0-9]{1,9})?;?|[a1é]){0,30}"
        ) {
            let _ = rows(&text);
        }
    }
}
