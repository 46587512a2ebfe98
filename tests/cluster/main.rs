//! Tests of crews over several hosts, from outside: the answer, the faults, and strangers that are
//! not let in.
//!
//! The hosts are processes or network namespaces of this machine. They are started by a simple
//! launcher, an emulated Slurm, mpirun or ssh. So the tests are about merging and faults, not
//! speed.

mod access;
mod answer;
mod faults;
mod hosts;
mod launchers;
mod lost_early;
mod network;
mod secure_shell;
mod support;
