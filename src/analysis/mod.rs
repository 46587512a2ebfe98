#![doc = include_str!("README.md")]

mod alternatives;
mod at_rate;
mod axis;
mod batch;
mod between;
mod bound;
mod budget;
pub mod compare;
pub mod comparison;
mod control;
mod curve;
#[cfg(test)]
mod curve_tests;
mod doubt;
pub mod findings;
mod function;
mod laws;
mod lengths;
mod limits;
mod measured;
mod nodes;
mod observation;
mod optimum;
mod outside;
mod price;
mod programs;
mod queue;
mod quiet;
#[cfg(test)]
mod quiet_tests;
mod ratio;
mod round;
mod run;
#[cfg(test)]
mod run_tests;
mod series;
mod server;
#[cfg(test)]
mod steering_tests;
mod verdict;

pub(crate) use at_rate::held;
pub use between::{Side, between};
pub use bound::{Evidence, Witness};
pub use budget::BUDGET_CHANGED;
pub use curve::{Input, analyse as analyse_curve};
pub(crate) use doubt::NEIGHBOUR;
pub use function::Runtime;
pub use observation::Observation;
pub use optimum::SETTLED;
pub use run::analyse;
pub(crate) use verdict::{EQUAL, is_close};
