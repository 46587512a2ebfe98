//! The user's own programs, workers and code, from outside by the binary's command line.

mod calls;
mod command;
mod rust;
mod wishes;
mod worker;
