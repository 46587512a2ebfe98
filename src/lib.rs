//! knee: how many workers, and threads or processes, for this work on this machine?

pub mod analysis;
pub mod plot;
pub mod report;
pub mod units;
