//! Cuts names to a length that people can read.

use crate::analysis::findings::Findings;
use crate::plot::label::shortened;

/// Columns that a name may take on a page.
const NAME: usize = 80;
/// Columns that a unit, a law or a bound may take.
const WORD: usize = 24;

/// The findings with every name cut to a length that people can read. `findings.json` keeps them
/// whole.
pub(super) fn with_short_names(findings: &Findings) -> Findings {
    let mut short = findings.clone();
    let cut = |name: &mut String, columns: usize| *name = shortened(name, columns);
    for workload in &mut short.workloads {
        cut(&mut workload.label, NAME);
        cut(&mut workload.unit_one, WORD);
        cut(&mut workload.unit_many, WORD);
        for curve in &mut workload.curves {
            cut(&mut curve.name, NAME);
            curve.laws.iter_mut().for_each(|law| cut(&mut law.name, WORD));
            curve.bound.iter_mut().for_each(|bound| cut(&mut bound.label, WORD));
        }
        if let Some(verdict) = &mut workload.verdict {
            cut(&mut verdict.mode, NAME);
            verdict.others.iter_mut().for_each(|other| cut(&mut other.mode, NAME));
        }
        workload.failures.iter_mut().for_each(|failure| cut(&mut failure.mode, NAME));
    }
    for axis in &mut short.axes {
        cut(&mut axis.of, NAME);
        cut(&mut axis.name, WORD);
    }
    short
}
