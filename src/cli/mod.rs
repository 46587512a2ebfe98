//! The command line: one file per sub-command.

mod check;
mod claims;
mod compare;
mod crew_test;
pub mod exit;
mod fit;
mod fit_help;
mod fit_laws;
mod guard;
mod leftovers;
mod list;
mod machine;
mod mistake;
mod node;
mod output;
pub(crate) mod present;
mod prices;
mod progress;
mod report;
mod run;
mod schema;
mod share;
mod sides;
mod signals;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use knee_workloads::Workload;

use crate::plan::Registry;
pub use output::{Color, Output};
pub(crate) use run::{Camp, Session};

/// How many workers, and threads or processes, for this work on this machine?
#[derive(Debug, Parser)]
#[command(name = "knee", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Without a sub-command, knee runs `knee run`.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Show no progress and no remarks
    #[arg(long, short, global = true)]
    quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure workloads over modes and worker counts, and say which are best
    Run(Box<run::Args>),
    /// Test common claims about threads and processes on this machine
    Claims(claims::Args),
    /// Make the report of a run again from its raw record
    Report(report::Args),
    /// Compare runs of two or more machines
    Compare(compare::Args),
    /// Check a run against a baseline, for CI
    Check(check::Args),
    /// Find optimum, law and bound in measurements made elsewhere
    Fit(fit::Args),
    /// Show the workloads with their parameters, defaults and units
    List(list::Args),
    /// Show this machine, how many CPUs can be used, and which counts other programs would choose
    Machine(machine::Args),
    /// Test whether a helper for another language speaks the crew protocol
    CrewTest(crew_test::Args),
    /// Act as a node of a run that was started on another host
    #[command(hide = true)]
    Node(node::Args),
    /// Print the JSON Schema of knee's output, or list the schemas
    Schema(schema::Args),
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man {
        /// The sub-command; without it, the page of knee itself
        #[arg(value_name = "SUB-COMMAND")]
        of: Option<String>,
    },
}

/// A sub-command's failure: the exit code and one line for the user.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A failure with one of [`exit`]'s codes.
    pub fn new(code: u8, message: impl std::fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// The failure to write a directory or file, with advice.
    fn unwritten(path: &Path, error: &io::Error) -> Self {
        let (path, advice) = (path.display(), crate::report::advice(error));
        Self::new(exit::UNWRITTEN, format!("{path} cannot be written: {error}{advice}"))
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// A mistake in the command line.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self::new(exit::USAGE, message)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<crate::plan::PlanError> for Failure {
    fn from(error: crate::plan::PlanError) -> Self {
        Self::usage(error)
    }
}

/// The whole program, with the caller's own workloads beside the built-in ones.
///
/// In the process modes the calling binary is its own worker, so this must be the first call in its
/// `main`.
pub fn main_with(extra: &'static [&'static dyn Workload]) -> ExitCode {
    let registry = Registry::new(extra);
    become_child_if_asked(registry);
    mistake::ends_the_program();
    let cli = match Cli::try_parse_from(with_default_command(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let output = Output { json: cli.json, quiet: cli.quiet, color: cli.color };
    let result = match cli.command {
        Command::Run(args) => run::run(&args, registry, output),
        Command::List(args) => list::list(&args, registry, output),
        Command::Machine(args) => machine::machine(&args, output),
        Command::Claims(args) => claims::claims(&args, registry, output),
        Command::Compare(args) => compare::compare(&args, output),
        Command::Check(args) => check::check(&args, output),
        Command::CrewTest(args) => crew_test::crew_test(&args, output),
        Command::Node(args) => node::node(&args, registry, output),
        Command::Schema(args) => schema::schema(&args, output),
        Command::Report(args) => report::report(&args, output),
        Command::Fit(args) => fit::fit(&args, output),
        Command::Completions { shell } => completions(shell, output),
        Command::Man { of } => man(of.as_deref(), output),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let always = Output { quiet: false, ..output };
            always.remark(&format!("knee: {}", failure.message));
            ExitCode::from(failure.code)
        }
    }
}

/// Becomes a guard or a worker if this process was started as one. Otherwise returns.
pub(crate) fn become_child_if_asked(registry: Registry) {
    guard::become_guard_if_asked();
    signals::settle();
    crate::mode::become_worker_if_asked(registry, crate::claims::entries());
}

/// `knee --quick` means `knee run --quick`, and `knee` alone means `knee run`.
fn with_default_command(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let own = ["-h", "--help", "-V", "--version"];
    let is_run = match args.get(1).and_then(|first| first.to_str()) {
        None => true,
        Some(first) => first.starts_with('-') && !own.contains(&first),
    };
    if is_run {
        args.insert(args.len().min(1), "run".into());
    }
    args
}

/// Prints help and version to standard output and succeeds. A mistake gives one clear line and exit
/// code 2.
fn refuse(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(exit::USAGE) } else { ExitCode::from(exit::OK) }
}

fn completions(shell: clap_complete::Shell, output: Output) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "knee", &mut script);
    written(output.result(&String::from_utf8_lossy(&script)))
}

fn man(of: Option<&str>, output: Output) -> Result<u8, Failure> {
    let mut command = Cli::command();
    command.build(); // So that a sub-command's page is headed by `knee run` and has `--json`.
    if let Some(name) = of {
        command = command.find_subcommand(name).cloned().ok_or_else(|| {
            let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
            let names = names.join(", ");
            Failure::usage(format!("no sub-command is called `{name}`; there are: {names}"))
        })?;
    }
    let mut page = Vec::new();
    let made = clap_mangen::Man::new(command).render(&mut page);
    made.map_err(|error| Failure::new(exit::FAILED, error))?;
    written(output.result(&String::from_utf8_lossy(&page)))
}

/// Turns the result of writing to standard output into the exit code of a sub-command.
pub(crate) fn written(result: std::io::Result<()>) -> Result<u8, Failure> {
    match result {
        Ok(()) => Ok(exit::OK),
        Err(error) => Err(Failure::new(
            exit::UNWRITTEN,
            format!("standard output cannot be written: {error}"),
        )),
    }
}
