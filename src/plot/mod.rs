#![doc = include_str!("README.md")]

mod axes;
pub mod chart;
pub mod curves;
mod font;
mod frame;
pub mod heat;
pub mod label;
mod layout;
pub mod legend;
pub mod page;
mod paint;
mod palette;
mod probe;
pub mod scale;
pub mod scene;
pub mod small;

pub use chart::Chart;
pub use curves::View;
pub use font::width as text_width;
pub use layout::{Format, lay_out};
pub use paint::{PaintError, png, svg};
pub use palette::SERIAL;
pub use scene::Scene;
