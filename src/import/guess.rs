//! What was guessed of a file, and what would settle it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a guess is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Whether more or less is better. An answer on such a guess is never conclusive.
    Direction,
    /// Whether every run does the same work, or every worker. An answer on such a guess is never
    /// conclusive.
    Work,
    /// Which unit the figures have.
    Unit,
    /// Which column or parameter is the number of workers, or the figure.
    Column,
    /// Which mark is the decimal point.
    Numbers,
}

/// Something that the file does not say, and what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guess {
    /// What it is about.
    pub about: About,
    /// What was taken for what.
    pub text: String,
    /// The option of the command line that settles it.
    pub settle: String,
}

impl Guess {
    pub(super) fn new(about: About, text: impl Into<String>, settle: impl Into<String>) -> Self {
        Self { about, text: text.into(), settle: settle.into() }
    }

    /// Whether an answer that rests on it can be conclusive.
    pub fn leaves_the_answer_open(&self) -> bool {
        matches!(self.about, About::Direction | About::Work)
    }

    /// The guess in one line.
    pub fn line(&self) -> String {
        format!("guessed: {}; settle it with {}", self.text, self.settle)
    }
}
