#![doc = include_str!("README.md")]

pub mod chart;
pub mod curves;
mod font;
pub mod label;
mod layout;
mod paint;
mod palette;
pub mod scale;
pub mod scene;

pub use chart::Chart;
pub use curves::View;
pub use layout::{Format, lay_out};
pub use paint::{PaintError, png, svg};
pub use palette::SERIAL;
pub use scene::Scene;
