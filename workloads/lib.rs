//! knee-workloads.
