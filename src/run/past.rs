//! What an interrupted run had measured, for the run that resumes it.

use super::sample::Sample;

/// What an interrupted run had done.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub(super) samples: Vec<Sample>,
    /// Seconds until its last round began.
    pub(super) wall: f64,
    pub(super) blocks: u32,
    pub(super) rounds: u32,
}

impl Past {
    /// How many crews had been launched.
    pub(super) fn crews(&self) -> u32 {
        self.samples.iter().filter_map(|sample| sample.crew).map(|crew| crew + 1).max().unwrap_or(0)
    }

    /// Summarises the samples of the interrupted run.
    pub fn of(samples: &[Sample]) -> Self {
        Self {
            samples: samples.to_vec(),
            wall: samples.iter().map(|sample| sample.at).fold(0.0, f64::max),
            blocks: samples.iter().map(|sample| sample.block + 1).max().unwrap_or(0),
            rounds: samples.iter().map(|sample| sample.round + 1).max().unwrap_or(0),
        }
    }

    /// Seconds until its last round began.
    pub fn wall(&self) -> f64 {
        self.wall
    }
}
