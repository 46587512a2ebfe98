//! knee: how many workers, and threads or processes, for this work on this machine?

pub mod analysis;
pub mod plan;
pub mod rng;
pub mod stats;
