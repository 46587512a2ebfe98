//! Findings for people and programs: terminal, page, Markdown, CSV, JSON and plots.

pub mod html;
pub mod terminal;
mod words;
