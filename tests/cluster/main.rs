//! Crews over several hosts, driven from outside: the answer, the faults, and who is not let in.
//!
//! The hosts are processes of this machine, started by a launcher of one word, by an emulated Slurm
//! or by mpirun. So what is tested is merging and faults, and not speed.

mod answer;
mod faults;
mod launchers;
mod strangers;
mod support;
