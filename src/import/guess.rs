//! Guesses about a file, and the options that settle them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a guess is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Whether more or less is better. An answer based on such a guess is never conclusive.
    Direction,
    /// Whether every run does the same work, or every worker does. An answer based on such a guess
    /// is never conclusive.
    Work,
    /// The unit of the figures.
    Unit,
    /// The column or parameter of the number of workers, or of the figure.
    Column,
    /// The decimal mark.
    Numbers,
}

/// Something that the file does not say, with the assumption made instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guess {
    /// What it is about.
    pub about: About,
    /// The assumption.
    pub text: String,
    /// The option of the command line that settles it.
    pub settle: String,
}

impl Guess {
    pub(super) fn new(about: About, text: impl Into<String>, settle: impl Into<String>) -> Self {
        Self { about, text: text.into(), settle: settle.into() }
    }

    /// Whether an answer based on it can never be conclusive.
    pub fn leaves_the_answer_open(&self) -> bool {
        matches!(self.about, About::Direction | About::Work)
    }

    /// The guess in one line.
    pub fn line(&self) -> String {
        format!("guessed: {}; settle it with {}", self.text, self.settle)
    }
}
