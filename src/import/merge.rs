//! Merges curves of several files: parts of one curve are joined, and different curves with the
//! same name get different names.

use std::collections::{HashMap, HashSet};

use super::Series;

/// A curve, with the files that it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced {
    /// The files' names, as given.
    pub files: Vec<String>,
    /// The curve, with a unique name.
    pub series: Series,
}

/// All curves of several files. Each file is given with a name that identifies it.
///
/// Tools that measure one worker count per call leave one file per count. So curves with the same
/// name are joined if no worker count is in two of the files. Otherwise each is a separate curve,
/// and the name of its file is added to its name.
pub fn merge(files: Vec<(String, Vec<Series>)>) -> Vec<Sourced> {
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut namesakes: Vec<Vec<Sourced>> = Vec::new();
    for (file, series) in files {
        for one in series {
            let key = (one.name.clone(), one.unit.clone());
            let place = *places.entry(key).or_insert(namesakes.len());
            if place == namesakes.len() {
                namesakes.push(Vec::new());
            }
            namesakes[place].push(Sourced { files: vec![file.clone()], series: one });
        }
    }
    let curves = namesakes
        .into_iter()
        .flat_map(|group| if are_pieces(&group) { join(group) } else { group });
    tell_apart(curves.collect())
}

/// Whether no worker count is in two of these curves.
///
/// Reports of single runs are always parts of one curve: the same count twice is a repetition.
fn are_pieces(group: &[Sourced]) -> bool {
    if group.iter().all(|one| one.series.is_run) {
        return true;
    }
    let mut seen: HashSet<u64> = HashSet::new();
    group.iter().all(|Sourced { series, .. }| {
        let own: HashSet<u64> = series.observations.iter().map(|o| o.workers.to_bits()).collect();
        let before = seen.len();
        seen.extend(&own);
        seen.len() == before + own.len()
    })
}

fn join(group: Vec<Sourced>) -> Vec<Sourced> {
    let mut pieces = group.into_iter();
    let Some(Sourced { mut files, series: mut whole }) = pieces.next() else { return Vec::new() };
    for piece in pieces {
        files.extend(piece.files);
        whole.observations.extend(piece.series.observations);
        for guess in piece.series.guessed {
            if !whole.guessed.contains(&guess) {
                whole.guessed.push(guess);
            }
        }
        for text in piece.series.warnings {
            if !whole.warnings.contains(&text) {
                whole.warnings.push(text);
            }
        }
    }
    vec![Sourced { files, series: whole }]
}

fn tell_apart(mut curves: Vec<Sourced>) -> Vec<Sourced> {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for curve in &curves {
        *uses.entry(curve.series.name.clone()).or_default() += 1;
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for curve in &mut curves {
        let name = &mut curve.series.name;
        if uses[name] > 1 {
            *name = format!("{}: {name}", curve.files.join(" + "));
        }
        // The same file was given twice.
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            *name = format!("{name} ({times})");
        }
    }
    curves
}

#[cfg(test)]
mod tests {
    use super::{Sourced, merge};
    use crate::import::{Observation, Series};

    fn curve(name: &str, counts: &[f64]) -> Vec<Series> {
        let observation =
            |&workers: &f64| Observation { workers, throughput: 1.0, repetition: None };
        let observations = counts.iter().map(observation).collect();
        vec![Series {
            name: name.into(),
            unit: "ops".into(),
            observations,
            noise: None,
            guessed: Vec::new(),
            is_run: false,
            warnings: vec!["w".into()],
        }]
    }

    #[test]
    fn one_file_per_count_makes_one_curve() {
        let files =
            vec![("t1".into(), curve("lock", &[1.0])), ("t2".into(), curve("lock", &[2.0]))];
        let merged = merge(files);
        assert_eq!(merged.len(), 1);
        let Sourced { files, series } = &merged[0];
        assert_eq!((files.len(), series.name.as_str()), (2, "lock"));
        assert_eq!(series.observations.len(), 2);
        assert_eq!(series.warnings, ["w"]);
    }

    #[test]
    fn the_same_counts_twice_make_two_curves() {
        let files = vec![
            ("old".into(), curve("lock", &[1.0, 2.0])),
            ("new".into(), curve("lock", &[2.0, 4.0])),
        ];
        let names: Vec<String> = merge(files).into_iter().map(|curve| curve.series.name).collect();
        assert_eq!(names, ["old: lock", "new: lock"]);
        let same = || ("old".to_owned(), curve("lock", &[1.0]));
        let names: Vec<String> = merge(vec![same(), same(), same()])
            .into_iter()
            .map(|curve| curve.series.name)
            .collect();
        assert_eq!(names, ["old: lock", "old: lock (2)", "old: lock (3)"]);
    }
}
