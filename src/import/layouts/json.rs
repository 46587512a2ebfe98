//! Reads JSON as tools really write it. Errors give the path of the wrong value.

use std::borrow::Cow;

use serde_json::Value;

use super::super::{Fault, positive};

/// JSON with more values is refused before it fills the memory.
const MOST_VALUES: usize = 4_000_000;
/// What C, C++ and Python print for figures that do not exist in JSON; longest first.
const ABSENT: [&str; 9] =
    ["-Infinity", "Infinity", "-nan(ind)", "-NaN", "-nan", "-inf", "NaN", "nan", "inf"];

/// Reads a whole text. Bare `NaN` and `Infinity` become `null`.
pub(in crate::import) fn parse(text: &str) -> Result<Value, Fault> {
    let text = standard(text)?;
    serde_json::from_str(&text).map_err(|error| {
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or(&words);
        let what =
            if error.is_eof() { "is cut off".to_owned() } else { format!("is not JSON: {words}") };
        Fault::at(format!("line {}, column {}", error.line(), error.column()), what)
    })
}

/// The text with everything outside of strings that is not JSON replaced by `null`.
fn standard(text: &str) -> Result<Cow<'_, str>, Fault> {
    let bytes = text.as_bytes();
    let (mut fixed, mut kept, mut at, mut values) = (String::new(), 0, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b',' | b'[' | b'{' => {
                values += 1;
                at += 1;
            }
            b'-' | b'I' | b'N' | b'n' | b'i' => {
                let found = ABSENT.iter().find(|word| bytes[at..].starts_with(word.as_bytes()));
                if let Some(word) = found {
                    fixed.push_str(&text[kept..at]);
                    fixed.push_str("null");
                    kept = at + word.len();
                }
                // A longer word (`null`, `infinite`) must not be split.
                at = bytes[at + 1..]
                    .iter()
                    .position(|byte| !byte.is_ascii_alphabetic())
                    .map_or(bytes.len(), |length| at + 1 + length)
                    .max(kept);
            }
            _ => at += 1,
        }
    }
    if values > MOST_VALUES {
        return Err(Fault::whole(format!("holds more than {MOST_VALUES} values")));
    }
    if kept == 0 {
        return Ok(Cow::Borrowed(text));
    }
    fixed.push_str(&text[kept..]);
    Ok(Cow::Owned(fixed))
}

/// The position after the closing quote.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A value with its path from the root, such as `results[2].times`.
#[derive(Debug, Clone)]
pub(in crate::import) struct Node<'v> {
    value: &'v Value,
    path: String,
}

impl<'v> Node<'v> {
    pub(in crate::import) fn root(value: &'v Value) -> Self {
        Self { value, path: String::new() }
    }

    /// The root of one of several lines.
    pub(in crate::import) fn line(number: usize, value: &'v Value) -> Self {
        Self { value, path: format!("line {number}") }
    }

    /// The field with this name; `None` if it is absent or `null`.
    pub(in crate::import) fn find(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { value, path: self.below(key) })
    }

    /// The field with this name.
    pub(in crate::import) fn get(&self, key: &str) -> Result<Self, Fault> {
        self.find(key).ok_or_else(|| {
            let known = self.value.is_object();
            let what =
                if known { format!("has no {key:?}") } else { "is not an object".to_owned() };
            self.fault(what)
        })
    }

    fn below(&self, key: &str) -> String {
        let dot = if self.path.is_empty() { "" } else { "." };
        format!("{}{dot}{key}", self.path)
    }

    /// The items of an array.
    pub(in crate::import) fn items(&self) -> Result<impl Iterator<Item = Self> + use<'v>, Fault> {
        let items = self.value.as_array().ok_or_else(|| self.fault("is not an array"))?;
        let path = self.path.clone();
        Ok(items
            .iter()
            .enumerate()
            .map(move |(index, value)| Self { value, path: format!("{path}[{index}]") }))
    }

    /// The fields of an object; empty if it is no object.
    pub(in crate::import) fn fields(&self) -> impl Iterator<Item = (&'v str, Self)> {
        let fields = self.value.as_object().into_iter().flatten();
        fields.map(|(key, value)| (key.as_str(), Self { value, path: self.below(key) }))
    }

    /// A text.
    pub(in crate::import) fn text(&self) -> Result<&'v str, Fault> {
        self.value.as_str().ok_or_else(|| self.fault("is not a text"))
    }

    /// A text, or a number or truth value as text; `None` for everything else.
    pub(in crate::import) fn word(&self) -> Option<String> {
        match self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(self.value.to_string()),
            _ => None,
        }
    }

    pub(in crate::import) fn is_true(&self) -> bool {
        self.value.as_bool() == Some(true)
    }

    pub(in crate::import) fn is_array(&self) -> bool {
        self.value.is_array()
    }

    /// A number.
    pub(in crate::import) fn number(&self) -> Result<f64, Fault> {
        match self.value {
            Value::Null => Err(self.fault("is not a number (null, NaN or Infinity)")),
            value => value.as_f64().ok_or_else(|| self.fault("is not a number")),
        }
    }

    /// A number above 0.
    pub(in crate::import) fn positive(&self) -> Result<f64, Fault> {
        positive(self.number()?).map_err(|what| self.fault(what))
    }

    /// The numbers of an array, each above 0.
    pub(in crate::import) fn positives(&self) -> Result<Vec<f64>, Fault> {
        self.items()?.map(|item| item.positive()).collect()
    }

    pub(in crate::import) fn fault(&self, what: impl Into<String>) -> Fault {
        Fault::at(self.path.clone(), what)
    }
}
