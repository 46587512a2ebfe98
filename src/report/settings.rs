//! The answer as settings to paste: the recommended count in the form that other programs read.

use std::fmt::{self, Write};
use std::str::FromStr;

use super::axes;
use super::program;
use crate::analysis::findings::{Curve, Findings, Point, WorkloadFindings};
use crate::plan::{Language, Mode, Workers};
use crate::units::workers;

/// Factor on the measured memory: a limit that is just met kills the program.
const HEADROOM: f64 = 1.25;

/// The program that is to be told the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Environment variables, for a shell or a unit file.
    Env,
    /// `gunicorn.conf.py`.
    Gunicorn,
    /// A Makefile.
    Make,
    /// Rust code that uses rayon.
    Rayon,
    /// `nginx.conf`.
    Nginx,
    /// A container in a Kubernetes manifest.
    Kubernetes,
}

impl Dialect {
    /// All dialects, with their names on the command line.
    pub const ALL: [(&'static str, Self); 6] = [
        ("env", Self::Env),
        ("gunicorn", Self::Gunicorn),
        ("make", Self::Make),
        ("rayon", Self::Rayon),
        ("nginx", Self::Nginx),
        ("k8s", Self::Kubernetes),
    ];

    /// Why there are no settings.
    const fn why_not(self) -> &'static str {
        match self {
            Self::Env => "no variable tells this to a program",
            Self::Gunicorn => "this was not measured in Python, and says nothing about Python",
            Self::Make => "make starts processes, and these were none",
            Self::Rayon => "these were no threads of Rust",
            Self::Nginx => "this was not measured in nginx, and says nothing about it",
            Self::Kubernetes => "nothing is known to ask for",
        }
    }

    /// The beginning of a comment.
    const fn comment(self) -> &'static str {
        match self {
            Self::Rayon => "//",
            _ => "#",
        }
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(name, _)| *name == text);
        known.map(|(_, dialect)| *dialect).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            format!("there are no settings for {text:?}; there are {names}")
        })
    }
}

/// The settings of every workload. A comment above each names the workload and says how certain the
/// answer is.
pub fn settings(findings: &Findings, dialect: Dialect) -> String {
    let mut text = String::new();
    for axis in &findings.axes {
        if let (Some(answer), Some(line)) =
            (axes::answer(findings, axis), axes::settings(findings, axis))
        {
            let what = one_line(&axis.of);
            let _ = writeln!(text, "{} {what}: {answer}\n{line}", dialect.comment());
        }
    }
    // Of the values of an axis with such an answer, only the recommended one is useful.
    let is_told = |place: usize| {
        let mut axes = findings.axes.iter().filter(|axis| axes::settings(findings, axis).is_some());
        axes.any(|axis| axis.values.iter().any(|value| value.workload == place))
    };
    let workloads = findings.workloads.iter().enumerate().filter(|(at, _)| !is_told(*at));
    for (_, workload) in workloads {
        let _ = match Answer::of(workload) {
            Some(answer) => {
                write!(text, "{} {answer}\n{}", dialect.comment(), answer.lines(dialect))
            }
            None => {
                writeln!(text, "{} {}: no answer", dialect.comment(), one_line(&workload.label))
            }
        };
    }
    text
}

/// What is recommended for one workload.
struct Answer<'f> {
    label: String,
    workload: &'f WorkloadFindings,
    /// `None` if its name is not a mode of knee.
    mode: Option<Mode>,
    mode_name: &'f str,
    count: u64,
    conclusive: bool,
    /// The limits that chose the count, if there are any.
    asked: Option<String>,
    point: Option<&'f Point>,
}

impl<'f> Answer<'f> {
    /// The count that keeps the limits, if the user set limits; otherwise the count of the verdict.
    fn of(workload: &'f WorkloadFindings) -> Option<Self> {
        let verdict = workload.verdict.as_ref()?;
        let curve: Option<&Curve> = workload.curves.iter().find(|curve| curve.name == verdict.mode);
        let limits = curve.and_then(|curve| curve.limits.as_ref());
        let count = match limits {
            Some(limits) => limits.workers?,
            None => verdict.workers,
        };
        let points = curve.map_or(&[][..], |curve| &curve.points).iter();
        let point =
            points.chain(&workload.serial).find(|point| (point.workers - count).abs() < 1e-9);
        Some(Self {
            label: one_line(&workload.label),
            workload,
            mode: Mode::named(&verdict.mode),
            mode_name: &verdict.mode,
            count: count.round().max(1.0) as u64,
            conclusive: verdict.conclusive,
            asked: limits.map(|limits| limits.asked.join(", ")),
            point,
        })
    }

    /// The settings, or a comment if nothing suitable was measured.
    fn lines(&self, dialect: Dialect) -> String {
        let n = self.count;
        if let Some(line) = program::filled_in(self.workload, &n.to_string())
            && dialect != Dialect::Kubernetes
        {
            return format!("{line}\n");
        }
        let workers = self.mode.map(|mode| mode.description().workers);
        let language = program::language(self.workload);
        let python = language == Language::Python;
        let found = match dialect {
            Dialect::Env => {
                let lines =
                    self.variables().into_iter().map(|(name, value)| format!("{name}={value}\n"));
                Some(lines.collect::<String>()).filter(|lines| !lines.is_empty())
            }
            Dialect::Gunicorn => match workers.filter(|_| python) {
                Some(Workers::Threads) => {
                    Some(format!("workers = 1\nworker_class = \"gthread\"\nthreads = {n}\n"))
                }
                Some(Workers::Processes) => Some(format!("workers = {n}\nthreads = 1\n")),
                // The best number of futures says nothing about connections.
                Some(Workers::Futures | Workers::One) | None => None,
            },
            Dialect::Make => {
                (workers == Some(Workers::Processes)).then(|| format!("MAKEFLAGS += -j{n}\n"))
            }
            Dialect::Rayon => (workers == Some(Workers::Threads) && language == Language::Rust)
                .then(|| {
                    format!("rayon::ThreadPoolBuilder::new().num_threads({n}).build_global()?;\n")
                }),
            Dialect::Nginx => (program::name(self.workload).as_deref() == Some("nginx"))
                .then(|| format!("worker_processes {n};\n")),
            Dialect::Kubernetes => Some(self.manifest()),
        };
        found.unwrap_or_else(|| format!("{} {}\n", dialect.comment(), dialect.why_not()))
    }

    /// The environment variables that tell runtimes a count, for runtimes whose language was
    /// measured.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let Some(mode) = self.mode else { return Vec::new() };
        let n = self.count.to_string();
        let language = program::language(self.workload);
        match (mode.description().workers, language) {
            (Workers::Threads, Language::Rust) => vec![("RAYON_NUM_THREADS", n)],
            (Workers::Processes, _) if mode == Mode::ProcessPerTask => {
                vec![("MAKEFLAGS", format!("-j{n}"))]
            }
            (Workers::Processes, _) if self.workload.workload == "command" => {
                vec![("MAKEFLAGS", format!("-j{n}"))]
            }
            (Workers::Processes, _) => vec![("WEB_CONCURRENCY", n)],
            (Workers::Futures, _) => vec![("CONCURRENCY", n)],
            _ => Vec::new(),
        }
    }

    /// The CPU is only requested. A limit at the measured mean would throttle every burst.
    fn manifest(&self) -> String {
        let variables = self.variables();
        let mut text = if variables.is_empty() { String::new() } else { "env:\n".to_owned() };
        for (name, value) in variables {
            let _ = writeln!(text, "  - name: {name}\n    value: \"{value}\"");
        }
        let cpu =
            self.point.and_then(|point| point.cpu).map(|cpu| (cpu * 10.0).ceil().max(1.0) * 100.0);
        let memory = self.point.and_then(|point| point.peak_memory);
        let memory = memory.map(|bytes| (bytes * HEADROOM / f64::from(1 << 20)).ceil().max(1.0));
        if cpu.is_some() || memory.is_some() {
            text.push_str("resources:\n  requests:\n");
            let _ = cpu.map(|millis| writeln!(text, "    cpu: {millis}m"));
            let _ = memory.map(|mebibytes| writeln!(text, "    memory: {mebibytes}Mi"));
        }
        let _ = memory.map(|mebibytes| writeln!(text, "  limits:\n    memory: {mebibytes}Mi"));
        text
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.label, workers(self.count as f64), self.mode_name)?;
        if let Some(asked) = &self.asked {
            write!(f, " for {asked}")?;
        }
        f.write_str(if self.conclusive { "" } else { "; not settled" })
    }
}

/// The label as text that cannot end its comment.
fn one_line(label: &str) -> String {
    label.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::planted;

    /// The settings for a program with this command line, measured in a mode.
    fn told(argv: &str, sweep: &str, mode: Mode, dialect: Dialect) -> String {
        let mut findings = planted("run", 1, &["pi"]).runs.remove(0).findings;
        let workload = &mut findings.workloads[0];
        workload.params.insert("argv".to_owned(), argv.to_owned());
        workload.params.insert("sweep".to_owned(), sweep.to_owned());
        let curve = &mut workload.curves[0];
        mode.name().clone_into(&mut curve.name);
        let verdict = workload.verdict.as_mut().expect("it is planted");
        mode.name().clone_into(&mut verdict.mode);
        verdict.workers = 4.0;
        let text = settings(&findings, dialect);
        let (first, rest) = text.split_once('\n').expect("a comment and settings");
        assert!(first.contains(" pi: 4 workers"), "{text}");
        rest.to_owned()
    }

    #[test]
    fn a_python_worker_was_a_process() {
        let python = r#"["python3","w.py"]"#;
        assert_eq!(told(python, "", Mode::Copies, Dialect::Gunicorn), "workers = 4\nthreads = 1\n");
        let other = told(r#"["./render"]"#, "", Mode::Copies, Dialect::Gunicorn);
        assert!(other.starts_with("# this was not measured in Python"), "{other}");
        assert_eq!(told(python, "", Mode::Copies, Dialect::Env), "WEB_CONCURRENCY=4\n");
    }

    #[test]
    fn a_program_that_parallelises_itself_gets_its_own_command_line() {
        let argv = r#"["./pool.py","--jobs","{n}","a b"]"#;
        let line = "./pool.py --jobs 4 'a b'\n";
        for dialect in [Dialect::Env, Dialect::Gunicorn, Dialect::Rayon, Dialect::Make] {
            assert_eq!(told(argv, "{n}", Mode::Copies, dialect), line);
        }
    }

    #[test]
    fn threads_of_rust_say_nothing_about_others() {
        let mut findings = planted("run", 1, &["pi"]).runs.remove(0).findings;
        findings.workloads[0].params.clear();
        let said = |dialect| settings(&findings, dialect).lines().nth(1).map(str::to_owned);
        assert!(said(Dialect::Env).is_some_and(|line| line.starts_with("RAYON_NUM_THREADS=")));
        for dialect in [Dialect::Gunicorn, Dialect::Make, Dialect::Nginx] {
            assert!(said(dialect).is_some_and(|line| line.starts_with('#')), "{dialect:?}");
        }
    }
}
