//! Measuring: blocks of rounds in random order, within a budget; events for whoever watches.

mod sample;

pub use sample::{Failure, Latencies, Sample};
