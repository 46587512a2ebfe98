//! Short sweeps of workloads for the claims about curves: the same crews, rounds and analysis as
//! `knee run`.

use std::num::NonZeroUsize;
use std::time::Duration;

use knee_workloads::Params;

use super::Place;
use super::figures::Picture;
use crate::analysis::findings::Curve;
use crate::analysis::{Input, Observation, analyse_curve};
use crate::mode::{Extent, Job, Window, launch};
use crate::plan::Mode;
use crate::plot::{Format, View, lay_out};

const WINDOW: Duration = Duration::from_millis(60);
const WARM_UP: Duration = Duration::from_millis(15);

/// What is measured.
pub(super) struct Sweep<'s> {
    pub(super) workload: &'s str,
    /// Parameters other than the defaults.
    pub(super) given: &'s [(&'s str, &'s str)],
    pub(super) mode: Mode,
    /// Ascending, none twice.
    pub(super) counts: Vec<usize>,
    pub(super) rounds: u32,
}

/// The result of a sweep.
#[derive(Debug)]
pub(super) struct Swept {
    pub(super) curve: Curve,
    /// Involuntary switches per second of each count, one per round.
    pub(super) switches: Vec<Vec<f64>>,
    /// Units per second of each count, one per round.
    pub(super) rates: Vec<Vec<f64>>,
}

impl Sweep<'_> {
    /// Measures every count once per round, in turns.
    pub(super) fn run(&self, place: &Place) -> Result<Swept, String> {
        let workload =
            place.site.registry.find(self.workload).map_err(|error| error.to_string())?;
        let meta = workload.meta();
        let given = self.given.iter().copied();
        let params =
            Params::resolve(meta.name, meta.params, given).map_err(|error| error.to_string())?;
        let job = Job { workload: meta.name.to_owned(), params, seed: 1, checked: 0, nodes: None };
        let mut observations = Vec::new();
        let mut switches = vec![Vec::new(); self.counts.len()];
        let mut rates = vec![Vec::new(); self.counts.len()];
        for block in 0..self.rounds {
            // Every other round runs backwards, so that a drift of the machine falls on all counts
            // alike.
            let mut order: Vec<usize> = (0..self.counts.len()).collect();
            if block % 2 == 1 {
                order.reverse();
            }
            for at in order {
                let (rate, switched) = self.measure(place, &job, self.counts[at])?;
                let workers = self.counts[at] as f64;
                observations
                    .push(Observation { block: Some(block), ..Observation::plain(workers, rate) });
                rates[at].push(rate);
                switches[at].push(switched);
            }
        }
        let curve = analyse_curve(&Input::plain(self.mode.name(), observations, 1));
        Ok(Swept { curve, switches, rates })
    }

    /// Units per second and involuntary switches per second.
    fn measure(&self, place: &Place, job: &Job, workers: usize) -> Result<(f64, f64), String> {
        let workers = NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN);
        let (mut crew, _) =
            launch(self.mode, &place.site, job, workers).map_err(|error| error.to_string())?;
        let window = Window { extent: Extent::Time(WINDOW), warm_up: WARM_UP };
        let round = crew.round(workers, window);
        crew.dismiss().map_err(|error| error.to_string())?;
        let round = round.map_err(|error| error.to_string())?;
        let switched = round.usage.involuntary.unwrap_or(0) as f64 / round.usage.span.max(1e-9);
        Ok((round.rate(), switched))
    }
}

impl Swept {
    /// The curve as a picture.
    pub(super) fn picture(&self, subject: &str, unit_many: &str, cores: usize) -> Picture {
        let mut view = View::plain(subject, unit_many, vec![(&self.curve.name, &self.curve)]);
        view.usable_cpus = Some(cores as f64);
        let drawn = |format: Format| lay_out(&view.throughput(), &format);
        Picture { wide: drawn(Format::PAGE), narrow: drawn(Format::NARROW) }
    }

    /// Every count that cannot be told apart from the best one, in words.
    pub(super) fn set(&self) -> String {
        crate::plot::curves::set_text(&self.curve).unwrap_or_else(|| "unknown".to_owned())
    }
}
