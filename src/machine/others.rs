//! Which other programs used the CPUs: the processes of this machine that are not ours.
//!
//! The ledger of a round knows how much others used, but not which programs they were. Looking at
//! every process takes milliseconds, so it happens rarely and never inside a round. Processes that
//! start and end between two looks are not seen, nor are those hidden from this container.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::watch::clock_ticks;

/// After a look, no other look follows within this time.
const SELDOM: Duration = Duration::from_secs(2);

/// What is known about the other processes.
#[derive(Debug)]
pub struct Others {
    proc: PathBuf,
    own: u32,
    tick: f64,
    began: Instant,
    looked: Option<Instant>,
    /// By process id and start time, because ids are reused.
    seen: HashMap<(u32, u64), Seen>,
}

/// One process over all looks.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    name: String,
    /// CPU seconds that it had used when watching began.
    before: f64,
    /// CPU seconds that it had used at the last look.
    now: f64,
}

/// The process that used the most CPU time.
#[derive(Debug, Clone, PartialEq)]
pub struct Busiest {
    /// The name of the program, as the kernel knows it.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// Share of the CPUs that it used since watching began.
    pub share: f64,
}

impl Others {
    /// Begins to watch. Usage before this does not count.
    pub fn watch() -> Self {
        let mut others = Self {
            proc: "/proc".into(),
            own: std::process::id(),
            tick: 1.0 / clock_ticks(),
            began: Instant::now(),
            looked: None,
            seen: HashMap::new(),
        };
        others.look();
        others
    }

    /// Looks at all processes, unless the last look was very recent.
    pub fn look(&mut self) {
        if self.looked.is_none_or(|then| then.elapsed() >= SELDOM) {
            self.look_now();
        }
    }

    fn look_now(&mut self) {
        let first = self.looked.is_none();
        self.looked = Some(Instant::now());
        let all = self.processes();
        let parents: HashMap<u32, u32> = all.iter().map(|one| (one.pid, one.parent)).collect();
        for one in all.into_iter().filter(|one| !is_below(one.pid, self.own, &parents)) {
            let Process { pid, name, used, started, .. } = one;
            let before = if first { used } else { 0.0 };
            let seen = Seen { name, before, now: used };
            self.seen.entry((pid, started)).or_insert(seen).now = used;
        }
    }

    /// The process that used most of `cpus` CPUs since watching began; `None` if none is seen.
    pub fn busiest(&mut self, cpus: f64) -> Option<Busiest> {
        self.look_now();
        let capacity = self.began.elapsed().as_secs_f64() * cpus;
        let used = |seen: &Seen| (seen.now - seen.before).max(0.0);
        let ((pid, _), most) = self.seen.iter().max_by(|a, b| used(a.1).total_cmp(&used(b.1)))?;
        let share = used(most) / capacity;
        (share > 0.0 && share.is_finite()).then(|| Busiest {
            name: most.name.clone(),
            pid: *pid,
            share,
        })
    }

    fn processes(&self) -> Vec<Process> {
        let entries = std::fs::read_dir(&self.proc).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
                let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
                Process::parse(pid, &stat, self.tick)
            })
            .collect()
    }
}

/// A process, as `/proc/PID/stat` describes it.
#[derive(Debug, Clone, PartialEq)]
struct Process {
    pid: u32,
    name: String,
    parent: u32,
    /// CPU seconds in all.
    used: f64,
    /// When it started, in ticks since the start of the machine.
    started: u64,
}

impl Process {
    fn parse(pid: u32, stat: &str, tick: f64) -> Option<Self> {
        // The name may itself contain spaces and brackets.
        let (name, rest) = (stat.find('(')?, stat.rfind(')')?);
        let fields: Vec<&str> = stat.get(rest + 1..)?.split_ascii_whitespace().collect();
        // The first of these is the third field, the state.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            pid,
            name: stat.get(name + 1..rest)?.to_owned(),
            parent: u32::try_from(field(4)?).ok()?,
            used: (field(14)? + field(15)?) as f64 * tick,
            started: field(22)?,
        })
    }
}

/// Whether a process is `own`, or was started by it directly or indirectly.
fn is_below(pid: u32, own: u32, parents: &HashMap<u32, u32>) -> bool {
    let mut at = pid;
    let mut passed = HashSet::new();
    while passed.insert(at) {
        if at == own {
            return true;
        }
        match parents.get(&at) {
            Some(parent) => at = *parent,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let rest = "S 7 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0 4242 0 0";
        let found = Process::parse(9, &format!("9 (a) (b c) {rest}"), 0.01).unwrap();
        assert_eq!((found.name.as_str(), found.parent, found.started), ("a) (b c", 7, 4242));
        assert!((found.used - 2.0).abs() < 1e-9);
        for wrong in ["", "9 (", "9 )(", "9 (a) S", "9 (a) S x 1"] {
            assert_eq!(Process::parse(9, wrong, 0.01), None, "{wrong}");
        }
    }

    #[test]
    fn ours_are_all_that_we_started() {
        let parents = HashMap::from([(2, 1), (3, 2), (4, 3), (5, 1), (6, 7), (7, 6)]);
        let below = |pid| is_below(pid, 2, &parents);
        assert!(below(2) && below(3) && below(4) && !below(1) && !below(5) && !below(6));
    }

    /// A tree in which a neighbour has used three seconds since the first look, and one of our
    /// processes ten.
    #[test]
    fn the_busiest_of_the_others_is_named() {
        let root = tempfile::tempdir().unwrap();
        let write = |pid: u32, name: &str, parent: u32, ticks: u64| {
            let dir = root.path().join(pid.to_string());
            std::fs::create_dir_all(&dir).unwrap();
            let stat = format!(
                "{pid} ({name}) R {parent} 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 5 0 0"
            );
            std::fs::write(dir.join("stat"), stat).unwrap();
        };
        write(10, "knee", 1, 0);
        write(11, "worker", 10, 0);
        write(20, "busy", 1, 5000);
        let mut others = Others {
            proc: root.path().into(),
            own: 10,
            tick: 0.01,
            began: Instant::now().checked_sub(Duration::from_secs(10)).unwrap(),
            looked: None,
            seen: HashMap::new(),
        };
        others.look();
        write(11, "worker", 10, 1000);
        write(20, "busy", 1, 5300);
        let found = others.busiest(2.0).unwrap();
        assert_eq!((found.name.as_str(), found.pid), ("busy", 20));
        assert!((found.share - 0.15).abs() < 0.01, "{found:?}");
    }
}
