//! The progress bar: how much of the budget is spent, what is measured now, and the time left.

use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Output;
use crate::plan::Plan;
use crate::run::{Event, Observer};

/// Shows progress on a terminal. Without a terminal it reports only failures.
#[derive(Debug)]
pub(super) struct Progress<'p> {
    plan: &'p Plan,
    output: Output,
    bar: Option<ProgressBar>,
}

impl<'p> Progress<'p> {
    /// A bar on standard error, if that is a terminal.
    pub(super) fn new(plan: &'p Plan, output: Output) -> Self {
        let bar = output.draws_progress().then(|| {
            let bar = ProgressBar::new(1000);
            let style =
                ProgressStyle::with_template("  {bar:24} {percent:>3} %  {prefix}  {wide_msg}");
            bar.set_style(style.expect("the template is fixed").progress_chars("━╸─"));
            // The bar is drawn only between rounds: a thread of its own would disturb the
            // measurement.
            bar
        });
        Self { plan, output, bar }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// The output settings.
    pub(super) fn output(&self) -> Output {
        self.output
    }

    /// Prints a line without breaking the bar.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.remark(text)),
            None => self.output.remark(text),
        }
    }
}

impl Observer for Progress<'_> {
    fn observe(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Surveyed { entry, .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!(
                        "first serial run of {}",
                        self.plan.entries[*entry].label
                    ));
                }
            }
            Event::Round { cell, spent } => {
                if let Some(bar) = &self.bar {
                    let left = Duration::from_secs_f64((self.plan.budget * (1.0 - spent)).max(0.0));
                    let label = &self.plan.entries[cell.entry].label;
                    bar.set_position((spent * 1000.0) as u64);
                    bar.set_prefix(format!("{:>3} s left", left.as_secs()));
                    bar.set_message(format!("{label}: {} x {}", cell.workers, cell.mode));
                }
            }
            Event::Failed(failure) => {
                let label = &self.plan.entries[failure.entry].label;
                let what = failure.cell.map_or_else(
                    || label.clone(),
                    |cell| format!("{label}: {} x {}", cell.workers, cell.mode),
                );
                self.say(&format!("knee: {what}: {}", failure.reason));
            }
            Event::Block { .. } | Event::Measured(_) | Event::Burned(_) => {}
        }
        Ok(())
    }
}
