//! From what the user asked for to what is measured: pure, so that a plan can be shown before anything starts.

pub mod search;
