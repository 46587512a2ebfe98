//! The figure that a program prints about itself. Regular expressions find it in the output, and
//! the last match counts.

use regex::{Captures, Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::printed::{line_around, plain};
use crate::{Error, Result};

/// How to find a program's own figure in its output. A rule is kept as JSON text, in which form it
/// crosses to processes and to disks.
///
/// A regular expression names its groups. The group `rate` or `time` is the figure; without such a
/// name the first group is. The group `p99` is the 99th percentile of the latency. A name may end
/// in the unit of the figure (`time_ms`, `p99_us`), or another group holds the unit (`rate_unit`,
/// `time_unit`, `p99_unit`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Rule {
    /// What the figure is; `None` if the names of the groups say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Is>,
    /// Expressions that find the figure. The first one that matches counts.
    pub figure: Vec<String>,
    /// Expressions that find a percentile on a line of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub p99: Vec<String>,
    /// Whether all matches add up, where a program prints a figure for each of its parts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sum: bool,
    /// If one of these matches, the figure must not be trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub void: Vec<String>,
}

/// How the reason begins where a program printed no figure.
pub const MISSING: &str = "no figure";

/// What a printed figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Is {
    /// A number per second: more is better.
    Rate,
    /// A time: less is better. It is in this unit unless the output names another.
    Time(Time),
}

/// The unit of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "units of time")]
#[serde(rename_all = "kebab-case")]
pub enum Time {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
}

/// The figure that a program printed about itself.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Figure {
    /// Units per second.
    pub rate: f64,
    /// The 99th percentile of the latency, in seconds.
    pub p99: Option<f64>,
}

impl Time {
    /// The unit that a word means.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "ns" | "nsec" => Self::Nanoseconds,
            "us" | "\u{b5}s" | "\u{3bc}s" | "usec" => Self::Microseconds,
            "ms" | "msec" => Self::Milliseconds,
            "s" | "sec" => Self::Seconds,
            "m" | "min" => Self::Minutes,
            "h" => Self::Hours,
            _ => return None,
        })
    }

    /// How many seconds the unit has.
    fn seconds(self) -> f64 {
        match self {
            Self::Nanoseconds => 1e-9,
            Self::Microseconds => 1e-6,
            Self::Milliseconds => 1e-3,
            Self::Seconds => 1.0,
            Self::Minutes => 60.0,
            Self::Hours => 3600.0,
        }
    }
}

/// A rule, ready to read with.
#[derive(Debug)]
pub(crate) struct Reader {
    figure: Vec<(Regex, Group)>,
    p99: Vec<(Regex, Option<Group>)>,
    sum: bool,
    void: Vec<Regex>,
}

/// The group of a match that holds a quantity, and what the quantity is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: Option<String>,
    is: Is,
    /// The group that holds its unit.
    unit: Option<String>,
}

impl Rule {
    /// The rule in a workload's parameter; `None` where it is empty.
    ///
    /// # Errors
    /// It is no rule.
    pub(crate) fn of(text: &str) -> Result<Option<Self>> {
        if text.is_empty() {
            return Ok(None);
        }
        let told = |error| Error::usage(format!("command: figure is not a rule in JSON: {error}"));
        serde_json::from_str(text).map(Some).map_err(told)
    }

    /// The rule that these regular expressions of a user's make.
    ///
    /// # Errors
    /// One cannot be read, has no group, or names groups that are not known; or none of them finds
    /// a figure.
    pub fn of_user(expressions: &[String], is: Option<Is>) -> Result<Self> {
        let mut rule = Self { is, ..Self::default() };
        for text in expressions {
            let regex = compiled(text)?;
            if regex.captures_len() < 2 {
                return Err(Error::usage(format!(
                    "{text:?} has no group, so nothing says where the figure stands; put brackets \
                     around it: 'ops: ([0-9.]+)'"
                )));
            }
            known_names(&regex, text)?;
            let place =
                if figure_group(&regex, is)?.is_some() { &mut rule.figure } else { &mut rule.p99 };
            place.push(text.clone());
        }
        if rule.figure.is_empty() {
            return Err(Error::usage(
                "no group holds the figure, only its p99; name one of them rate or time: 'ops: \
                 (?<rate>[0-9.]+)'",
            ));
        }
        Ok(rule)
    }

    /// The figure in what a program printed.
    ///
    /// # Errors
    /// The rule itself cannot be used; there is no figure, it is no number above 0, or the program
    /// says that it is not to be trusted.
    pub fn read(&self, printed: &str) -> Result<Figure> {
        self.reader()?.read(printed)
    }

    /// What is needed to read with it.
    pub(crate) fn reader(&self) -> Result<Reader> {
        let figure = |text: &String| {
            let regex = compiled(text)?;
            let group = figure_group(&regex, self.is)?;
            let none = || Error::usage(format!("{text:?} has no group that holds the figure"));
            group.map(|group| (regex, group)).ok_or_else(none)
        };
        let figure = self.figure.iter().map(figure).collect::<Result<Vec<_>>>()?;
        let p99 = |text: &String| {
            let regex = compiled(text)?;
            let group = p99_group(&regex);
            Ok((regex, group))
        };
        let mut p99 = self.p99.iter().map(p99).collect::<Result<Vec<_>>>()?;
        // The percentile may be in the same match as the figure.
        p99.extend(figure.iter().map(|(regex, _)| (regex.clone(), p99_group(regex))));
        let void = self.void.iter().map(|text| compiled(text)).collect::<Result<_>>()?;
        Ok(Reader { figure, p99, sum: self.sum, void })
    }
}

impl Reader {
    /// The figure in what a program printed.
    ///
    /// # Errors
    /// There is none, it is no number above 0, or the program says that it is not to be trusted.
    pub(crate) fn read(&self, printed: &str) -> Result<Figure> {
        let text = plain(printed);
        if let Some(found) = self.void.iter().find_map(|regex| regex.find(&text)) {
            let line = super::capture::line(line_around(&text, found.start()).trim());
            return Err(Error::failed(format!(
                "its figure is not to be trusted: it says {line:?}"
            )));
        }
        let found = self.figure.iter().find_map(|(regex, group)| self.rate(regex, group, &text));
        let rate = found.ok_or_else(|| self.missing())??;
        let p99 = self.p99.iter().find_map(|(regex, group)| {
            let group = group.as_ref()?;
            let found =
                regex.captures_iter(&text).filter_map(|found| group.value(&found)).last()?;
            Some(found.map(|seconds| seconds.max(0.0)))
        });
        Ok(Figure { rate, p99: p99.transpose()?.filter(|seconds| seconds.is_finite()) })
    }

    /// Units per second, by one regular expression; `None` where it does not occur.
    fn rate(&self, regex: &Regex, group: &Group, text: &str) -> Option<Result<f64>> {
        let values = regex.captures_iter(text).filter_map(|found| group.value(&found));
        let value = if self.sum {
            let all: Result<Vec<f64>> = values.collect();
            match all {
                Ok(all) if all.is_empty() => return None,
                Ok(all) => all.iter().sum(),
                Err(error) => return Some(Err(error)),
            }
        } else {
            match values.last()? {
                Ok(value) => value,
                Err(error) => return Some(Err(error)),
            }
        };
        let rate = if matches!(group.is, Is::Time(_)) { 1.0 / value } else { value };
        if value > 0.0 && rate.is_finite() && rate > 0.0 {
            return Some(Ok(rate));
        }
        Some(Err(Error::failed(format!(
            "the figure that it printed is {value}; it must be above 0"
        ))))
    }

    fn missing(&self) -> Error {
        let all: Vec<&str> = self.figure.iter().map(|(regex, _)| regex.as_str()).collect();
        Error::failed(format!("{MISSING}: nothing in what it printed matches {}", all.join(" or ")))
    }
}

impl Group {
    /// The value of a match in SI units; `None` where the group took no part in it.
    fn value(&self, found: &Captures<'_>) -> Option<Result<f64>> {
        let text = match &self.name {
            Some(name) => found.name(name)?,
            None => found.get(1)?,
        };
        let word =
            self.unit.as_ref().and_then(|name| found.name(name)).map_or("", |unit| unit.as_str());
        let text = text.as_str();
        let Ok(value) = text.trim().parse::<f64>() else {
            return Some(Err(Error::failed(format!(
                "the figure that it printed, {:?}, is no number (digits and a point: 1234.5)",
                super::capture::line(text)
            ))));
        };
        Some(self.factor(word.trim()).map(|factor| value * factor))
    }

    fn factor(&self, word: &str) -> Result<f64> {
        let unknown = |known: &str| {
            let word = super::capture::line(word);
            Error::failed(format!(
                "the unit that it printed, {word:?}, is not known; known are {known}"
            ))
        };
        match self.is {
            Is::Time(unit) if word.is_empty() => Ok(unit.seconds()),
            Is::Time(_) => Time::named(word)
                .map(Time::seconds)
                .ok_or_else(|| unknown("ns, us, ms, s, m and h")),
            Is::Rate => match word {
                "" => Ok(1.0),
                "k" | "K" => Ok(1e3),
                "M" => Ok(1e6),
                "G" => Ok(1e9),
                "T" => Ok(1e12),
                _ => Err(unknown("k, M, G and T")),
            },
        }
    }
}

fn compiled(text: &str) -> Result<Regex> {
    RegexBuilder::new(text).multi_line(true).build().map_err(|error| {
        // The error has several lines: the expression, and a mark under the wrong place.
        let told = error.to_string();
        let mut told = told.lines().map(str::trim).filter(|line| !line.is_empty());
        let told = told.next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::usage(format!("{text:?} is not a regular expression: {told}"))
    })
}

/// The names that groups may have. Each may end in a unit.
const FIGURES: [&str; 2] = ["rate", "time"];
const P99: &str = "p99";

/// What a group of this name is: which quantity, and the unit in its name.
fn split(name: &str) -> Option<(&str, Option<&str>)> {
    let (stem, unit) = name.split_once('_').map_or((name, None), |(stem, unit)| (stem, Some(unit)));
    let known = FIGURES.contains(&stem) || stem == P99;
    let unit_fits =
        unit.is_none_or(|unit| unit == "unit" || (stem != "rate" && Time::named(unit).is_some()));
    (known && unit_fits).then_some((stem, unit))
}

fn known_names(regex: &Regex, text: &str) -> Result<()> {
    let mut names = regex.capture_names().flatten();
    match names.find(|name| split(name).is_none()) {
        None => Ok(()),
        Some(name) => Err(Error::usage(format!(
            "the group {name:?} of {text:?} is not known; known are rate, time, p99, with a unit \
             as time_ms or p99_us, and rate_unit, time_unit, p99_unit for units that are printed"
        ))),
    }
}

/// The group that holds the figure.
fn figure_group(regex: &Regex, is: Option<Is>) -> Result<Option<Group>> {
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    let named = |stem: &str| {
        let mut own = names.iter().filter_map(|name| Some((*name, split(name)?)));
        own.find(|(_, (found, unit))| *found == stem && *unit != Some("unit"))
    };
    let unit = |stem: &str| {
        let name = format!("{stem}_unit");
        names.contains(&name.as_str()).then_some(name)
    };
    let time = |unit: Option<&str>| {
        let asked = match is {
            Some(Is::Time(unit)) => unit,
            _ => Time::Seconds,
        };
        Is::Time(unit.and_then(Time::named).unwrap_or(asked))
    };
    match (named("rate"), named("time")) {
        (Some((name, _)), None) if !matches!(is, Some(Is::Time(_))) => {
            Ok(Some(Group { name: Some(name.to_owned()), is: Is::Rate, unit: unit("rate") }))
        }
        (None, Some((name, (_, own)))) if is != Some(Is::Rate) => {
            Ok(Some(Group { name: Some(name.to_owned()), is: time(own), unit: unit("time") }))
        }
        (Some(_), Some(_)) => Err(Error::usage(
            "one expression names both a rate and a time; the figure is one of them",
        )),
        (None, None) => {
            // Without such a name the first group is the figure, unless its name has another
            // meaning.
            let first = regex.capture_names().nth(1).flatten();
            let is = is.unwrap_or(Is::Rate);
            let unit = unit(if is == Is::Rate { "rate" } else { "time" });
            let group = Group { name: None, is, unit };
            Ok(first.is_none().then_some(group).filter(|_| regex.captures_len() > 1))
        }
        _ => Err(Error::usage(
            "--figure-is says one thing and the name of the group another; leave one of them out",
        )),
    }
}

/// The group that holds the 99th percentile.
fn p99_group(regex: &Regex) -> Option<Group> {
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    let own = names.iter().find_map(|name| {
        let (stem, unit) = split(name)?;
        (stem == P99 && unit != Some("unit")).then_some((*name, unit))
    });
    let (name, unit) = own?;
    let is = Is::Time(unit.and_then(Time::named).unwrap_or(Time::Seconds));
    let unit = names.contains(&"p99_unit").then(|| "p99_unit".to_owned());
    Some(Group { name: Some(name.to_owned()), is, unit })
}

#[cfg(test)]
#[path = "figure_tests.rs"]
mod tests;
