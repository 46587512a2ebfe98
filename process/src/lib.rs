//! knee-process.
