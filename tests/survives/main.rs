//! Tests of what systems do to programs (limits, full disks, signals to all processes, a second
//! run, secrets), and of what knee does then.

mod calls;
mod disks;
mod endings;
mod limits;
mod mistakes;
mod namespaces;
mod records;
mod secrets;
mod strangers;
mod sweeps;
mod worlds;
