//! Turns Python's printed dicts, lists, tuples and arrays into JSON.

/// A printed Python value as JSON; `None` if the text has nothing of Python. Anything that is not a
/// literal stays as it is, so that the JSON reader reports it.
pub(in crate::import) fn as_json(text: &str) -> Option<String> {
    // numpy prints no commas between the numbers of an array.
    if text.starts_with("[[") && !text.contains([',', '"', '\'']) {
        let rows =
            text.split(']').map(|row| row.trim_matches(|c: char| c == '[' || c.is_whitespace()));
        let rows = rows.filter(|row| !row.is_empty());
        let rows = rows.map(|row| row.split_whitespace().map(number).collect::<Vec<_>>().join(","));
        return Some(format!("[[{}]]", rows.collect::<Vec<_>>().join("],[")));
    }
    let mut json = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let end = match next {
            '"' | '\'' => string(rest, next, &mut json),
            '(' | ')' | ']' | '}' => {
                // A comma may follow the last value.
                if next != '(' && json.trim_end().ends_with(',') {
                    json.truncate(json.trim_end().len() - 1);
                }
                json.push(match next {
                    '(' => '[',
                    ')' => ']',
                    other => other,
                });
                1
            }
            c if c.is_alphanumeric() || matches!(c, '-' | '.' | '_') => {
                let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '+' | '.' | '_');
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                word(&rest[..end], rest[end..].trim_start().starts_with(':'), &mut json);
                end
            }
            c => {
                json.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[end..];
    }
    (json != text).then_some(json)
}

/// Converts a string with its quotes. Returns its length.
fn string(text: &str, quote: char, json: &mut String) -> usize {
    json.push('"');
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => {
                // JSON does not have `\'`.
                if c != '\'' {
                    json.push('\\');
                }
                json.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            _ if c == quote => {
                json.push('"');
                return at + c.len_utf8();
            }
            '"' => json.push_str("\\\""),
            c => json.push(c),
        }
    }
    text.len()
}

fn word(word: &str, is_key: bool, json: &mut String) {
    match word {
        "None" | "nan" => json.push_str("null"),
        "True" => json.push_str("true"),
        "False" => json.push_str("false"),
        key if is_key => {
            json.push('"');
            json.push_str(key);
            json.push('"');
        }
        word => json.push_str(&number(word)),
    }
}

/// Python allows `1.` and `.5`, but JSON does not.
fn number(word: &str) -> String {
    let looks = word.contains('.') && word.parse::<f64>().is_ok_and(f64::is_finite);
    match word.parse::<f64>() {
        Ok(value) if looks && (word.ends_with('.') || word.starts_with('.')) => value.to_string(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::as_json;

    fn value(text: &str) -> Value {
        let json = as_json(text).unwrap_or_else(|| panic!("nothing of Python's: {text}"));
        serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn literals_become_json() {
        assert_eq!(value("{1: 8.1, 2: 4.,}"), json!({"1": 8.1, "2": 4}));
        assert_eq!(value("[('a', None), (\"b\", True),]"), json!([["a", null], ["b", true]]));
        assert_eq!(value("{'it\\'s': 1e-3}"), json!({"it's": 1e-3}));
        assert_eq!(value("[[1.   8.1 ]\n [2.   4.2 ]]\n"), json!([[1, 8.1], [2, 4.2]]));
        assert_eq!(as_json("{\"a\": [1, 2.5]}"), None);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(
            text in any::<String>(),
            marks in "([\\[\\]{}(),:'\"\\\\]|é|[0-9.]|None){0,40}",
        ) {
            let _ = as_json(&text);
            let _ = as_json(&marks);
            let _ = as_json(&format!("[[{marks}"));
        }
    }
}
