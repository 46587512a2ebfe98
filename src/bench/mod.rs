#![doc = include_str!("README.md")]

mod arguments;
mod baseline;
mod closure;
mod harness;
mod place;

use std::hash::Hash;
use std::process::ExitCode;
use std::time::Duration;

use knee_workloads::Workload;

use crate::plan::{Mode, Named, Registry, parse};
use arguments::Arguments;

#[doc(inline)]
pub use crate::bench_main as main;

/// The whole `main` of a benchmark target.
#[macro_export]
macro_rules! bench_main {
    ($bench:expr) => {
        fn main() -> ::std::process::ExitCode {
            $crate::bench::Bench::main($bench)
        }
    };
}

/// The benchmarks of a target, and how to measure them unless the command line says otherwise.
#[derive(Debug, Default)]
pub struct Bench {
    workloads: Vec<&'static dyn Workload>,
    named: Vec<Named>,
    modes: Option<Vec<Mode>>,
    workers: Option<String>,
    budget: Option<Duration>,
    /// A mistake in the calls that built this.
    mistake: Option<String>,
}

impl Bench {
    /// A target without benchmarks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Measures a workload with its default parameters.
    #[must_use]
    pub fn workload(self, workload: &'static dyn Workload) -> Self {
        self.workload_with(workload, "")
    }

    /// Measures a workload with some parameters set, written as on the command line:
    /// `size=1M,op=read`.
    #[must_use]
    pub fn workload_with(mut self, workload: &'static dyn Workload, params: &str) -> Self {
        let text = format!("{}:{params}", workload.meta().name);
        match parse::workload(&text) {
            Ok(named) => self.add(workload, named),
            Err(error) => self.mistaken(error.to_string()),
        }
        self
    }

    /// Measures a closure: one call is one task. Its result is hashed, so that the compiler removes
    /// no work and every mode is checked.
    #[must_use]
    pub fn closure<T: Hash>(self, name: &str, run: impl Fn() -> T + Send + Sync + 'static) -> Self {
        self.prepared(name, || (), move |(), _| run())
    }

    /// Measures a closure that gets the number of each task, and the state that `prepare` made for
    /// its worker before the clock started.
    #[must_use]
    pub fn prepared<S: Send + 'static, T: Hash>(
        mut self,
        name: &str,
        prepare: impl Fn() -> S + Send + Sync + 'static,
        run: impl Fn(&mut S, u64) -> T + Send + Sync + 'static,
    ) -> Self {
        let workload = closure::leaked(name, prepare, run);
        self.add(workload, Named { name: name.to_owned(), given: Vec::new() });
        self
    }

    /// The modes, instead of serial, threads and process-pool.
    #[must_use]
    pub fn modes(mut self, modes: impl IntoIterator<Item = Mode>) -> Self {
        let mut modes: Vec<Mode> = modes.into_iter().collect();
        modes.sort_unstable();
        modes.dedup();
        self.modes = Some(modes);
        self
    }

    /// The worker counts, written as on the command line: `1,2,4`, `1-8`, `auto`.
    #[must_use]
    pub fn workers(mut self, counts: &str) -> Self {
        self.workers = Some(counts.to_owned());
        self
    }

    /// How long each benchmark may take, instead of 10 seconds.
    #[must_use]
    pub fn budget(mut self, each: Duration) -> Self {
        self.budget = Some(each);
        self
    }

    /// Does what the command line asks, or works as a worker of this program. `main` must do
    /// nothing else.
    pub fn main(self) -> ExitCode {
        let extra: &'static [&'static dyn Workload] = Vec::leak(self.workloads.clone());
        let registry = Registry::new(extra);
        crate::cli::become_child_if_asked(registry);
        let arguments = match Arguments::read(std::env::args_os()) {
            Ok(arguments) => arguments,
            Err(code) => return code,
        };
        match self.mistake.clone().map_or(Ok(()), Err) {
            Ok(()) => harness::run(&self, &arguments, registry),
            Err(mistake) => {
                eprintln!("knee: {mistake}");
                ExitCode::from(crate::cli::exit::USAGE)
            }
        }
    }

    fn add(&mut self, workload: &'static dyn Workload, named: Named) {
        let name = workload.meta().name;
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == ',';
        if name.is_empty() || name.contains(odd) {
            self.mistaken(format!(
                "{name:?} cannot be the name of a benchmark: leave out spaces and commas"
            ));
        }
        let known = self.workloads.iter().any(|other| other.meta().name == name);
        if known && self.named.contains(&named) {
            self.mistaken(format!("two benchmarks are called {name}; rename one"));
        }
        if !known {
            self.workloads.push(workload);
        }
        self.named.push(named);
    }

    fn mistaken(&mut self, mistake: String) {
        self.mistake.get_or_insert(mistake);
    }
}
