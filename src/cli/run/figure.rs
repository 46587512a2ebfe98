//! `--figure`: the figure that a program prints about itself, given as a regular expression or as
//! the name of a tool.

use knee_workloads::foreign::figure::{Is, Rule, Time};

use crate::cli::Failure;
use crate::import::{Preset, presets};
use crate::plan::Entry;

/// Options about printed figures.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Figures {
    /// Take as throughput what COMMAND prints: a regular expression whose group is the figure, or
    /// the name of a tool (pgbench, wrk, sysbench, fio, redis-benchmark, llama-bench, go, ab, hey,
    /// iperf3). The last match counts; a group (?<p99_ms>..) is the p99. Repeat the option to read
    /// another line
    #[arg(long, value_name = "REGEX|TOOL", requires = "line", conflicts_with = "batch",
          help_heading = super::own::HEADING)]
    figure: Vec<String>,
    /// What the figure is: rate, rate:UNIT (what is counted), time, or time:ms [default: rate]
    #[arg(long, value_name = "KIND", requires = "figure", help_heading = super::own::HEADING)]
    figure_is: Option<String>,
}

impl Figures {
    /// The rule in the form of the workload; `None` if no figure is wanted.
    pub(super) fn rule(&self) -> Result<Option<String>, Failure> {
        let rule = match self.figure.as_slice() {
            [] => return Ok(None),
            [one] if preset(one).is_some() => {
                if let Some(kind) = &self.figure_is {
                    return Err(Failure::usage(format!(
                        "--figure {one} is known, and --figure-is {kind} says it again; leave one \
                         of them out"
                    )));
                }
                preset(one).expect("it was looked up").rule
            }
            [one] if is_word(one) => return Err(Failure::usage(unknown(one))),
            all => {
                if let Some(tool) = all.iter().find(|one| preset(one).is_some()) {
                    return Err(Failure::usage(format!(
                        "--figure {tool} says all that is read of it; give it alone"
                    )));
                }
                Rule::of_user(all, self.kind()?.0)
                    .map_err(|error| Failure::usage(format!("--figure: {error}")))?
            }
        };
        Ok(Some(serde_json::to_string(&rule).expect("a rule is plain data")))
    }

    /// The kind of figure, and what it counts.
    fn kind(&self) -> Result<(Option<Is>, Option<&str>), Failure> {
        let Some(text) = self.figure_is.as_deref() else { return Ok((None, None)) };
        let (kind, unit) =
            text.split_once(':').map_or((text, None), |(kind, unit)| (kind, Some(unit)));
        match (kind, unit) {
            ("rate", None) => Ok((Some(Is::Rate), None)),
            ("rate", Some(unit)) if !unit.is_empty() => Ok((Some(Is::Rate), Some(unit))),
            ("time", None) => Ok((Some(Is::Time(Time::Seconds)), None)),
            ("time", Some(unit)) if Time::named(unit).is_some() => {
                Ok((Time::named(unit).map(Is::Time), None))
            }
            ("time", Some(unit)) => Err(Failure::usage(format!(
                "--figure-is {text}: {unit:?} is not a unit of time; write ns, us, ms, s, m or h"
            ))),
            _ => Err(Failure::usage(format!(
                "--figure-is {text}: write rate, rate:requests, time or time:ms"
            ))),
        }
    }

    /// Sets the unit that the figure counts.
    pub(super) fn name(&self, entry: &mut Entry) -> Result<(), Failure> {
        let (is, counted) = self.kind()?;
        let many = match self.figure.as_slice() {
            [] => return Ok(()),
            [one] if preset(one).is_some() => preset(one).expect("it was looked up").unit,
            // The inverse of a time: how often it fits into a second.
            _ if matches!(is, Some(Is::Time(_))) => return Ok(()),
            _ => counted.unwrap_or("units"),
        };
        many.clone_into(&mut entry.unit_many);
        many.strip_suffix('s').unwrap_or(many).clone_into(&mut entry.unit_one);
        Ok(())
    }
}

fn preset(name: &str) -> Option<Preset> {
    presets().into_iter().find(|preset| preset.name == name)
}

/// Whether it looks like the name of a tool rather than an expression.
fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = presets().iter().map(|preset| preset.name).collect();
    let near = knee_workloads::nearest(name, names.iter().copied());
    let hint = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
    format!(
        "--figure {name}: no tool of that name is known; {hint}there are {} (or write an \
         expression with a group: 'ops: ([0-9.]+)')",
        names.join(", ")
    )
}
