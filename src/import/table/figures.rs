//! Which columns are measured, which of them belong together, and their names.

use super::super::guess::{About, Guess};
use super::super::words::units::Unit;
use super::super::words::{Kind, Statistic, vocabulary, words};
use super::super::{Fault, Request};
use super::axis::{named, shown};
use super::columns::Column;

/// How a figure becomes a throughput.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rule {
    /// By its unit: a rate stays as it is; a time is converted by the one rule.
    Unit(Unit),
    /// By the unit in another column.
    Stated,
    /// Speed-up: the throughput of one worker is 1.
    Speedup,
    /// Speed-up per worker.
    PerWorker,
}

/// A column of figures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) column: usize,
    pub(super) rule: Rule,
    /// The name of its series, if each column is one.
    pub(super) series: Option<String>,
    pub(super) repetition: Option<u32>,
    /// The column with its deviation.
    pub(super) deviation: Option<usize>,
    /// The column with the work done in its time.
    pub(super) work: Option<usize>,
    /// Whether it is the figure of one worker.
    pub(super) per_worker: bool,
}

/// All figures, with the guesses about them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) list: Vec<Figure>,
    pub(super) guesses: Vec<Guess>,
    /// Whether nothing says if more or less is better, so that the figures must show it.
    pub(super) is_open: bool,
}

/// Kinds of figures that headings can show, the best first.
const KNOWN: [Kind; 5] = [Kind::Rate, Kind::Time, Kind::Speedup, Kind::Efficiency, Kind::Value];

/// Whether some column is known to be measured. The other columns are then not series.
pub(super) fn is_long(columns: &[Column], request: Request<'_>) -> bool {
    let known = |column: &Column| {
        KNOWN.iter().any(|kind| column.measures(*kind))
            || column.measures(Kind::Work)
            || column.measures(Kind::Latency)
    };
    !request.values.is_empty() || columns.iter().any(known)
}

/// Finds the figures of a table, once its axis is known.
pub(super) fn find(
    columns: &[Column],
    taken: &[usize],
    is_long: bool,
    request: Request<'_>,
) -> Result<Figures, Fault> {
    let free: Vec<&Column> = columns.iter().filter(|column| !taken.contains(&column.at)).collect();
    let mut figures = Figures::default();
    if !request.values.is_empty() {
        let mut list = Vec::new();
        for name in request.values {
            let at = named(columns, name)?;
            list.push(columns.iter().find(|column| column.at == at).expect("it was found"));
        }
        let kind = list[0].meaning.kind;
        let class = if KNOWN.contains(&kind) || kind == Kind::Work { kind } else { Kind::Unknown };
        figures.is_open = class == Kind::Unknown && list[0].meaning.unit.is_none();
        figures.list = list.iter().map(|column| figure(column, class)).collect();
        name_them(&mut figures.list, &list);
        // A figure that the user named gets its deviation like any other.
        deviations(&mut figures.list, &free, columns);
        return Ok(figures);
    }
    let class = class(&free, is_long);
    let Some(class) = class else { return Ok(figures) };
    let mut pool: Vec<&Column> =
        free.iter().copied().filter(|column| belongs(column, class, is_long)).collect();
    // A column that never changes is a setting, unless there is no other.
    if pool.iter().any(|column| column.facts.varies()) {
        // A serial run has one time for all counts.
        let is_mode = |column: &Column| vocabulary::mode_in(&column.name).is_some();
        pool.retain(|column| column.facts.varies() || column.facts.numbers == 1 || is_mode(column));
    }
    let chosen = best_of_each(&pool);
    figures.list = chosen.iter().map(|column| figure(column, class)).collect();
    name_them(&mut figures.list, &chosen);
    deviations(&mut figures.list, &free, columns);
    match class {
        Kind::Work => {
            let name = &chosen[0].name;
            let sure = matches!(chosen[0].meaning.unit, Some(Unit::Rate { .. })) || rate_like(name);
            if !sure {
                let text = format!("column {name:?} is taken as work per time: more is better");
                figures.guesses.push(Guess::new(
                    About::Direction,
                    text,
                    "--unit ops/s or --value COLUMN",
                ));
            }
        }
        Kind::Unknown | Kind::Value => {
            figures.is_open = chosen.iter().all(|column| column.meaning.unit.is_none());
        }
        _ => {}
    }
    minutes(&mut figures, &chosen);
    Ok(figures)
}

/// `ops` often means operations per second; `requests` alone more often means their number.
fn rate_like(name: &str) -> bool {
    words(name).iter().any(|word| ["ops", "kops", "mops"].contains(&word.as_str()))
}

/// The kind of the figures: the best kind that the table has.
fn class(free: &[&Column], is_long: bool) -> Option<Kind> {
    let measured = |kind: Kind| {
        free.iter().any(|c| c.measures(kind) && c.meaning.statistic != Statistic::Deviation)
    };
    let varied = |kind: Kind| {
        free.iter().any(|c| {
            c.measures(kind)
                && c.meaning.statistic != Statistic::Deviation
                && (c.facts.varies() || c.facts.numbers <= 1)
        })
    };
    let known = KNOWN.into_iter().find(|kind| varied(*kind));
    let by_work = measured(Kind::Work) && measured(Kind::Time);
    match known {
        Some(Kind::Speedup | Kind::Efficiency | Kind::Value) | None if by_work => Some(Kind::Time),
        Some(kind) => Some(kind),
        None => KNOWN
            .into_iter()
            .chain([Kind::Work])
            .find(|kind| varied(*kind) || (*kind != Kind::Work && measured(*kind)))
            .or_else(|| (!is_long && measured(Kind::Unknown)).then_some(Kind::Unknown))
            .or_else(|| (!is_long && free.iter().any(|c| is_series(c))).then_some(Kind::Unknown)),
    }
}

/// In a wide table, a column with the name of workers or of a repetition is a series.
fn is_series(column: &Column) -> bool {
    let kind = column.meaning.kind;
    column.facts.is_numeric()
        && (kind == Kind::Workers || (kind == Kind::Repetition && column.meaning.number.is_some()))
}

fn belongs(column: &Column, class: Kind, is_long: bool) -> bool {
    if column.meaning.statistic == Statistic::Deviation
        || column.name.is_empty()
        || !(column.facts.is_numeric() || column.measures(class))
    {
        return false;
    }
    column.is(class) || (class == Kind::Unknown && !is_long && is_series(column))
}

fn figure(column: &Column, class: Kind) -> Figure {
    let plain = |what: &str| Unit::Rate { factor: 1.0, what: what.to_owned() };
    let unit = column.meaning.unit.clone();
    let rule = match class {
        Kind::Time => Rule::Unit(unit.unwrap_or(Unit::Time { seconds: 1.0, what: String::new() })),
        Kind::Speedup => Rule::Speedup,
        Kind::Efficiency => Rule::PerWorker,
        Kind::Value if unit.is_none() => Rule::Stated,
        _ => Rule::Unit(unit.unwrap_or_else(|| plain(counted(column)))),
    };
    let (series, repetition, deviation, work) = (None, None, None, None);
    Figure {
        column: column.at,
        rule,
        series,
        repetition,
        deviation,
        work,
        per_worker: column.meaning.per_worker,
    }
}

/// What the words of a heading count.
fn counted(column: &Column) -> &str {
    let subject = column.meaning.subject.as_str();
    let word =
        subject.split(' ').find(|word| vocabulary::sense(word) == Some(vocabulary::Sense::Counted));
    match word.unwrap_or("units") {
        "op" => "ops",
        "req" | "reqs" | "request" => "requests",
        other => other,
    }
}

/// Of several statistics of one thing, the most useful one; of numbered columns, all.
fn best_of_each<'c>(pool: &[&'c Column]) -> Vec<&'c Column> {
    let mut chosen: Vec<&Column> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let key = |column: &Column| {
        let named = column.meaning.number.filter(|_| !is_repeated(pool, column));
        format!(
            "{} {}",
            group_of(column),
            named.map_or_else(String::new, |number| number.to_string())
        )
    };
    for column in pool {
        let key = key(column);
        if seen.contains(&key) {
            continue;
        }
        let same: Vec<&&Column> =
            pool.iter().filter(|other| group_key(pool, other) == group_key(pool, column)).collect();
        let best = same.iter().map(|other| other.meaning.statistic).min();
        let wanted = same.into_iter().filter(|other| Some(other.meaning.statistic) == best);
        let numbered: Vec<&Column> = wanted.copied().collect();
        if is_repeated(pool, numbered[0]) {
            chosen.extend(numbered);
        } else {
            chosen.push(done_rather_than_offered(&numbered));
        }
        seen.push(key);
    }
    chosen.sort_by_key(|column| column.at);
    chosen.dedup_by_key(|column| column.at);
    chosen
}

/// Load tests name the offered rate beside the resulting throughput.
fn done_rather_than_offered<'c>(same: &[&'c Column]) -> &'c Column {
    let done = |column: &&&Column| words(&column.name).iter().any(|word| word == "throughput");
    let offered = words(&same[0].name) == ["rate"];
    same.iter().find(done).filter(|_| offered).unwrap_or(&same[0])
}

/// Whose figures they are, so that mean and median of one thing are recognised as one.
fn group_of(column: &Column) -> String {
    match column.meaning.kind {
        // In a wide table, the name itself is the thing.
        Kind::Workers => column.name.to_lowercase(),
        _ => column.meaning.subject.clone(),
    }
}

fn group_key(pool: &[&Column], column: &Column) -> String {
    let named = column.meaning.number.filter(|_| !is_repeated(pool, column));
    format!("{} {}", group_of(column), named.map_or_else(String::new, |number| number.to_string()))
}

/// Whether a numbered column is one of several repetitions: `time1 time2 time3`, `run 1 run 2`. But
/// `v1` and `v2` are two things.
fn is_repeated(pool: &[&Column], column: &Column) -> bool {
    let Some(_) = column.meaning.number else { return false };
    let own = group_of(column);
    let mut numbers: Vec<u32> = pool
        .iter()
        .filter(|other| {
            group_of(other) == own && other.meaning.statistic == column.meaning.statistic
        })
        .filter_map(|other| other.meaning.number)
        .collect();
    numbers.sort_unstable();
    let follows = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1) && numbers[0] <= 1;
    let says = words(&column.name).iter().any(|word| {
        matches!(word.as_str(), "run" | "r" | "lauf")
            || vocabulary::sense(word) == Some(vocabulary::Sense::Repetition)
    });
    let is_time = matches!(column.meaning.kind, Kind::Time | Kind::Rate) || own.is_empty();
    (numbers.len() > 1 && follows && (says || is_time))
        || (says && numbers.len() == 1 && own.is_empty())
        || (says && numbers.len() > 1)
}

/// Gives several things their own curves, named by their headings.
fn name_them(figures: &mut [Figure], columns: &[&Column]) {
    let mut groups: Vec<String> = columns.iter().map(|column| group_key(columns, column)).collect();
    groups.sort_unstable();
    groups.dedup();
    for (figure, column) in figures.iter_mut().zip(columns) {
        if is_repeated(columns, column) {
            figure.repetition = column.meaning.number;
        }
        // A single column needs no name if its heading is just a word for time or rate.
        let unknown = matches!(column.meaning.kind, Kind::Unknown | Kind::Workers)
            && !column.meaning.subject.is_empty();
        if groups.len() > 1 || unknown {
            figure.series = Some(title(column, figure.repetition.is_some()));
        }
    }
}

/// A heading without unit, statistic and repetition number: `OpenMPI (processes) total (s)` becomes
/// `OpenMPI (processes)`.
fn title(column: &Column, without_number: bool) -> String {
    use vocabulary::Sense;
    let heading = column.name.trim();
    let mut text = heading.to_owned();
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let (Some(from), Some(to)) = (text.rfind(open), text.rfind(close))
            && from < to
            && Unit::parse(&text[from + 1..to]).is_some()
        {
            text.replace_range(from..=to, "");
        }
    }
    let text = text.trim().to_owned();
    let mut parts: Vec<&str> = text.split([' ', '_']).filter(|part| !part.is_empty()).collect();
    let plain = |word: &str| {
        let sense = vocabulary::meaning(&word.to_lowercase());
        matches!(
            sense,
            Some(Sense::Time | Sense::Rate | Sense::Mean | Sense::Median | Sense::Beside)
        ) || super::super::words::units::seconds(word).is_some()
            || (without_number
                && (word.chars().all(|c| c.is_ascii_digit())
                    || sense == Some(Sense::Repetition)
                    || word.starts_with("rep")
                    || word.starts_with("run")))
    };
    let joint = if text.contains('_') && !text.contains(' ') { "_" } else { " " };
    while parts.len() > 1 && parts.last().is_some_and(|part| plain(part)) {
        parts.pop();
    }
    let short = parts.join(joint);
    if short.is_empty() { heading.to_owned() } else { short }
}

/// Finds the deviation beside each figure.
fn deviations(figures: &mut [Figure], free: &[&Column], columns: &[Column]) {
    let spread: Vec<&&Column> = free
        .iter()
        .filter(|c| c.meaning.statistic == Statistic::Deviation && c.facts.is_numeric())
        .filter(|c| {
            !words(&c.name)
                .iter()
                .any(|word| ["cv", "rsd", "variance", "var", "errors"].contains(&word.as_str()))
        })
        .collect();
    let alone = figures.len() == 1;
    let name = |at: usize| columns.iter().find(|column| column.at == at);
    for figure in figures {
        let Some(own) = name(figure.column) else { continue };
        let best = |sure: bool| {
            spread.iter().find(|c| {
                let standard =
                    !words(&c.name).iter().any(|w| ["error", "err", "ci"].contains(&w.as_str()));
                (alone || c.meaning.subject == own.meaning.subject) && (standard || !sure)
            })
        };
        figure.deviation = best(true).or_else(|| best(false)).map(|column| column.at);
    }
}

/// `time_min` without a maximum beside it is guessed to be minutes.
fn minutes(figures: &mut Figures, chosen: &[&Column]) {
    let open =
        |column: &&&Column| column.meaning.perhaps_minutes && !column.name.contains(['(', '[']);
    if let Some(column) = chosen.iter().find(open) {
        let text = format!("column {:?} is taken as minutes", column.name);
        figures.guesses.push(Guess::new(About::Unit, text, "--unit s or --unit min"));
    }
}

/// The question to the user if nothing shows which column is measured.
pub(super) fn asked(columns: &[Column], workers: usize) -> Fault {
    let mut names =
        columns.iter().filter(|column| column.at != workers && column.facts.is_numeric());
    let list: Vec<String> =
        names.clone().map(|column| format!("{:?}", column.name)).take(8).collect();
    let example = names.next_back().map_or("COLUMN".to_owned(), |column| shown(&column.name));
    Fault::whole(if list.is_empty() {
        "has no column of numbers beside the number of workers".to_owned()
    } else {
        format!(
            "has no column of throughputs or times that is known by its heading among {}; name it \
             with --value {example}, and with --lower-is-better if it is a time",
            list.join(", ")
        )
    })
}
