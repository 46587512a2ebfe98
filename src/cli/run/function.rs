//! The user's own functions on the command line: `knee run --python FILE.py:FUNCTION` and its
//! options.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use knee_workloads::{Foreign, Kind};

use super::camp::Camp;
use super::own::MOST_AT_ONCE;
use crate::cli::{Failure, exit};
use crate::mode::helper::{self, Abilities, HelperError, LANGUAGES, Language};
use crate::plan::{Candidates, Cores, Counts, Entry, Mode, Named, Plan, Registry, Request, Series};

/// The heading under which `knee run --help` shows these options.
const HEADING: &str = "Your own functions";
/// The most processes that are tried unless the user asks for more. Each is an interpreter with all
/// its modules.
const MOST_PROCESSES: usize = 64;
/// The most calls at once in an event loop that are tried unless the user asks for more.
const MOST_COROUTINES: usize = 1024;

/// Options about functions. The table of languages adds those of each language.
#[derive(Debug, Default)]
pub(super) struct Functions {
    /// The functions, each with its language.
    calls: Vec<(&'static Language, String)>,
    /// The interpreters that the user named.
    programs: Vec<(&'static Language, String)>,
    setup: Option<String>,
    chunk: Option<u64>,
    start: Option<String>,
}

/// Whether an entry of a plan is a user's own function, which must be inspected before it is run.
pub(super) fn is_one(entry: &Entry, registry: Registry) -> bool {
    registry.find(&entry.workload).is_ok_and(|found| found.foreign(&entry.params).is_some())
}

impl clap::FromArgMatches for Functions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut functions = Self::default();
        functions.update_from_arg_matches(matches)?;
        Ok(functions)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for language in LANGUAGES {
            let of = |id: &str| matches.get_many::<String>(id).into_iter().flatten().cloned();
            self.calls.extend(of(language.name).map(|call| (language, call)));
            self.programs.extend(of(language.program_option).map(|name| (language, name)));
        }
        self.setup = matches.get_one("setup").cloned();
        self.chunk = matches.get_one("chunk").copied();
        self.start = matches.get_one("start-method").cloned();
        Ok(())
    }
}

impl clap::Args for Functions {
    fn augment_args(mut command: Command) -> Command {
        let option =
            |id: &'static str| Arg::new(id).long(id).help_heading(HEADING).conflicts_with("resume");
        for language in LANGUAGES {
            let (name, program) = (language.name, language.program);
            command = command
                .arg(
                    option(name)
                        .value_name(language.example)
                        .group("program")
                        .group("function")
                        .action(ArgAction::Append)
                        .help(language.help),
                )
                .arg(
                    option(language.program_option)
                        .value_name("LIST")
                        .requires(name)
                        .value_delimiter(',')
                        .action(ArgAction::Append)
                        .help(format!(
                            "The interpreters that run it, each with curves of its own [default: \
                             {program}]"
                        )),
                );
        }
        command
            .arg(option("setup").value_name("FILE:FUNCTION").requires("function").help(
                "A function that runs once per worker before the clock starts; the measured \
                 function is given its result",
            ))
            .arg(
                option("chunk")
                    .value_name("N")
                    .requires("function")
                    .value_parser(clap::value_parser!(u64).range(1..=1_000_000))
                    .help("How many calls are handed over at once, for short ones [default: 1]"),
            )
            .arg(
                option("start-method")
                    .value_name("METHOD")
                    .requires("function")
                    .value_parser(["fork", "forkserver", "spawn"])
                    .help("How Python starts processes [default: its own default]"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl Functions {
    /// The workloads for the named functions.
    pub(super) fn named(&self, limit: Duration) -> Vec<Named> {
        let mut named = Vec::new();
        for (language, call) in &self.calls {
            let programs = self.programs.iter().filter(|(known, _)| known.name == language.name);
            let mut programs: Vec<&str> = programs.map(|(_, name)| name.as_str()).collect();
            if programs.is_empty() {
                programs.push("");
            }
            for program in programs {
                let mut given = vec![
                    ("language", language.name.to_owned()),
                    ("call", call.clone()),
                    ("limit", limit.as_secs_f64().to_string()),
                ];
                if !program.is_empty() {
                    given.push(("program", program.to_owned()));
                }
                given.extend(self.setup.iter().map(|setup| ("setup", setup.clone())));
                given.extend(self.chunk.iter().map(|chunk| ("chunk", chunk.to_string())));
                given.extend(self.start.iter().map(|start| ("start-method", start.clone())));
                let given = given.into_iter().map(|(name, value)| (name.to_owned(), value));
                named.push(Named { name: "function".to_owned(), given: given.collect() });
            }
        }
        named
    }

    /// Inspects each function of the plan, and completes its entry: the modes, the counts and the
    /// label.
    pub(super) fn fit(
        plan: &mut Plan,
        request: &Request,
        cores: &Cores,
        modes_given: bool,
        registry: Registry,
        camp: &Camp,
    ) -> Result<(), Failure> {
        for entry in &mut plan.entries {
            let Some(foreign) = registry.find(&entry.workload)?.foreign(&entry.params) else {
                continue;
            };
            let abilities = helper::look(&foreign, camp.scratch(), camp.cancel())
                .map_err(|error| refusal(&error, &foreign))?;
            let modes = if modes_given {
                allowed(&request.modes, &abilities, &foreign)?
            } else {
                abilities.modes.clone()
            };
            entry.label = label(&foreign);
            entry.series = modes.into_iter().map(|mode| series(mode, request, cores)).collect();
        }
        Ok(())
    }
}

/// The modes that the user asked for, if the function has all of them.
fn allowed(
    wanted: &[Mode],
    abilities: &Abilities,
    foreign: &Foreign,
) -> Result<Vec<Mode>, Failure> {
    let Abilities { version, modes, coroutine } = abilities;
    let Some(missing) = wanted.iter().find(|mode| !modes.contains(mode)) else {
        return Ok(wanted.to_vec());
    };
    let names: Vec<&str> = modes.iter().map(|mode| mode.name()).collect();
    let why = if *missing == Mode::Async && !coroutine {
        ": it is not async, so one event loop runs one call at a time"
    } else {
        ""
    };
    Err(Failure::usage(format!(
        "{} cannot run as {missing} in {} {version}{why}; its modes are {}",
        foreign.function,
        foreign.language,
        names.join(", ")
    )))
}

/// Why a function cannot be measured. It is a mistake in the command line wherever that caused it.
fn refusal(error: &HelperError, foreign: &Foreign) -> Failure {
    let Some(language) = Language::named(&foreign.language) else { return Failure::usage(error) };
    let (needs, option) = (language.needs, language.program_option);
    match error {
        HelperError::Interrupted => Failure::new(exit::INTERRUPTED, error),
        HelperError::Start { program, error } => Failure::usage(format!(
            "{program} cannot be started ({error}); {needs} is needed, named by --{option}"
        )),
        HelperError::Gone { .. } | HelperError::Odd { .. } => {
            // The output of the helper was shown already.
            if let Some(version) = language.too_old(&foreign.program) {
                return Failure::usage(format!(
                    "this {} is {version}, which is too old: {needs} is needed, named by \
                     --{option}",
                    language.name
                ));
            }
            Failure::usage(format!("{error}\n{needs} is needed, named by --{option}"))
        }
        HelperError::Failed { kind, .. } if ["import", "unsupported"].contains(&kind.as_str()) => {
            Failure::usage(error)
        }
        other => Failure::new(exit::FAILED, format!("{}: {other}", foreign.function)),
    }
}

fn label(foreign: &Foreign) -> String {
    let mut more = Vec::new();
    if !foreign.program.is_empty() {
        more.push(foreign.program.clone());
    }
    if foreign.chunk > 1 {
        more.push(format!("chunks of {}", foreign.chunk));
    }
    more.extend((!foreign.start.is_empty()).then(|| foreign.start.clone()));
    if more.is_empty() {
        foreign.function.clone()
    } else {
        format!("{} ({})", foreign.function, more.join(", "))
    }
}

/// The bound of a function is not known, so counts grow as long as throughput gains.
fn series(mode: Mode, request: &Request, cores: &Cores) -> Series {
    let candidates = match (&request.counts, mode) {
        (Counts::Auto, Mode::Async) => Candidates::unknown(cores, MOST_COROUTINES),
        (Counts::Auto, mode) if mode.in_processes() => Candidates::unknown(cores, MOST_PROCESSES),
        (Counts::Auto, mode) if mode != Mode::Serial => Candidates::unknown(cores, MOST_AT_ONCE),
        (counts, mode) => Candidates::choose(mode, Kind::Cpu, cores, counts),
    };
    Series { mode, candidates }
}

/// Suggests a command where the user named a file or a program instead of a workload.
pub(super) fn meant(words: &[String], registry: Registry) -> Result<(), Failure> {
    let Some(first) = words.first() else { return Ok(()) };
    let name = first.split(':').next().unwrap_or(first);
    if registry.find(name).is_ok() {
        return Ok(());
    }
    let line =
        shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "));
    if let Some(language) = Language::of_file(name) {
        let call = if first.contains(':') { first.clone() } else { format!("{first}:FUNCTION") };
        return Err(Failure::usage(format!(
            "{name} is a file, not a workload; to measure a function of it: knee run --{} {call}; \
             to measure it as a program: knee run -- {} {line}",
            language.name, language.program
        )));
    }
    if on_the_path(name) {
        return Err(Failure::usage(format!(
            "{name} is a program, not a workload; to measure it, put -- before it: knee run -- \
             {line}"
        )));
    }
    Ok(())
}

fn on_the_path(name: &str) -> bool {
    let is_file = |path: std::path::PathBuf| path.is_file();
    if name.contains('/') {
        return is_file(name.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_file(folder.join(name)))
}
