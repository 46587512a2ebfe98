//! A second axis beside the worker count: a parameter, a placeholder of a command or an environment
//! variable, over a list of values.

use knee_workloads::Workload;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Named, PlanError};

/// The most values of an axis. Nobody looks at more curves.
const MOST_VALUES: usize = 64;
/// Names of environment variables on an axis begin with this.
const VARIABLE: &str = "env:";

/// What is swept beside the workers: a name and its values, as in `t=1,2,4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The name as typed, without braces.
    pub name: String,
    /// The values: at least one, and none twice.
    pub values: Vec<String>,
}

/// The place of an entry on a second axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Also {
    /// The name of the axis: `t`, `env:OMP_NUM_THREADS`, `frames`.
    pub name: String,
    /// The value of this entry.
    pub value: String,
    /// Number of the workload or command that the user named. Entries with the same number share an
    /// axis.
    pub axis: usize,
    /// Whether the value is a number of workers inside each worker. The total number of workers is
    /// then the product of both.
    pub multiplies: bool,
}

impl Axis {
    /// Reads `t=1,2,4`, `{t}=1-4`, `env:OMP_NUM_THREADS=1,2` or `size=4k,64k`.
    ///
    /// # Errors
    /// The name or a value is missing, or a value is given twice.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let usage = |what: &str| {
            PlanError::Usage(format!(
                "--also {text}: {what}; write for instance t=1,2,4 or env:OMP_NUM_THREADS=1,2"
            ))
        };
        let (name, list) = text.split_once('=').ok_or_else(|| usage("it gives no values"))?;
        let name = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
        if name.is_empty() || name == VARIABLE {
            return Err(usage("it names nothing"));
        }
        let mut values: Vec<String> = Vec::new();
        for word in list.split(',').map(str::trim) {
            if word.is_empty() {
                return Err(usage("a value is missing"));
            }
            for value in range(word) {
                if values.contains(&value) {
                    return Err(usage(&format!("{value} is given twice")));
                }
                values.push(value);
            }
            if values.len() > MOST_VALUES {
                return Err(usage(&format!("there may be {MOST_VALUES} values at most")));
            }
        }
        Ok(Self { name: name.to_owned(), values })
    }

    /// Copies the wanted thing once for each value of the axis.
    ///
    /// # Errors
    /// The workload knows no such name.
    pub(super) fn spread(
        &self,
        want: &Named,
        workload: &dyn Workload,
        axis: usize,
    ) -> Result<Vec<(Named, Also)>, PlanError> {
        let params = workload.meta().params;
        let declares = |name: &str| params.iter().any(|param| param.name == name);
        let is_foreign =
            knee_workloads::FOREIGN.iter().any(|known| known.meta().name == workload.meta().name);
        let usage = |what: String| Err(PlanError::Usage(format!("--also {}: {what}", self.name)));
        let variable = self.name.strip_prefix(VARIABLE);
        if variable.is_some() && !declares("env") {
            return usage(format!(
                "{} is part of knee and reads no environment variable; only programs and functions \
                 of your own do",
                want.name
            ));
        }
        if variable.is_some_and(|name| name.contains(['=', '\0'])) {
            return usage("this cannot be the name of an environment variable".to_owned());
        }
        if variable.is_none() && !is_foreign && !declares(&self.name) {
            let names: Vec<&str> = params.iter().map(|param| param.name).collect();
            let near = knee_workloads::nearest(&self.name, names.iter().copied());
            let hint = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
            let names = names.join(", ");
            return usage(format!("{} has no such parameter; {hint}there are {names}", want.name));
        }
        let mut spread = Vec::new();
        for value in &self.values {
            let mut named = want.clone();
            match variable {
                Some(name) => {
                    let pair = std::collections::BTreeMap::from([(name, value)]);
                    let text = serde_json::to_string(&pair).unwrap_or_default();
                    named.given.push(("env".to_owned(), text));
                }
                None if is_foreign => {
                    if !fill(&mut named, &format!("{{{}}}", self.name), value) {
                        return usage(format!(
                            "{{{}}} occurs nowhere in the command, so every value would run the \
                             same",
                            self.name
                        ));
                    }
                }
                None => {
                    if named.given.iter().any(|(name, _)| *name == self.name) {
                        return usage(format!("{} gives one value of it already", want.name));
                    }
                    named.given.push((self.name.clone(), value.clone()));
                }
            }
            let multiplies = (is_foreign || variable.is_some())
                && self.values.iter().all(|value| value.parse::<u32>().is_ok_and(|n| n > 0));
            let also = Also { name: self.name.clone(), value: value.clone(), axis, multiplies };
            spread.push((named, also));
        }
        Ok(spread)
    }
}

impl Also {
    /// The value as a number of workers inside each worker; 1 where it is not such a number.
    pub fn factor(&self) -> f64 {
        if self.multiplies { self.value.parse().unwrap_or(1.0) } else { 1.0 }
    }

    /// The value as it stands before a label: `t=4`.
    pub fn told(&self) -> String {
        let name = self.name.strip_prefix(VARIABLE).unwrap_or(&self.name);
        format!("{name}={}", self.value)
    }
}

/// The numbers of a range such as `2-5`; any other word unchanged.
fn range(word: &str) -> Vec<String> {
    let ends = word.split_once('-').and_then(|(first, last)| {
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
    });
    match ends {
        Some((first, last)) if first <= last && last - first <= MOST_VALUES => {
            (first..=last).map(|number| number.to_string()).collect()
        }
        _ => vec![word.to_owned()],
    }
}

/// Replaces a placeholder by a value in all command lines. Returns false if it occurs in none.
fn fill(named: &mut Named, placeholder: &str, value: &str) -> bool {
    let mut found = false;
    for (name, text) in &mut named.given {
        if !["argv", "prepare", "server"].contains(&name.as_str()) {
            continue;
        }
        let Ok(words) = serde_json::from_str::<Vec<String>>(text) else { continue };
        found |= words.iter().any(|word| word.contains(placeholder));
        let words: Vec<String> =
            words.iter().map(|word| word.replace(placeholder, value)).collect();
        *text = serde_json::to_string(&words).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_with_ranges_and_sizes() {
        let axis = |text: &str| Axis::parse(text).unwrap();
        assert_eq!(axis("{t}=1,3-5").values, ["1", "3", "4", "5"]);
        assert_eq!(axis("{t}=1").name, "t");
        assert_eq!(axis("size=4k,64k,1M").values, ["4k", "64k", "1M"]);
        assert_eq!(axis("env:LIST=a=b").values, ["a=b"]);
        assert_eq!(axis("url=http-2").values, ["http-2"]);
        let says = |text: &str| Axis::parse(text).unwrap_err().to_string();
        assert!(says("t").contains("no values"));
        assert!(says("=1").contains("names nothing"));
        assert!(says("env:=1").contains("names nothing"));
        assert!(says("t=1,,2").contains("missing"));
        assert!(says("t=1,2,1").contains("twice"));
        assert!(says("t=1-65,100-160").contains("64 values"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Axis::parse(&text);
        }
    }
}
