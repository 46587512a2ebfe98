//! What the user typed, turned into numbers: workloads, modes, worker counts, durations, sizes.

use std::time::Duration;

use super::{Mode, PlanError, Subject};

/// Largest worker count that is accepted. No machine gains from more, and starting them would take
/// minutes.
pub const MOST_WORKERS: usize = 4096;

/// A workload as typed: its name, and the parameters given to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name before the colon.
    pub name: String,
    /// Each `key=value` after it.
    pub given: Vec<(String, String)>,
}

/// The worker counts to try.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Counts {
    /// Chosen by the kind of work and the machine, and refined near the optimum.
    #[default]
    Auto,
    /// Only these counts, ascending, none twice.
    List(Vec<usize>),
}

/// Reads `pi:digits=1000,foo=bar`.
///
/// # Errors
/// A part after the colon that is not `key=value`.
pub fn workload(text: &str) -> Result<Named, PlanError> {
    let (name, rest) = text.split_once(':').unwrap_or((text, ""));
    if name.is_empty() {
        return Err(PlanError::Usage(format!(
            "{text:?} names no workload; write NAME or NAME:key=value"
        )));
    }
    let mut given = Vec::new();
    for part in rest.split(',').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((key, value)) if !key.is_empty() => given.push((key.into(), value.into())),
            _ => {
                return Err(PlanError::Usage(format!(
                    "{part:?} in {text:?} is not key=value; write {name}:key=value,key=value"
                )));
            }
        }
    }
    Ok(Named { name: name.to_owned(), given })
}

/// Reads `serial,threads` or `all`.
///
/// # Errors
/// An unknown mode, with the nearest known one; an empty list.
pub fn modes(text: &str) -> Result<Vec<Mode>, PlanError> {
    if text == "all" {
        return Ok(Mode::of(Subject::Workload).collect());
    }
    let mut modes = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let mode: Mode = word.parse().map_err(PlanError::Usage)?;
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    if modes.is_empty() {
        return Err(PlanError::Usage("no mode is given; write for instance serial,threads".into()));
    }
    modes.sort_unstable();
    Ok(modes)
}

/// Reads `auto`, `1,2,4`, `1-8` or a mixture such as `1-4,8,16`.
///
/// # Errors
/// Zero, negative, huge or malformed counts.
pub fn counts(text: &str) -> Result<Counts, PlanError> {
    if text == "auto" {
        return Ok(Counts::Auto);
    }
    let mut list = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) if !first.is_empty() => (count(first)?, count(last)?),
            _ => (count(part)?, count(part)?),
        };
        if first > last {
            return Err(PlanError::Usage(format!(
                "the range {part} runs backwards; write {last}-{first}"
            )));
        }
        list.extend(first..=last);
    }
    list.sort_unstable();
    list.dedup();
    Ok(Counts::List(list))
}

fn count(text: &str) -> Result<usize, PlanError> {
    match text.parse::<usize>() {
        Ok(0) => Err(PlanError::Usage("0 workers do no work; the smallest count is 1".into())),
        Ok(count) if count <= MOST_WORKERS => Ok(count),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => Err(
            PlanError::Usage(format!("{text} workers are too many; the most is {MOST_WORKERS}")),
        ),
        _ => Err(PlanError::Usage(format!(
            "{text:?} is not a worker count; write auto, a list such as 1,2,4 or a range such as \
             1-8"
        ))),
    }
}

/// Reads `60s`, `500ms`, `2m` or `1.5h`; a bare number is seconds. From one millisecond to one
/// week.
///
/// # Errors
/// The text is not such a duration.
pub fn duration(text: &str) -> Result<Duration, PlanError> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "us" => 1e-6,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let seconds = digits.parse::<f64>().unwrap_or(f64::NAN) * factor;
    if (1e-3..=604_800.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(PlanError::Usage(format!(
            "{text:?} is not a usable duration; write for instance 60s, 500ms or 2m (1ms to one \
             week)"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_lists_and_ranges() {
        assert_eq!(counts("auto").unwrap(), Counts::Auto);
        assert_eq!(counts("4,1-3,2").unwrap(), Counts::List(vec![1, 2, 3, 4]));
    }

    #[test]
    fn bad_counts_are_told_apart() {
        let says = |text: &str| counts(text).unwrap_err().to_string();
        assert!(says("0").contains("smallest count is 1"));
        assert!(says("-1").contains("not a worker count"));
        assert!(says("99999999999999999999").contains("too many"));
        assert!(says("8-2").contains("backwards"));
        assert!(says("1,,2").contains("not a worker count"));
        assert!(says("").contains("not a worker count"));
    }

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(duration("1.5m").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        for bad in ["", "0", "-5s", "nan", "inf", "1e99", "10 parsecs", "5d", "ms"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn workloads_carry_their_parameters() {
        let named = workload("network:url=http://127.0.0.1:80/a=b,bytes=5").unwrap();
        assert_eq!(named.name, "network");
        assert_eq!(named.given[0], ("url".into(), "http://127.0.0.1:80/a=b".into()));
        assert!(workload("pi:digits").is_err());
        assert!(workload(":digits=1").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (workload(&text), modes(&text), counts(&text), duration(&text));
        }
    }
}
