//! knee: how many workers, and threads or processes, for this work on this machine?

pub mod analysis;
pub mod clock;
pub mod mode;
pub mod plan;
pub mod record;
pub mod run;
