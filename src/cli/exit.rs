//! The exit codes, which are a contract with programs that call knee.

/// Everything was done.
pub const OK: u8 = 0;
/// The run failed.
pub const FAILED: u8 = 1;
/// The command line asks for something that does not exist or cannot be.
pub const USAGE: u8 = 2;
/// A check's limit was broken.
pub const BROKEN: u8 = 3;
/// Some cells failed; the rest is written.
pub const INCOMPLETE: u8 = 4;
/// The data cannot tell, or were too disturbed.
pub const INCONCLUSIVE: u8 = 5;
/// The result could not be written.
pub const UNWRITTEN: u8 = 6;
/// The user interrupted; a partial result is written.
pub const INTERRUPTED: u8 = 130;
