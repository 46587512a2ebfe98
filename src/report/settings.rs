//! The answer as settings to paste: the recommended count in the words of the programs that are to be told it.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::analysis::findings::{Curve, Findings, Point, WorkloadFindings};
use crate::plan::{Mode, Workers};
use crate::units::workers;

/// Room above the memory that was measured: a limit that is just met kills the program.
const HEADROOM: f64 = 1.25;

/// Who is to be told.
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
    /// All of them with their words on the command line.
    pub const ALL: [(&'static str, Self); 6] = [
        ("env", Self::Env),
        ("gunicorn", Self::Gunicorn),
        ("make", Self::Make),
        ("rayon", Self::Rayon),
        ("nginx", Self::Nginx),
        ("k8s", Self::Kubernetes),
    ];

    /// How a comment begins.
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

/// The settings of every workload, each under a comment that says whose they are and how sure they are.
pub fn settings(findings: &Findings, dialect: Dialect) -> String {
    let mut text = String::new();
    for workload in &findings.workloads {
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
    mode: &'f str,
    count: u64,
    conclusive: bool,
    /// The limits that chose the count, where there are any.
    asked: Option<String>,
    point: Option<&'f Point>,
}

impl<'f> Answer<'f> {
    /// The count that keeps the limits, where limits were set; else the verdict's.
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
            mode: &verdict.mode,
            count: count.round().max(1.0) as u64,
            conclusive: verdict.conclusive,
            asked: limits.map(|limits| limits.asked.join(", ")),
            point,
        })
    }

    fn lines(&self, dialect: Dialect) -> String {
        let n = self.count;
        match dialect {
            Dialect::Env => {
                let lines: Vec<String> =
                    self.variables().iter().map(|name| format!("{name}={n}\n")).collect();
                lines.concat()
            }
            Dialect::Gunicorn => match self.workers() {
                Some(Workers::Threads) => {
                    format!("workers = 1\nworker_class = \"gthread\"\nthreads = {n}\n")
                }
                Some(Workers::Futures) => {
                    format!("workers = 1\nworker_class = \"gevent\"\nworker_connections = {n}\n")
                }
                _ => format!("workers = {n}\nthreads = 1\n"),
            },
            Dialect::Make => format!("MAKEFLAGS += -j{n}\n"),
            Dialect::Rayon => {
                format!("rayon::ThreadPoolBuilder::new().num_threads({n}).build_global()?;\n")
            }
            Dialect::Nginx => format!("worker_processes {n};\n"),
            Dialect::Kubernetes => self.manifest(),
        }
    }

    /// What the recommended workers are; `None` where the mode's name is not one of ours.
    fn workers(&self) -> Option<Workers> {
        Mode::named(self.mode).map(|mode| mode.description().workers)
    }

    /// The environment variables by which runtimes are told a count.
    fn variables(&self) -> &'static [&'static str] {
        match self.workers() {
            Some(Workers::Processes) => {
                &["WEB_CONCURRENCY", "CARGO_BUILD_JOBS", "PYTEST_XDIST_AUTO_NUM_WORKERS"]
            }
            Some(Workers::Futures) => &["CONCURRENCY"],
            _ => &["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "GOMAXPROCS", "TOKIO_WORKER_THREADS"],
        }
    }

    /// The CPU is only requested: a limit at the measured mean would throttle every burst.
    fn manifest(&self) -> String {
        let mut text = "env:\n".to_owned();
        for name in self.variables() {
            let _ = writeln!(text, "  - name: {name}\n    value: \"{}\"", self.count);
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
        write!(f, "{}: {} ({})", self.label, workers(self.count as f64), self.mode)?;
        if let Some(asked) = &self.asked {
            write!(f, " for {asked}")?;
        }
        f.write_str(if self.conclusive { "" } else { "; inconclusive" })
    }
}

/// A label that cannot end its comment.
fn one_line(label: &str) -> String {
    label.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
