//! A closure as a workload. It is found by its name, so that a worker process of the same program
//! finds it too.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use knee_workloads::{Context, Kind, Meta, Result, Task, Unit, Work, Workload};

/// One function makes a worker's own state; the other does a task with it.
struct Closure<P, R> {
    meta: &'static Meta,
    prepare: P,
    run: Arc<R>,
}

/// A workload of two closures, alive until the program ends.
pub(super) fn leaked<S, T, P, R>(name: &str, prepare: P, run: R) -> &'static dyn Workload
where
    S: Send + 'static,
    T: Hash,
    P: Fn() -> S + Send + Sync + 'static,
    R: Fn(&mut S, u64) -> T + Send + Sync + 'static,
{
    let meta = Box::leak(Box::new(Meta {
        name: String::leak(name.to_owned()),
        summary: "a closure of this benchmark",
        kind: Kind::Cpu,
        unit: Unit { one: "call", many: "calls" },
        params: &[],
        equivalent: None,
    }));
    Box::leak(Box::new(Closure { meta, prepare, run: Arc::new(run) }))
}

impl<S, T, P, R> Workload for Closure<P, R>
where
    S: Send + 'static,
    T: Hash,
    P: Fn() -> S + Send + Sync + 'static,
    R: Fn(&mut S, u64) -> T + Send + Sync + 'static,
{
    fn meta(&self) -> &'static Meta {
        self.meta
    }

    fn prepare(&self, _: &Context<'_>) -> Result<Box<dyn Task>> {
        Ok(Box::new(Call { state: (self.prepare)(), run: Arc::clone(&self.run) }))
    }
}

impl<P, R> fmt::Debug for Closure<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closure").field("name", &self.meta.name).finish_non_exhaustive()
    }
}

/// The calls of one worker.
struct Call<S, R> {
    state: S,
    run: Arc<R>,
}

impl<S, T, R> Task for Call<S, R>
where
    S: Send,
    T: Hash,
    R: Fn(&mut S, u64) -> T + Send + Sync,
{
    fn run(&mut self, number: u64) -> Result<Work> {
        // This hasher has no random keys: the same value has the same hash in every process of this
        // program.
        let mut hasher = DefaultHasher::new();
        (self.run)(&mut self.state, number).hash(&mut hasher);
        Ok(Work { units: 1, checksum: hasher.finish() })
    }
}
