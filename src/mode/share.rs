//! What a worker's tasks count for, including tasks that lie across an edge of the window.

use std::time::Duration;

/// What one worker did between the gate's opening and its closing, the same moments for all
/// workers.
///
/// A task that is running at one of these moments counts with the share of its time that lies
/// inside. So no task is lost, however few there are. The alternative, a sum of rates over each
/// worker's own first tasks, would be too high: the scheduler lets some workers overtake others,
/// and it would count each worker while it is quick.
#[derive(Debug, Default)]
pub(super) struct Share {
    units: f64,
    /// Time inside that tasks spent on themselves, outside their work.
    untimed: Duration,
}

impl Share {
    /// Counts a task that lies inside.
    pub(super) fn whole(&mut self, units: u64, untimed: Duration) {
        self.units += units as f64;
        self.untimed += untimed;
    }

    /// Counts the part of a task that lies inside. The time that it spent on itself lies just
    /// before it.
    pub(super) fn part(
        &mut self,
        units: u64,
        untimed: Duration,
        (began, ended): (Duration, Duration),
        (opened, closed): (Duration, Duration),
    ) {
        let inside = |from: Duration, to: Duration| to.min(closed).saturating_sub(from.max(opened));
        let took = ended.saturating_sub(began);
        let share = if took.is_zero() {
            f64::from(u8::from((opened..closed).contains(&ended)))
        } else {
            inside(began, ended).as_secs_f64() / took.as_secs_f64()
        };
        self.units += units as f64 * share;
        self.untimed += inside(began.saturating_sub(untimed), began);
    }

    pub(super) fn rate(&self, wall: Duration) -> f64 {
        let seconds = wall.saturating_sub(self.untimed).as_secs_f64();
        if seconds > 0.0 { self.units / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_task_across_an_edge_counts_with_what_lies_inside() {
        let (mut share, edges) = (Share::default(), (at(10.0), at(30.0)));
        for (began, ended) in [(2.0, 8.0), (8.0, 12.0), (12.0, 20.0), (20.0, 40.0), (40.0, 41.0)] {
            share.part(6, NONE, (at(began), at(ended)), edges);
        }
        assert!((share.units - 12.0).abs() < 1e-9, "a half, a whole, a half: {}", share.units);
        assert!((share.rate(at(20.0)) - 0.6).abs() < 1e-9);
        share.part(1, NONE, (at(20.0), at(20.0)), edges);
        assert!((share.units - 13.0).abs() < 1e-9, "a task too short for the clock is whole");
    }

    #[test]
    fn preparations_are_taken_out_of_the_time_that_they_lie_in() {
        let mut share = Share::default();
        share.whole(1, at(2.0));
        share.part(1, at(4.0), (at(11.0), at(12.0)), (at(10.0), at(20.0)));
        assert_eq!(share.untimed, at(3.0), "3 s of the 4 lie before the opening");
        assert!((share.rate(at(10.0)) - 2.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn workers_that_overtake_each_other_promise_no_more_than_the_core_can_do() {
        // One core and a second per task. Eight workers always want the core, and the worker that
        // had it last usually gets it again.
        let (mut began, mut worker) = ([0.0; 8], 0);
        let (opened, closed) = (200.5, 260.5);
        let mut shares: [Share; 8] = std::array::from_fn(|_| Share::default());
        for second in 1..2000_u32 {
            let dice = knee_workloads::mix(7, second.into());
            if dice % 10 >= 8 {
                worker = (dice / 10 % 8) as usize;
            }
            let ended = f64::from(second);
            let task = (at(began[worker]), at(ended));
            shares[worker].part(1, NONE, task, (at(opened), at(closed)));
            began[worker] = ended;
        }
        let rate: f64 = shares.iter().map(|share| share.rate(at(closed - opened))).sum();
        assert!((0.95..1.05).contains(&rate), "{rate} tasks per second of one core");
    }
}
