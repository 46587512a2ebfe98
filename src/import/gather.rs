//! Collects measurements into curves by name.

use std::collections::HashMap;

use super::{Observation, Series};

/// Collects measurements into curves by name, in the order in which the names first appear.
#[derive(Debug, Default)]
pub(super) struct Gather {
    series: Vec<Series>,
    places: HashMap<String, usize>,
    warnings: Vec<(String, String)>,
}

impl Gather {
    /// The index of the curve with this name.
    pub(super) fn place(&mut self, name: &str, unit: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.series.len();
        self.places.insert(name.to_owned(), place);
        self.series.push(Series {
            name: name.to_owned(),
            unit: unit.to_owned(),
            observations: Vec::new(),
            noise: None,
            guessed: Vec::new(),
            is_run: false,
            warnings: Vec::new(),
        });
        place
    }

    /// The curve with this name.
    pub(super) fn series(&mut self, name: &str, unit: &str) -> &mut Series {
        let place = self.place(name, unit);
        &mut self.series[place]
    }

    /// Adds a measurement to the curve with this index.
    pub(super) fn push(&mut self, place: usize, observation: Observation) {
        self.series[place].observations.push(observation);
    }

    /// Adds a measurement to the curve with this name.
    pub(super) fn add(&mut self, name: &str, unit: &str, observation: Observation) {
        let place = self.place(name, unit);
        self.push(place, observation);
    }

    /// Adds a warning to the curve with this name. If there is no such curve in the end, all other
    /// curves get it.
    pub(super) fn warn(&mut self, name: &str, text: impl Into<String>) {
        self.warnings.push((name.to_owned(), text.into()));
    }

    /// All curves, each with its own warnings and with these. No warning appears twice.
    pub(super) fn finish(mut self, warnings: &[String]) -> Vec<Series> {
        let mut general: Vec<String> = Vec::new();
        for (name, text) in std::mem::take(&mut self.warnings) {
            let (warnings, text) = match self.places.get(&name) {
                Some(&place) => (&mut self.series[place].warnings, text),
                None => (&mut general, format!("{name} is left out: {text}")),
            };
            if !warnings.contains(&text) {
                warnings.push(text);
            }
        }
        general.extend_from_slice(warnings);
        for series in &mut self.series {
            series.warnings.extend_from_slice(&general);
        }
        self.series
    }
}
