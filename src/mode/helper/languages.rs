//! The languages whose functions can be run. Each has a row here and a file in `helpers/`.

use std::io::Write;

use crate::plan::Mode;

/// A language and its helper.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// Its name on the command line, in records and in reports.
    pub name: &'static str,
    /// What its option means.
    pub help: &'static str,
    /// The option that names another interpreter.
    pub program_option: &'static str,
    /// An example of how a function is named.
    pub example: &'static str,
    /// Endings of the names of its files.
    pub endings: &'static [&'static str],
    /// What the helper needs.
    pub needs: &'static str,
    /// The lowest version that the helper supports: its first two numbers.
    least: (u32, u32),
    /// The interpreter that is started unless the user names one.
    pub program: &'static str,
    /// File name of the helper. Workers of some modes load the file again by this name.
    file: &'static str,
    /// Source code of the helper.
    source: &'static str,
    /// Environment variables set for the interpreter.
    environment: &'static [(&'static str, &'static str)],
    /// Code to paste that runs a function in each mode. `{n}` stands for the count, `{start}` for
    /// the way in which processes are started.
    pub settings: &'static [(Mode, &'static str)],
}

/// Every language, in the order in which languages are shown.
pub const LANGUAGES: &[Language] = &[PYTHON, NODE];

const PYTHON: Language = Language {
    name: "python",
    help: "A Python function of yours, also as package.module:function; one task is one call of it",
    program_option: "python-exe",
    example: "FILE.py:FUNCTION",
    endings: &[".py"],
    needs: "Python 3.8 or newer",
    least: (3, 8),
    program: "python3",
    file: "knee_helper_python.py",
    source: include_str!("../../../helpers/python.py"),
    // Sets of strings must have the same order in all processes.
    environment: &[("PYTHONHASHSEED", "0")],
    settings: &[
        (Mode::Serial, "a plain loop"),
        (Mode::Threads, "ThreadPoolExecutor(max_workers={n})"),
        (Mode::Interpreters, "InterpreterPoolExecutor(max_workers={n})"),
        (
            Mode::ProcessPool,
            "ProcessPoolExecutor(max_workers={n}, mp_context=get_context(\"{start}\"))",
        ),
        (Mode::Async, "asyncio.Semaphore({n})"),
    ],
};

const NODE: Language = Language {
    name: "node",
    help: "A function that a JavaScript module of yours exports; one task is one call of it",
    program_option: "node-exe",
    example: "FILE.mjs:FUNCTION",
    endings: &[".mjs", ".cjs", ".js"],
    needs: "Node 18 or newer",
    least: (18, 0),
    program: "node",
    file: "knee_helper_node.mjs",
    source: include_str!("../../../helpers/node.mjs"),
    environment: &[],
    settings: &[
        (Mode::Serial, "a plain loop"),
        (Mode::Threads, "new Piscina({ filename, maxThreads: {n} })"),
        (Mode::ProcessPool, "workerpool.pool(file, { workerType: 'process', maxWorkers: {n} })"),
        (Mode::Async, "pLimit({n})"),
    ],
};

impl Language {
    /// The language of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        LANGUAGES.iter().find(|language| language.name == name)
    }

    /// The language of a file, by the ending of its name.
    pub fn of_file(name: &str) -> Option<&'static Self> {
        LANGUAGES.iter().find(|row| row.endings.iter().any(|ending| name.ends_with(ending)))
    }

    /// Code to paste that runs a function in this mode with `workers`.
    pub fn setting(&self, mode: Mode, workers: u64, start: &str) -> Option<String> {
        let (_, text) = self.settings.iter().find(|(known, _)| *known == mode)?;
        Some(text.replace("{n}", &workers.to_string()).replace("{start}", start))
    }

    /// The version of the interpreter, if it is too old for the helper. `None` if it is new enough
    /// or does not say its version.
    pub fn too_old(&self, program: &str) -> Option<String> {
        let mut command = std::process::Command::new(self.program(program));
        let output = command.arg("--version").stdin(std::process::Stdio::null()).output().ok()?;
        // Python 2 prints its version to stderr.
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let is_version =
            |word: &&str| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit());
        let mut words = text.split_ascii_whitespace().map(|word| word.trim_start_matches('v'));
        let version = words.find(is_version)?;
        let mut numbers = version.split('.').map_while(|number| number.parse().ok());
        let known = (numbers.next()?, numbers.next().unwrap_or(0));
        (known < self.least).then(|| version.to_owned())
    }

    /// The named interpreter, or the usual one if none was named.
    fn program<'p>(&self, named: &'p str) -> &'p str {
        if named.is_empty() { self.program } else { named }
    }

    /// Writes the helper into `directory` and returns the command that starts it.
    pub(super) fn command(
        &self,
        program: &str,
        directory: &std::path::Path,
    ) -> std::io::Result<std::process::Command> {
        let file = directory.join(self.file);
        std::fs::File::create_new(&file)?.write_all(self.source.as_bytes())?;
        let mut command = std::process::Command::new(self.program(program));
        command.arg(file).envs(self.environment.iter().copied());
        Ok(command)
    }
}
