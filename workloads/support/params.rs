//! Declared parameters and their values. They turn text such as `digits=10000` into checked
//! numbers.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// One parameter that a workload declares.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// The name before the `=`, in lower case.
    pub name: &'static str,
    /// Its meaning and its unit, in one line.
    pub help: &'static str,
    /// Which values it takes.
    pub form: Form,
    /// The value where the user gives none, written as the user would.
    pub default: &'static str,
    /// A value small enough for a test of a few milliseconds.
    pub small: &'static str,
}

/// Which values a parameter takes.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A whole number within the bounds, both included.
    Count {
        /// The smallest allowed value.
        min: u64,
        /// The largest allowed value.
        max: u64,
    },
    /// A decimal number within the bounds, both included.
    Number {
        /// The smallest allowed value.
        min: f64,
        /// The largest allowed value.
        max: f64,
    },
    /// A number of bytes, optionally with a suffix: `64`, `4k`, `1M`, `2G` (powers of 1024).
    Size {
        /// The smallest allowed value in bytes.
        min: u64,
        /// The largest allowed value in bytes.
        max: u64,
    },
    /// `true` or `false`.
    Flag,
    /// One of the given words.
    Choice(&'static [&'static str]),
    /// Any text, such as a path; empty means "not given".
    Text,
}

/// The values of a workload's parameters. Every one is present and checked.
///
/// They are kept as text, so that a process or a file gets exactly what the user could have typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params {
    values: BTreeMap<String, String>,
}

impl Params {
    /// The declared defaults, overridden by the values that were `given`.
    ///
    /// # Errors
    /// A usage error names the first unknown name (with the nearest known one), repeated name or
    /// bad value.
    pub fn resolve<'g>(
        workload: &str,
        declared: &[Param],
        given: impl IntoIterator<Item = (&'g str, &'g str)>,
    ) -> Result<Self> {
        let mut values: BTreeMap<String, String> =
            declared.iter().map(|p| (p.name.to_owned(), p.default.to_owned())).collect();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in given {
            let Some(param) = declared.iter().find(|p| p.name == name) else {
                return Err(Error::usage(unknown(workload, declared, name)));
            };
            if seen.contains(&name) {
                return Err(Error::usage(format!("{workload}: {name} is given twice; keep one")));
            }
            seen.push(name);
            param.form.check(value).map_err(|want| {
                Error::usage(format!("{workload}: {name}={value} is not valid; {want}"))
            })?;
            values.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self { values })
    }

    /// The small values of a declaration: a task of a few milliseconds, for tests.
    pub fn small(declared: &[Param]) -> Self {
        Self { values: declared.iter().map(|p| (p.name.to_owned(), p.small.to_owned())).collect() }
    }

    /// Makes the text of a parameter empty, so that it has no effect any more.
    pub fn blank(&mut self, name: &str) {
        if let Some(value) = self.values.get_mut(name) {
            value.clear();
        }
    }

    /// A whole number ([`Form::Count`]).
    pub fn count(&self, name: &str) -> u64 {
        self.parsed(name, |text| text.parse().ok())
    }

    /// A decimal number ([`Form::Number`]).
    pub fn number(&self, name: &str) -> f64 {
        self.parsed(name, |text| text.parse().ok())
    }

    /// A number of bytes ([`Form::Size`]).
    pub fn size(&self, name: &str) -> u64 {
        self.parsed(name, parse_size)
    }

    /// A truth value ([`Form::Flag`]).
    pub fn flag(&self, name: &str) -> bool {
        self.parsed(name, |text| text.parse().ok())
    }

    /// The text as given ([`Form::Choice`], [`Form::Text`]).
    pub fn text(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some(text) => text,
            None => panic!("parameter {name} is not declared by this workload"),
        }
    }

    /// Every name with its value, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Only the values that differ from the defaults, as the user would type them:
    /// `digits=1000,seed=3`. Often empty.
    pub fn changed(&self, declared: &[Param]) -> String {
        let differs = |(name, value): &(&str, &str)| {
            declared.iter().all(|p| p.name != *name || p.default != *value)
        };
        let parts: Vec<String> =
            self.iter().filter(differs).map(|(name, value)| format!("{name}={value}")).collect();
        parts.join(",")
    }

    /// Values were checked when they were resolved, so a failure here is a bug in the workload's
    /// own declaration.
    fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let text = self.text(name);
        parse(text).unwrap_or_else(|| panic!("parameter {name}={text} was read as another form"))
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Form {
    /// Checks that `text` is a value of this form. The error says which values are.
    pub fn check(&self, text: &str) -> std::result::Result<(), String> {
        let fits = match *self {
            Self::Count { min, max } => {
                text.parse::<u64>().is_ok_and(|value| (min..=max).contains(&value))
            }
            Self::Number { min, max } => {
                text.parse::<f64>().is_ok_and(|value| (min..=max).contains(&value))
            }
            Self::Size { min, max } => {
                parse_size(text).is_some_and(|value| (min..=max).contains(&value))
            }
            Self::Flag => text.parse::<bool>().is_ok(),
            Self::Choice(words) => words.contains(&text),
            Self::Text => !text.contains('\0'),
        };
        if fits { Ok(()) } else { Err(format!("it takes {self}")) }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Count { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Number { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Size { min, max } => {
                write!(f, "a size such as 4k or 64M, from {min} to {max} bytes")
            }
            Self::Flag => f.write_str("true or false"),
            Self::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Self::Text => f.write_str("text"),
        }
    }
}

/// `4k` -> 4096. Suffixes are powers of 1024, as fio reads them.
pub fn parse_size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 1 << 10),
        (at, 'm' | 'M') => (&text[..at], 1 << 20),
        (at, 'g' | 'G') => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn unknown(workload: &str, declared: &[Param], name: &str) -> String {
    let known: Vec<&str> = declared.iter().map(|p| p.name).collect();
    if known.is_empty() {
        return format!("{workload} takes no parameters, so {name} means nothing to it");
    }
    let hint = nearest(name, known.iter().copied())
        .map(|near| format!("did you mean {near}?"))
        .unwrap_or_default();
    format!("{workload} has no parameter {name}; {hint} (it has {})", known.join(", "))
}

/// The known name that is most like a misspelt one; `None` if none is alike.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &[Param] = &[
        Param {
            name: "digits",
            help: "decimal digits",
            form: Form::Count { min: 1, max: 1_000_000 },
            default: "10000",
            small: "100",
        },
        Param {
            name: "size",
            help: "bytes",
            form: Form::Size { min: 1, max: 1 << 40 },
            default: "4k",
            small: "64",
        },
    ];

    #[test]
    fn defaults_stand_and_given_values_replace_them() {
        let params = Params::resolve("pi", DECLARED, [("size", "2M")]).unwrap();
        assert_eq!(params.count("digits"), 10_000);
        assert_eq!(params.size("size"), 2 << 20);
        assert_eq!(params.changed(DECLARED), "size=2M");
    }

    #[test]
    fn bad_input_is_named_with_what_would_be_right() {
        let error = |given: &[(&str, &str)]| {
            Params::resolve("pi", DECLARED, given.iter().copied()).unwrap_err().to_string()
        };
        assert!(error(&[("digit", "5")]).contains("did you mean digits?"));
        assert!(error(&[("digits", "0")]).contains("a whole number from 1 to 1000000"));
        assert!(error(&[("digits", "99999999999999999999999")]).contains("from 1 to"));
        assert!(error(&[("size", "-1")]).contains("a size such as"));
        assert!(error(&[("size", "1"), ("size", "2")]).contains("twice"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_size(&text);
            let _ = Params::resolve("pi", DECLARED, [("digits", text.as_str())]);
        }

        #[test]
        fn sizes_read_back(value in 0_u64..1 << 30) {
            proptest::prop_assert_eq!(parse_size(&format!("{value}k")), Some(value << 10));
        }
    }
}
