//! Which column is the number of workers, and which second column of workers gives separate curves.

use std::collections::{BTreeSet, HashMap};

use super::super::guess::{About, Guess};
use super::super::layouts::Table;
use super::super::words::{Kind, axis as names, vocabulary, words};
use super::super::{Fault, Request};
use super::REMEDY;
use super::columns::Column;

/// The axis of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) workers: usize,
    /// Other columns that count workers and vary. Each of their values gets its own curve.
    pub(super) by: Vec<usize>,
    pub(super) guess: Option<Guess>,
}

/// Finds the axis.
pub(super) fn choose(
    table: &Table,
    columns: &[Column],
    first: usize,
    is_long: bool,
    request: Request<'_>,
) -> Result<Axis, Fault> {
    let rows = table.len() - first;
    let by = request.by.map(|name| named(columns, name)).transpose()?;
    let plain = |workers: usize| Axis { workers, by: by.into_iter().collect(), guess: None };
    let counting = |column: &&Column| column.measures(Kind::Workers);
    if let Some(param) = request.param {
        let workers = named(columns, param)?;
        if by == Some(workers) {
            return Err(Fault::whole("--by names the same column as --param; name another one"));
        }
        let others = columns
            .iter()
            .filter(counting)
            .filter(|column| is_long && column.at != workers && column.facts.varies());
        let others: Vec<usize> = others
            .map(|column| column.at)
            .filter(|at| !goes_with(table, first, workers, *at))
            .collect();
        let by = by.map_or(others, |by| vec![by]);
        return Ok(Axis { workers, by, guess: None });
    }
    let found: Vec<&Column> =
        columns.iter().filter(counting).filter(|c| Some(c.at) != by).collect();
    if !is_long {
        // In a wide table, the other columns may be series named `threads` and `processes`.
        let lead = columns.iter().find(|column| !column.name.is_empty()).unwrap_or(&columns[0]);
        let bare = columns[0].name.is_empty() && columns[0].facts.is_numeric() && found.is_empty();
        if bare {
            return Ok(plain(0));
        }
        let unknown = columns
            .iter()
            .any(|column| column.measures(Kind::Unknown) || column.measures(Kind::Value));
        let second = found.iter().filter(|column| column.at != lead.at);
        let counts = second.filter(|column| column.facts.could_count(rows) && unknown).count();
        if lead.measures(Kind::Workers) && counts == 0 {
            return Ok(plain(lead.at));
        }
    }
    let varying: Vec<&Column> =
        found.iter().copied().filter(|column| column.facts.varies()).collect();
    match varying.as_slice() {
        [one] => Ok(plain(one.at)),
        [] => match found.first() {
            Some(one) => match swept(columns, rows) {
                Some(other) if is_long => Err(constant(one, other)),
                _ => Ok(plain(one.at)),
            },
            None => lone(columns, table, first, by).ok_or_else(|| {
                let names = names::list(columns.iter().map(|column| column.name.as_str()));
                Fault::whole(format!(
                    "has no column for the number of workers among {names}; {REMEDY}"
                ))
            }),
        },
        several => Err(asked(several)),
    }
}

/// A column of whole numbers with unknown meaning that varies while the workers stay the same.
fn swept(columns: &[Column], rows: usize) -> Option<&Column> {
    columns.iter().find(|column| {
        column.is(Kind::Unknown)
            && !column.name.is_empty()
            && column.facts.is_numeric()
            && column.facts.varies()
            && column.facts.could_count(rows)
            && column.facts.least >= 1.0
    })
}

fn constant(workers: &Column, other: &Column) -> Fault {
    let (count, name, asked) = (workers.facts.least, &workers.name, shown(&workers.name));
    let (other, also) = (&other.name, shown(&other.name));
    Fault::whole(format!(
        "column {name:?} is {count} in all rows, while {other:?} changes; say --param {also} if \
         that counts workers, or --param {asked}"
    ))
}

/// If two columns count workers, the user must decide.
fn asked(several: &[&Column]) -> Fault {
    let list = names::list(several.iter().map(|column| column.name.as_str()));
    let [one, other] = [&several[0].name, &several[1].name].map(|name| shown(name));
    Fault::whole(format!(
        "{list} all count workers and all vary; name the axis with --param {one}, or both with \
         --param {one} --by {other}"
    ))
}

/// A name as typed on a command line.
pub(super) fn shown(name: &str) -> String {
    if name.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c)) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

/// The column with this name, with these words, or in this place.
pub(super) fn named(columns: &[Column], name: &str) -> Result<usize, Fault> {
    let exact = columns.iter().find(|column| column.name == name);
    let alike = || columns.iter().find(|column| words(&column.name) == words(name));
    let part = || {
        let mut holding = columns.iter().filter(|column| {
            let own = words(&column.name);
            let asked = words(name);
            !asked.is_empty() && own.windows(asked.len()).any(|part| part == asked)
        });
        holding.next().filter(|_| holding.next().is_none())
    };
    match exact.or_else(alike).or_else(part) {
        Some(column) if column.facts.numbers > 0 => Ok(column.at),
        Some(_) => Err(Fault::whole(format!("column {name:?} holds no numbers"))),
        None => {
            let list = names::list(columns.iter().map(|column| column.name.as_str()));
            Err(Fault::whole(format!("has no column {name:?}; it has {list}")))
        }
    }
}

/// Names that mean workers if no other column counts them: `-c 8`, `Anzahl`. The flag says whether
/// they are certain.
const LONE: [(&str, bool); 23] = [
    ("cpu", true),
    ("c", true),
    ("schedulers", true),
    ("domains", true),
    ("images", true),
    ("machines", true),
    ("hosts", true),
    ("vms", true),
    ("boxes", true),
    ("pool", false),
    ("transfers", false),
    ("checkers", false),
    ("lanes", false),
    ("queues", false),
    ("servers", false),
    ("forks", false),
    ("anzahl", false),
    ("nombre", false),
    ("aantal", false),
    ("numero", false),
    ("n\u{fa}mero", false),
    ("liczba", false),
    ("antal", false),
];

/// A column that counts workers only because no other column does.
fn lone(columns: &[Column], table: &Table, first: usize, by: Option<usize>) -> Option<Axis> {
    let rows = table.len() - first;
    let could = |column: &Column| {
        column.facts.is_numeric()
            && column.facts.could_count(rows)
            && column.facts.least >= 1.0
            && column.facts.varies()
    };
    let of_name = |column: &Column| match words(&column.name).as_slice() {
        [word] => {
            let known = LONE.iter().find(|(name, _)| name == word);
            // `mappers`, `decoders`: names of those who do something.
            let does = word.ends_with("ers") || word.ends_with("ors");
            let unknown = (does && vocabulary::meaning(word).is_none()).then_some(false);
            known.map(|(_, is_sure)| *is_sure).or(unknown)
        }
        // `puma workers`, `reader threads`.
        [whose @ .., last] => {
            let plain = whose.iter().all(|word| vocabulary::meaning(word).is_none());
            (plain && vocabulary::is_worker(last)).then_some(false)
        }
        [] => None,
    };
    let (column, is_sure) = columns
        .iter()
        .filter(|column| could(column))
        .find_map(|column| Some((column, of_name(column)?)))?;
    let guess = (!is_sure).then(|| {
        let text = format!("column {:?} is taken as the number of workers", column.name);
        Guess::new(About::Column, text, format!("--param {}", shown(&column.name)))
    });
    Some(Axis { workers: column.at, by: by.into_iter().collect(), guess })
}

/// Whether two columns rise together, each value of one with one value of the other.
fn goes_with(table: &Table, first: usize, one: usize, other: usize) -> bool {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let mut pairs: BTreeSet<(u64, u64)> = BTreeSet::new();
    for row in table.rows_from(first) {
        let (a, b) = (row.field(one), row.field(other));
        if *seen.entry(a).or_insert(b) != b {
            return false;
        }
        let (Ok(a), Ok(b)) = (table.number(a), table.number(b)) else { continue };
        pairs.insert(((a * 1e6) as u64, (b * 1e6) as u64));
    }
    let pairs: Vec<(u64, u64)> = pairs.into_iter().collect();
    pairs.windows(2).all(|pair| pair[0].1 < pair[1].1)
}
