//! Turns tables of MediaWiki into lines with tabs between the cells.

/// The beginning of such a table.
const OPENS: &str = "{|";

/// The first row of a table must be within this many lines of the start.
const LOOKED_THROUGH: usize = 1000;

/// Whether a text holds such a table.
pub(in crate::import) fn is_wiki(text: &str) -> bool {
    let begins = |with: &str| {
        text.lines().take(LOOKED_THROUGH).any(|line| line.trim_start().starts_with(with))
    };
    begins(OPENS) && begins("|-")
}

/// The rows of the tables in a text, each on the line on which it begins. Captions become comments.
/// `None` if there are no tables.
pub(super) fn rows(text: &str) -> Option<String> {
    if !is_wiki(text) {
        return None;
    }
    // Every row keeps its line number. A row may be on one line, or have a line for each cell.
    let mut rows: Vec<String> = Vec::new();
    let (mut inside, mut open) = (false, None);
    for line in text.lines().map(str::trim) {
        rows.push(String::new());
        let here = rows.len() - 1;
        if line.starts_with(OPENS) {
            (inside, open) = (true, None);
        } else if line.starts_with("|}") {
            (inside, open) = (false, None);
        }
        if !inside {
            continue;
        }
        if line.starts_with("|-") {
            open = None;
        } else if let Some(caption) = line.strip_prefix("|+") {
            rows[here] = format!("# {}", caption.trim());
        } else if let Some(cells) = line.strip_prefix(['|', '!']) {
            let cells = cells.split("||").flat_map(|part| part.split("!!")).map(content);
            for (at, cell) in cells.enumerate() {
                if open.is_some() || at > 0 {
                    rows[*open.get_or_insert(here)].push('\t');
                }
                rows[*open.get_or_insert(here)].push_str(&cell);
            }
        }
    }
    Some(rows.join("\n") + "\n")
}

/// The content of a cell without its formatting, such as `align="right" | 8.1`.
fn content(cell: &str) -> String {
    let look = cell.split_once('|').filter(|(look, _)| look.contains('=') && !look.contains('['));
    let text = look.map_or(cell, |(_, text)| text).trim();
    text.replace("'''", "").replace("''", "").replace(['[', ']', '"', '\t'], "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::rows;

    #[test]
    fn cells_stand_in_one_line_or_in_lines_of_their_own() {
        for text in [
            "{| class=\"wikitable\"\n! Threads !! Time (s)\n|-\n| 1 || 8.1\n|-\n| 2 || 4.2\n|}\n",
            "Text\n{|\n! Threads\n! Time (s)\n|-\n|1\n|align=\"right\"|'''8.1'''\n|-\n|2\n|4.2\n|}",
        ] {
            let rows = rows(text).expect("it is a table");
            let found: Vec<&str> = rows.lines().filter(|line| !line.is_empty()).collect();
            assert_eq!(found, ["Threads\tTime (s)", "1\t8.1", "2\t4.2"], "{text}");
        }
        assert_eq!(rows("{\"a\": 1}"), None);
        assert_eq!(rows("| a | b |\n|---|---|\n"), None);
    }

    #[test]
    fn rows_keep_their_lines() {
        let rows = rows("{|\n|+ Mine\n! a !! b\n|-\n| 1 || 2\n|}\n").expect("it is a table");
        assert_eq!(rows.lines().nth(4), Some("1\t2"), "{rows:?}");
        assert_eq!(rows.lines().nth(1), Some("# Mine"), "{rows:?}");
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "([{|}!+\n-]|é|[0-9a=]){0,40}") {
            let _ = rows(&text);
        }
    }
}
