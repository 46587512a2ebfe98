#![doc = include_str!("README.md")]

mod at_rate;
mod axes;
mod compared;
pub mod csv;
mod files;
pub mod html;
pub mod index;
pub mod json;
pub mod markdown;
mod money;
mod names;
mod nodes;
mod program;
mod samples;
pub mod settings;
pub mod terminal;
mod words;

pub use files::{WriteError, advice, write_all, write_comparison, write_file};
pub use samples::samples;
