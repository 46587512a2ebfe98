//! JSON as benchmarks write it: with bare NaN and Infinity, which are no JSON; and which benchmark wrote it.

use serde_json::Value;

use super::{ForeignError, Format, Result};

/// Parses a document in which `NaN`, `Infinity` and `inf` stand for numbers that do not exist.
pub(super) fn parse(text: &str) -> Result<Value> {
    let broken =
        |error: serde_json::Error| ForeignError::new(format!("it is not valid JSON: {error}"));
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(first) => match without_bare_words(text) {
            Some(tamed) => serde_json::from_str(&tamed).map_err(broken),
            None => Err(broken(first)),
        },
    }
}

/// The text with bare words for missing numbers replaced by `null`; `None` where there are none.
fn without_bare_words(text: &str) -> Option<String> {
    const WORDS: [&str; 8] = ["-Infinity", "Infinity", "-nan", "-NaN", "NaN", "nan", "-inf", "inf"];
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut in_string, mut found) = (text, false, false);
    while let Some(c) = rest.chars().next() {
        if in_string && c == '\\' {
            let pair: usize = rest.chars().take(2).map(char::len_utf8).sum();
            out.push_str(&rest[..pair]);
            rest = &rest[pair..];
            continue;
        }
        if !in_string && let Some(word) = WORDS.iter().find(|word| rest.starts_with(*word)) {
            out.push_str("null");
            rest = &rest[word.len()..];
            found = true;
            continue;
        }
        in_string ^= c == '"';
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    found.then_some(out)
}

/// Which benchmark wrote a document.
pub(super) fn recognise(text: &str) -> Result<Format> {
    let first = text.lines().next().unwrap_or_default();
    if first.contains("\"reason\"") && serde_json::from_str::<Value>(first).is_ok() {
        return Ok(Format::Criterion);
    }
    let value = parse(text)?;
    let has = |key: &str| value.get(key).is_some();
    let benchmarks = value.get("benchmarks").and_then(Value::as_array);
    let runs = benchmarks.is_some_and(|all| all.iter().any(|one| one.get("runs").is_some()));
    let jmh = |all: &Vec<Value>| all.iter().any(|one| one.get("primaryMetric").is_some());
    if has("results") && value["results"].is_array() {
        Ok(Format::Hyperfine)
    } else if runs {
        Ok(Format::Pyperf)
    } else if benchmarks.is_some() {
        Ok(Format::GoogleBenchmark)
    } else if value.as_array().is_some_and(jmh) {
        Ok(Format::Jmh)
    } else {
        Err(ForeignError::new(
            "it is JSON, but not of hyperfine, Google Benchmark, JMH, pyperf or criterion",
        ))
    }
}

/// A finite number; hyperfine's parameters and JMH's errors are numbers in strings.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|value| value.is_finite()),
        Value::String(text) => super::text::number(text, false),
        _ => None,
    }
}

/// An array that must be there.
pub(super) fn array<'v>(value: &'v Value, key: &str) -> Result<&'v [Value]> {
    value
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| ForeignError::new(format!("it has no list {key:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_are_missing_numbers_and_words_in_strings_are_words() {
        let value = parse(r#"{"a": NaN, "b": [-Infinity, 1], "NaN \" inf": "nan"}"#).unwrap();
        assert!(value["a"].is_null() && value["b"][0].is_null());
        assert_eq!(value["NaN \" inf"], "nan");
        assert!(parse("{NaN").is_err() && parse("[1,").is_err());
    }
}
