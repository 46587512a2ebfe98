//! Crews over several hosts, driven from outside: the answer, the faults, and who is not let in.
//!
//! The hosts are processes of this machine, started by a launcher of one word, by an emulated
//! Slurm, by mpirun or by ssh, and network namespaces. So what is tested is merging and faults, and
//! not speed.

mod access;
mod answer;
mod faults;
mod hosts;
mod launchers;
mod lost_early;
mod network;
mod secure_shell;
mod support;
