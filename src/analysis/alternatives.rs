//! Several ways to do the same work, each with the user's name for it. They are one subject with
//! one answer and a curve for each way.

use super::at_rate;
use super::findings::{Alternative, CellFailure, Curve, Remark, WorkloadFindings};
use super::measured::Measured;
use super::outside;
use super::run::{Context, params};
use super::series::Series;
use super::server;
use super::verdict::{Contender, verdict};
use crate::plan::{Entry, Mode};

impl Context<'_> {
    /// The findings for the entries `places`, which are ways to do the same work.
    pub(super) fn alternatives(&self, places: &[usize]) -> WorkloadFindings {
        let plan = &self.record.header.plan;
        let (mut curves, mut contenders): (Vec<Curve>, Vec<Contender>) = Default::default();
        let (mut notes, mut failures) = (Vec::new(), Vec::new());
        // The entry that each curve belongs to.
        let mut of: Vec<usize> = Vec::new();
        for &at in places {
            let entry = &plan.entries[at];
            let (own, more) = self.way(at, entry);
            let remarks = self.notes(at).into_iter().chain(server::remarks(self.record, at, &own));
            let remarks = remarks.chain(outside::remark(self.record, at, &own));
            notes.extend(
                remarks
                    .map(|note| Remark { text: format!("{}: {}", entry.label, note.text), ..note }),
            );
            failures.extend(self.failures(at).into_iter().map(|failure| {
                let mode = Mode::named(&failure.mode);
                let name = mode.map_or_else(|| entry.label.clone(), |mode| called(entry, mode));
                CellFailure { mode: name, ..failure }
            }));
            of.extend(own.iter().map(|_| at));
            curves.extend(own.into_iter().map(|curve| {
                let mode = Mode::named(&curve.name).unwrap_or(Mode::Copies);
                Curve { name: called(entry, mode), ..curve }
            }));
            contenders.extend(more);
        }
        let names: Vec<&str> = places.iter().map(|at| plan.entries[*at].label.as_str()).collect();
        let label = either(&names);
        let mut verdict = verdict(&label, &contenders, plan.tolerance);
        let at_rate = plan.arrivals.map(|asked| {
            for (curve, at) in curves.iter_mut().zip(&of) {
                at_rate::judge(curve, asked, &plan.limits, self.alone(*at));
            }
            let searched = places.iter().any(|at| plan.entries[*at].is_searched());
            let asked = (asked, searched);
            let (answer, found) = at_rate::answer(&label, None, &curves, asked, &plan.limits);
            verdict = found;
            answer
        });
        notes.extend(at_rate.as_ref().and_then(|answer| self.theory(answer, None, &curves)));
        let chosen = verdict.as_ref().and_then(|verdict| {
            let place = curves.iter().position(|curve| curve.name == verdict.mode)?;
            Some(of[place])
        });
        // The settings to paste are those of the recommended way.
        let entry = &plan.entries[chosen.unwrap_or(places[0])];
        WorkloadFindings {
            label,
            workload: entry.workload.clone(),
            params: params(entry),
            kind: entry.kind.name().to_owned(),
            unit_one: entry.unit_one.clone(),
            unit_many: entry.unit_many.clone(),
            serial: None,
            alternatives: places.iter().map(|at| alternative(&plan.entries[*at])).collect(),
            verdict,
            in_pairs: false,
            at_rate,
            curves,
            equivalent: None,
            ceiling: None,
            textbook_optimum: None,
            lengths: Vec::new(),
            notes,
            failures,
        }
    }

    /// One way: its curves, still named by their modes, and its contenders, with the user's names.
    fn way(&self, at: usize, entry: &Entry) -> (Vec<Curve>, Vec<Contender>) {
        let Measured { mut curves, contenders, .. } = self.measured(at, entry);
        let serial = Series::of(self.record, at, Mode::Serial);
        if !serial.rounds.is_empty() {
            let evidence = self.evidence(at, entry, &serial);
            let seed = self.seed(at, Mode::Serial);
            let tolerance = self.record.header.plan.tolerance;
            curves.insert(0, serial.curve(Vec::new(), evidence, tolerance, seed));
        }
        let named = contenders.into_iter().map(|contender| Contender {
            name: called(entry, contender.mode),
            is_alternative: true,
            ..contender
        });
        (curves, named.collect())
    }
}

/// The name of a curve: the user's name, and also the mode if there are several modes.
fn called(entry: &Entry, mode: Mode) -> String {
    match entry.series.len() {
        1 => entry.label.clone(),
        _ => format!("{}, {mode}", entry.label),
    }
}

/// `threads, processes or serial`.
fn either(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}

fn alternative(entry: &Entry) -> Alternative {
    Alternative {
        name: entry.label.clone(),
        workload: entry.workload.clone(),
        params: params(entry),
    }
}

#[test]
fn names_are_told_as_a_choice() {
    assert_eq!(either(&["a"]), "a");
    assert_eq!(either(&["a", "b"]), "a or b");
    assert_eq!(either(&["a", "b", "c"]), "a, b or c");
}
