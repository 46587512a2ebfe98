//! The user's own programs, workers and code, and the claims, from outside by the binary's command
//! line.

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
