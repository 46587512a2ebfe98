//! Compares the first N members of a large crew with a crew of exactly N. Prints the ratio of the
//! two for each workload and pool mode, which must lie between 0.98 and 1.02.
//!
//! Both crews are alive at the same time and measured in turns, so that a change of the machine's
//! speed affects both alike. Which one is launched first, and which one is measured first,
//! alternates.

mod support;

use std::num::NonZeroUsize;
use std::time::Duration;

use knee::mode::{Crew, Extent, Job, Site, Window, launch};
use knee::plan::Mode;

/// Workloads of every kind, with how many workers are active of how many.
const CASES: [(&str, usize, usize); 6] = [
    ("float", 2, 8),
    ("memory", 2, 4),
    ("sleep", 16, 64),
    ("queue", 2, 8),
    ("lock", 2, 8),
    ("network", 8, 32),
];

fn main() {
    let (launches, pairs, window) = if support::measuring() {
        (6, 10, Duration::from_millis(60))
    } else {
        (1, 1, Duration::from_millis(2))
    };
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let site = support::site(&scratch);
    println!("N of many over N exactly, medians of {} pairs of rounds:", launches * pairs);
    for (name, active, members) in CASES {
        for mode in [Mode::Threads, Mode::ProcessPool] {
            let case = Case { site: &site, job: support::job(name), mode, active, members };
            let mut ratios: Vec<f64> =
                (0..launches).flat_map(|turn| case.ratios(turn, pairs, window)).collect();
            ratios.sort_by(f64::total_cmp);
            let at = |share: f64| ratios[((ratios.len() - 1) as f64 * share) as usize];
            println!(
                "{name:>8} {mode:<12} {active:>3} of {members:<3} {:.3}  (quartiles {:.3} to \
                 {:.3})",
                at(0.5),
                at(0.25),
                at(0.75)
            );
        }
    }
}

/// One workload in one mode.
struct Case<'a> {
    site: &'a Site,
    job: Job,
    mode: Mode,
    active: usize,
    members: usize,
}

impl Case<'_> {
    fn crew(&self, members: usize) -> Box<dyn Crew> {
        let members = NonZeroUsize::new(members).expect("at least one");
        launch(self.mode, self.site, &self.job, members).expect("the crew gets ready").0
    }

    /// The ratio of each pair of rounds of two crews that were launched for it.
    fn ratios(&self, turn: usize, pairs: usize, window: Duration) -> Vec<f64> {
        let (many, exact) = (self.members, self.active);
        let (mut large, mut small);
        if turn.is_multiple_of(2) {
            (large, small) = (self.crew(many), self.crew(exact));
        } else {
            small = self.crew(exact);
            large = self.crew(many);
        }
        let active = NonZeroUsize::new(self.active).expect("at least one");
        let window = Window { extent: Extent::Time(window), warm_up: Duration::from_millis(5) };
        let rate = |crew: &mut Box<dyn Crew>| {
            crew.round(active, window).expect("the round is measured").rate()
        };
        // The first round of each crew finds its caches cold.
        let _ = (rate(&mut large), rate(&mut small));
        let ratios = (0..pairs)
            .map(|pair| {
                if pair.is_multiple_of(2) {
                    let many = rate(&mut large);
                    many / rate(&mut small)
                } else {
                    let exact = rate(&mut small);
                    rate(&mut large) / exact
                }
            })
            .collect();
        large.dismiss().expect("the crew ends");
        small.dismiss().expect("the crew ends");
        ratios
    }
}
