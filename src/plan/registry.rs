//! All known workloads: the built-in ones, and those that a program adds.

use knee_workloads::{BUILTIN, FOREIGN, Workload, nearest};

use super::PlanError;

/// Every workload that can be named.
#[derive(Debug, Clone, Copy)]
pub struct Registry {
    extra: &'static [&'static dyn Workload],
    builtin: &'static [&'static dyn Workload],
}

impl Registry {
    /// The built-in workloads and `extra`. Where names collide, `extra` wins.
    pub const fn new(extra: &'static [&'static dyn Workload]) -> Self {
        Self { extra, builtin: BUILTIN }
    }

    /// All workloads: first those that the program added, then the built-in ones.
    pub fn iter(&self) -> impl Iterator<Item = &'static dyn Workload> {
        self.extra.iter().chain(self.builtin).copied()
    }

    /// Finds a workload by name, including the workloads that run the user's own programs.
    ///
    /// # Errors
    /// The name is unknown; the error suggests the nearest known one.
    pub fn find(&self, name: &str) -> Result<&'static dyn Workload, PlanError> {
        let mut all = self.iter().chain(FOREIGN.iter().copied());
        all.find(|workload| workload.meta().name == name).ok_or_else(|| {
            let known: Vec<&str> = self.iter().map(|workload| workload.meta().name).collect();
            let hint = nearest(name, known.iter().copied())
                .map(|near| format!("did you mean {near}? "))
                .unwrap_or_default();
            PlanError::Usage(format!(
                "no workload is called {name:?}; {hint}(there are {}; `knee list` says what they \
                 do)",
                known.join(", ")
            ))
        })
    }
}
