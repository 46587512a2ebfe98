//! The user's own programs on the command line: `knee run -- COMMAND` and its options.

use std::time::Duration;

use super::alternatives::Alternatives;
use super::args::Args;
use super::figure::Figures;
use super::serve::Serving;
use crate::cli::Failure;
use crate::plan::{
    Candidates, Cores, Counts, Entry, Mode, Named, Plan, Request, Series, Subject, parse,
};

/// The heading under which `knee run --help` shows these options.
pub(super) const HEADING: &str = "Your own programs";

/// Options about programs of the user's own.
#[derive(Debug, Default, clap::Args)]
pub(in crate::cli) struct Own {
    /// Run COMMAND through `sh -c`; write it as one word in quotes
    #[arg(long, requires = "line", help_heading = HEADING)]
    shell: bool,
    /// The placeholder for the worker count in COMMAND or in the worker's line, for a program that
    /// is parallel in itself
    #[arg(long, value_name = "WORD", help_heading = HEADING)]
    sweep_arg: Option<String>,
    #[command(flatten)]
    figures: Figures,
    #[command(flatten)]
    serving: Serving,
    #[command(flatten)]
    alternatives: Alternatives,
    /// Run this before each run of COMMAND; its time does not count
    #[arg(long, value_name = "COMMAND", requires = "line", help_heading = HEADING)]
    prepare: Option<String>,
    /// Runs of COMMAND that each worker does before the clock starts
    #[arg(long, short = 'w', value_name = "N", requires = "line", help_heading = HEADING)]
    warmup: Option<u64>,
    /// Count failures of COMMAND as success: all, or only these exit statuses
    #[arg(
        long,
        short = 'i',
        value_name = "CODES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        requires = "line",
        help_heading = HEADING
    )]
    ignore_failure: Option<String>,
    /// Where the output of COMMAND goes: null, pipe (read, and shown when it fails), inherit, or a
    /// file [default: null]
    #[arg(long, value_name = "WHERE", requires = "line", help_heading = HEADING)]
    output: Option<String>,
    /// How long one run of COMMAND, or one task of a worker, may take, e.g. `10s` [default: the
    /// budget]
    #[arg(
        long,
        value_name = "DURATION",
        allow_hyphen_values = true,
        help_heading = HEADING
    )]
    time_limit: Option<String>,
    /// Keep the arguments of the command or worker out of all files; such a run cannot be resumed
    #[arg(long, help_heading = HEADING)]
    pub(super) hide_command: bool,
    /// Your own worker, e.g. `python3 worker.py`: for each task it gets a line of JSON and answers
    /// with one
    #[arg(long, value_name = "COMMAND", group = "program", help_heading = HEADING)]
    worker: Vec<String>,
    /// Your own program and its arguments: one task is one run of it
    #[arg(last = true, value_name = "COMMAND", groups = ["program", "line"],
          help_heading = HEADING)]
    command: Vec<String>,
}

/// The workload that is a server.
const SERVER: &str = "server";
/// The most workers of a server that are tried unless the user asks for more. One server runs for
/// each count, and its workers hold memory.
const MOST_OF_A_SERVER: usize = 64;

/// The most programs at once that are tried unless the user asks for more.
pub(super) const MOST_AT_ONCE: usize = 256;

impl Own {
    /// The workloads for what was named.
    pub(super) fn named(&self, budget: Duration) -> Result<Vec<Named>, Failure> {
        let mut named = Vec::new();
        if self.alternatives.are_asked() {
            return Ok(named);
        }
        if let Some(line) = self.serving.line() {
            named.push(self.server("--server", line)?);
        } else if !self.command.is_empty() {
            let sweep = self.sweep_arg.clone();
            named.push(self.command(&self.words()?, sweep, budget)?);
        } else if std::env::args_os().next_back().is_some_and(|last| last == "--") {
            // As in `knee run -- $COMMAND` with an empty variable: running something else instead
            // would be a surprise.
            return Err(Failure::usage("there is no command after --; write knee run -- COMMAND"));
        }
        for line in &self.worker {
            named.push(self.worker(line, budget)?);
        }
        Ok(named)
    }

    /// The ways to do the same work, with their names.
    pub(super) fn alternatives(&self, budget: Duration) -> Result<Vec<(String, Named)>, Failure> {
        if !self.alternatives.are_asked() {
            return Ok(Vec::new());
        }
        if !self.command.is_empty() && !self.is_served() {
            return Err(Failure::usage(
                "with --alt the command after -- only makes the load of servers (--url); leave it \
                 out",
            ));
        }
        self.alternatives.named(self, budget)
    }

    /// Whether these ways are servers.
    pub(super) fn is_served(&self) -> bool {
        self.serving.has_url()
    }

    /// One way to do the same work: a server if there is an address, else a command. `count` is the
    /// placeholder unless the user names another.
    pub(super) fn alternative(
        &self,
        option: &str,
        line: &str,
        count: &str,
        budget: Duration,
    ) -> Result<Named, Failure> {
        if self.is_served() {
            return self.server(option, line);
        }
        let words = if self.shell { shell(line) } else { split(option, line)? };
        let word = self.sweep_arg.as_deref().unwrap_or(count);
        let sweep = words.iter().any(|one| one.contains(word)).then(|| word.to_owned());
        self.command(&words, sweep, budget)
    }

    fn server(&self, option: &str, line: &str) -> Result<Named, Failure> {
        let limit = self.time_limit.as_deref().map(parse::duration).transpose()?;
        let (load, sweep) = (self.words()?, self.sweep_arg.as_deref());
        let figure = self.figures.rule()?;
        self.serving.named(&split(option, line)?, &load, figure, sweep, limit)
    }

    fn command(
        &self,
        words: &[String],
        sweep: Option<String>,
        budget: Duration,
    ) -> Result<Named, Failure> {
        let mut given =
            vec![("argv", json(words)), ("limit", self.limit(budget)?.as_secs_f64().to_string())];
        if let Some(prepare) = &self.prepare {
            let words = if self.shell { shell(prepare) } else { split("--prepare", prepare)? };
            given.push(("prepare", json(&words)));
        }
        given.extend(sweep.map(|word| ("sweep", word)));
        given.extend(self.figures.rule()?.map(|rule| ("figure", rule)));
        given.extend(self.output.iter().map(|place| ("output", place.clone())));
        given.extend(self.warmup.iter().map(|count| ("warmup", count.to_string())));
        given.extend(self.ignore_failure.iter().map(|codes| ("ignore", codes.clone())));
        let given = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Named { name: "command".to_owned(), given })
    }

    fn worker(&self, line: &str, budget: Duration) -> Result<Named, Failure> {
        let mut given = vec![
            ("argv", json(&split("--worker", line)?)),
            ("limit", self.limit(budget)?.as_secs_f64().to_string()),
        ];
        given.extend(self.sweep_arg.iter().map(|word| ("sweep", word.clone())));
        let given = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Named { name: "worker".to_owned(), given })
    }

    /// The words of the command.
    fn words(&self) -> Result<Vec<String>, Failure> {
        match (self.shell, self.command.as_slice()) {
            (false, words) => Ok(words.to_vec()),
            (true, [line]) => Ok(shell(line)),
            (true, _) => Err(Failure::usage(
                "with --shell the command is one word; write it in quotes: knee run --shell -- 'a \
                 | b'",
            )),
        }
    }

    /// Seconds that one run may take; at most the budget.
    pub(super) fn limit(&self, budget: Duration) -> Result<Duration, Failure> {
        let limit = self.time_limit.as_deref().map(parse::duration).transpose()?;
        Ok(limit.unwrap_or(budget))
    }

    /// Completes the plan's entries of programs: the modes, the counts and the labels.
    pub(super) fn fit(
        &self,
        plan: &mut Plan,
        request: &Request,
        cores: &Cores,
        modes_given: bool,
    ) -> Result<(), Failure> {
        let alone = plan.entries.iter().all(|entry| is_program(&entry.workload));
        if let Some(mode) = request
            .modes
            .iter()
            .find(|mode| !mode.runs(Subject::Program) && !mode.runs(Subject::Server))
            && modes_given
            && alone
        {
            return Err(Failure::usage(format!(
                "a program of your own cannot run as {mode}: knee starts copies of it; leave \
                 --modes out"
            )));
        }
        for entry in plan.entries.iter_mut().filter(|entry| is_program(&entry.workload)) {
            let (of, mode) = if entry.workload == SERVER {
                ("server", Mode::Server)
            } else {
                ("argv", Mode::Copies)
            };
            let line: Vec<String> = serde_json::from_str(entry.params.text(of)).unwrap_or_default();
            if !entry.alternative {
                entry.label = match line.first() {
                    Some(program) if self.hide_command => {
                        format!("{} ..", quoted(std::slice::from_ref(program)))
                    }
                    _ => quoted(&line),
                };
            }
            let open = request.counts == Counts::Auto;
            let candidates = if open {
                // With more workers inside each copy, there are fewer copies.
                let within = entry.also.as_ref().map_or(1.0, crate::plan::Also::factor);
                let most = |most: usize| (most as f64 / within).max(1.0) as usize;
                match mode {
                    Mode::Server => {
                        let formula = entry.textbook_optimum.filter(|_| entry.also.is_none());
                        Candidates::server(cores, most(MOST_OF_A_SERVER), formula)
                    }
                    _ => Candidates::unknown(cores, most(MOST_AT_ONCE)),
                }
            } else {
                Candidates::choose(mode, entry.kind, cores, &request.counts)
            };
            entry.series = vec![Series { mode, candidates }];
            self.figures.name(entry)?;
        }
        Ok(())
    }
}

impl Args {
    /// Whether the user chose the modes.
    pub(super) fn modes_given(&self) -> bool {
        self.modes.is_some()
    }
}

/// Removes from an entry what a command line may hold.
pub(super) fn hide(entry: &mut Entry) {
    for name in ["argv", "prepare", "server", "headers", "body", "env"]
        .iter()
        .filter(|_| is_program(&entry.workload))
    {
        entry.params.blank(name);
    }
}

/// Whether it was removed.
pub(super) fn is_hidden(entry: &Entry) -> bool {
    let line = if entry.workload == SERVER { "server" } else { "argv" };
    is_program(&entry.workload) && entry.params.text(line).is_empty()
}

fn is_program(workload: &str) -> bool {
    workload != "function"
        && knee_workloads::FOREIGN.iter().any(|foreign| foreign.meta().name == workload)
}

fn shell(line: &str) -> Vec<String> {
    ["/bin/sh", "-c", line].map(str::to_owned).to_vec()
}

/// Splits a line into words as a shell would, without a shell.
pub(super) fn split(option: &str, line: &str) -> Result<Vec<String>, Failure> {
    match shlex::split(line) {
        Some(words) if !words.is_empty() => Ok(words),
        Some(_) => Err(Failure::usage(format!("{option} names no program"))),
        None => Err(Failure::usage(format!("{option} {line:?} has a quote that does not end"))),
    }
}

pub(super) fn json(words: &[String]) -> String {
    serde_json::to_string(words).expect("a list of words is plain data")
}

/// The command line as a user could type it, with control characters made visible.
fn quoted(words: &[String]) -> String {
    let line =
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "));
    line.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(command: &[&str]) -> Own {
        Own { command: command.iter().map(ToString::to_string).collect(), ..Own::default() }
    }

    #[test]
    fn a_command_becomes_parameters() {
        let asked = Own { ignore_failure: Some("all".into()), ..own(&["make", "-j", "a b"]) };
        let named = asked.named(Duration::from_secs(9)).expect("it is well formed");
        let given: Vec<_> = named[0].given.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(given, ["argv=[\"make\",\"-j\",\"a b\"]", "limit=9", "ignore=all"]);
    }

    #[test]
    fn a_shell_takes_one_word() {
        let asked = Own { shell: true, ..own(&["a | b"]) };
        assert_eq!(asked.words().unwrap(), ["/bin/sh", "-c", "a | b"]);
        assert!(Own { shell: true, ..own(&["a", "b"]) }.words().is_err());
    }

    #[test]
    fn labels_can_be_typed_and_hide_nothing() {
        assert_eq!(quoted(&["echo".into(), "a b".into()]), "echo 'a b'");
        assert!(!quoted(&["\x1b[2J".into()]).contains('\x1b'));
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics(line in ".*") {
            let _ = split("--prepare", &line);
            let _ = quoted(&[line]);
        }
    }
}
