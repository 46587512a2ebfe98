#![doc = include_str!("README.md")]

pub mod analysis;
pub mod bench;
pub mod claims;
pub mod cli;
pub mod import;
pub mod machine;
pub mod mode;
pub mod plan;
pub mod record;
pub mod report;
pub mod run;

// Internal tools, public only for knee's own tests and benches. They are no part of the promise.
#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod folder;
#[doc(hidden)]
pub mod plot;
#[doc(hidden)]
pub mod rng;
#[doc(hidden)]
pub mod stats;
#[doc(hidden)]
pub mod units;

pub use cli::main_with;
pub use knee_process as process;
pub use knee_workloads as workloads;
