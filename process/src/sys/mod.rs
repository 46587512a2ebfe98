//! Thin layers over the system: waiting, waking, sockets that carry descriptors, and ties
//! between processes.

pub(crate) mod bell;
pub(crate) mod control;
pub(crate) mod group;
pub(crate) mod lifeline;
pub(crate) mod oom;
pub(crate) mod original;
pub(crate) mod poll;
