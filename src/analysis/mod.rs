//! From samples to a decision: everything here is pure and seeded, so that one record gives one set of findings.

pub mod compare;
pub mod comparison;
pub mod findings;
