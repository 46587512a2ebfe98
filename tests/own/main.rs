//! Tests of the user's own programs, workers and code, and of the claims, from outside through the
//! command line.

mod alternatives;
mod axis;
mod calls;
mod claims;
mod command;
mod crews;
mod figure;
mod postgres;
mod rate;
mod real;
mod rust;
mod server;
mod wishes;
mod worker;
