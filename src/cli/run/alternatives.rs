//! `--alt`: several ways to do the same work, each with the user's name for it.

use std::time::Duration;

use knee_workloads::BUILTIN;

use super::own::Own;
use crate::cli::Failure;
use crate::plan::{Named, parse};

/// Names appear in tables.
const LONGEST_NAME: usize = 40;
/// Nobody can tell more curves apart.
const MOST: usize = 16;
/// The placeholder for the count, unless the user names another.
const COUNT: &str = "{n}";

/// The option.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Alternatives {
    /// One of several ways to do the same work, by a name of yours: a command (with {n} where the
    /// count belongs), with --url a server, or a workload such as file:op=sync. They are measured
    /// in the same blocks and compared; give it once for each
    #[arg(long = "alt", value_name = "NAME=COMMAND", groups = ["program", "line", "served"],
          allow_hyphen_values = true,
          conflicts_with_all = ["workloads", "server", "also", "resume"],
          help_heading = super::own::HEADING)]
    alt: Vec<String>,
}

impl Alternatives {
    /// Whether there are any ways.
    pub(super) fn are_asked(&self) -> bool {
        !self.alt.is_empty()
    }

    /// The ways with their names, each as if it had been named alone.
    pub(super) fn named(
        &self,
        own: &Own,
        budget: Duration,
    ) -> Result<Vec<(String, Named)>, Failure> {
        let mut all: Vec<(String, Named)> = Vec::new();
        for text in &self.alt {
            let (name, line) = split(text)?;
            if all.iter().any(|(known, _)| known == name) {
                return Err(Failure::usage(format!(
                    "--alt {name} is given twice; each way has a name of its own"
                )));
            }
            all.push((name.to_owned(), one(name, line, own, budget)?));
        }
        match all.len() {
            1 => Err(Failure::usage(format!(
                "--alt {} alone is compared with nothing; give --alt once for each way",
                all[0].0
            ))),
            many if many > MOST => {
                Err(Failure::usage(format!("{many} times --alt are too many; the most is {MOST}")))
            }
            _ => Ok(all),
        }
    }
}

/// The name, and the text after it.
fn split(text: &str) -> Result<(&str, &str), Failure> {
    let wrong = |what: String| {
        Failure::usage(format!(
            "--alt {text:?}: {what}; write for instance threads='python3 sweep.py threads {{n}}'"
        ))
    };
    let (name, line) = text.split_once('=').ok_or_else(|| wrong("it has no name".to_owned()))?;
    let name = name.trim();
    if name.is_empty() || line.trim().is_empty() {
        return Err(wrong("a name and a command are wanted".to_owned()));
    }
    if name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        return Err(wrong(format!(
            "a name has up to {LONGEST_NAME} characters, all of which can be seen"
        )));
    }
    // As in `--alt 'make -j=4'`: the user forgot the name.
    if name.contains(char::is_whitespace) && name.contains(['-', '/']) {
        return Err(wrong("it begins with a command and not with a name".to_owned()));
    }
    Ok((name, line))
}

fn one(name: &str, line: &str, own: &Own, budget: Duration) -> Result<Named, Failure> {
    let option = format!("--alt {name}");
    let is_workload = |word: &str| {
        let known = word.split(':').next().unwrap_or_default();
        BUILTIN.iter().any(|workload| workload.meta().name == known)
    };
    if !own.is_served() && !line.trim().contains(char::is_whitespace) && is_workload(line.trim()) {
        return Ok(parse::workload(line.trim())?);
    }
    own.alternative(&option, line, COUNT, budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_before_the_command() {
        assert_eq!(split("a b=x=1 y").unwrap(), ("a b", "x=1 y"));
        for bad in ["", "x", "=x", "a=", "a\u{7}=x", "make -j=4"] {
            let said = split(bad).unwrap_err().to_string();
            assert!(said.contains("threads="), "{bad}: {said}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = split(&text);
        }
    }
}
