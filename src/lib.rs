//! knee: how many workers, and threads or processes, for this work on this machine?

pub mod analysis;
pub mod bench;
pub mod claims;
pub mod cli;
pub mod clock;
pub mod import;
pub mod machine;
pub mod mode;
pub mod plan;
pub mod plot;
pub mod record;
pub mod report;
pub mod rng;
pub mod run;
pub mod stats;
pub mod units;

pub use cli::main_with;
pub use knee_process as process;
pub use knee_workloads as workloads;
