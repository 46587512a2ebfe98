//! What common runtimes take as the "number of CPUs", by their own rules, and why they differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Budget, Quota};

/// Why two programs in one container start different numbers of workers, in one sentence.
pub const WHY_THEY_DIFFER: &str = "They differ because a quota limits CPU seconds, not how many \
    CPUs run at once: some ignore it, some round it down, some up, and not all look at the same \
    level of the control groups.";

/// What one runtime takes as the number of CPUs here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeCount {
    /// The runtime and its call: `Go 1.25: GOMAXPROCS`.
    pub name: String,
    /// Its answer here, without any environment variable set.
    pub count: u32,
    /// Its rule in a few words.
    pub rule: String,
}

/// Which levels of the control groups a runtime looks at.
enum Levels {
    /// All, from the process's own group to the root.
    All,
    /// Only the process's own group.
    Leaf,
    /// The topmost group that is mounted, whatever group the process is in.
    Top,
    /// All, but only in the unified hierarchy.
    AllOfVersion2,
}

/// How a runtime turns a quota into a whole number.
enum Rounding {
    /// 1.5 is 1, and less than 1 is 1.
    Down,
    /// 1.5 is 1, and less than 1 is no limit.
    DownOrIgnored,
    /// 1.5 is 2.
    Up,
    /// 1.5 is 2, and less than 2 is 2.
    UpToTwo,
    /// 1.5 is 2, 1.4 is 1, and less than 1 is 1.
    Nearest,
}

/// A runtime's rule.
struct Rule {
    name: &'static str,
    words: &'static str,
    /// Whether it counts the CPUs of the mask; otherwise it counts those online.
    mask: bool,
    quota: Option<(Levels, Rounding)>,
}

/// Sources: the standard library's `sys/thread/unix.rs`; num_cpus 1.17 `linux.rs`; rayon-core's
/// `registry.rs`; Go 1.25's `runtime/cgroup_linux.go`; JDK 24's `CgroupUtil`; libuv 1.51
/// `uv_available_parallelism`; loky 3.5 `backend/context.py`; CPython 3.13 `posixmodule.c`;
/// gnulib's `nproc.c`; libgomp's `config/linux/proc.c`; .NET 9's `PAL_GetCpuLimit`.
const RULES: [Rule; 11] = [
    Rule {
        name: "Rust: available_parallelism, rayon, tokio",
        words: "mask; quota of all levels, floor, at least 1",
        mask: true,
        quota: Some((Levels::All, Rounding::Down)),
    },
    Rule {
        name: "Rust: num_cpus::get",
        words: "mask; quota of its own group, ceiling",
        mask: true,
        quota: Some((Levels::Leaf, Rounding::Up)),
    },
    Rule {
        name: "Go 1.25: GOMAXPROCS",
        words: "mask; quota of its own group, ceiling, at least 2",
        mask: true,
        quota: Some((Levels::Leaf, Rounding::UpToTwo)),
    },
    Rule {
        name: "Java 24: availableProcessors",
        words: "mask; quota of all levels, ceiling",
        mask: true,
        quota: Some((Levels::All, Rounding::Up)),
    },
    Rule {
        name: ".NET 9: Environment.ProcessorCount",
        words: "mask; quota of all levels, ceiling",
        mask: true,
        quota: Some((Levels::All, Rounding::Up)),
    },
    Rule {
        name: "Node.js: os.availableParallelism",
        words: "mask; quota of all levels, floor, below 1 ignored",
        mask: true,
        quota: Some((Levels::All, Rounding::DownOrIgnored)),
    },
    Rule { name: "Python: os.cpu_count", words: "online CPUs", mask: false, quota: None },
    Rule {
        name: "Python 3.13: os.process_cpu_count, Pool",
        words: "mask",
        mask: true,
        quota: None,
    },
    Rule {
        name: "Python: loky, joblib",
        words: "mask; quota of the topmost group, ceiling",
        mask: true,
        quota: Some((Levels::Top, Rounding::Up)),
    },
    Rule { name: "OpenMP (libgomp)", words: "mask", mask: true, quota: None },
    Rule {
        name: "coreutils 9.8: nproc",
        words: "mask; quota of cgroup v2, nearest, at least 1",
        mask: true,
        quota: Some((Levels::AllOfVersion2, Rounding::Nearest)),
    },
];

/// The answer of each runtime. Runtimes that count something unknown here are left out.
pub(super) fn counts(budget: &Budget) -> Vec<RuntimeCount> {
    let count = |rule: &Rule| {
        let cpus = if rule.mask { budget.parallelism() } else { budget.online }?;
        let limit = rule.quota.as_ref().zip(budget.quota.as_ref());
        let limit =
            limit.and_then(|((levels, rounding), quota)| rounding.apply(levels.smallest(quota)?));
        Some(RuntimeCount {
            name: rule.name.to_owned(),
            count: limit.map_or(cpus, |limit| limit.min(cpus)).max(1),
            rule: rule.words.to_owned(),
        })
    };
    RULES.iter().filter_map(count).collect()
}

impl Levels {
    /// The smallest quota at the levels that the runtime looks at.
    fn smallest(&self, quota: &Quota) -> Option<f64> {
        let levels = quota.levels.iter().filter(|level| match self {
            Self::All => true,
            Self::Leaf => level.leaf,
            Self::Top => level.top,
            Self::AllOfVersion2 => quota.version == 2,
        });
        levels.map(|level| level.cpus).min_by(f64::total_cmp)
    }
}

impl Rounding {
    /// The whole number; `None` if the runtime sees no limit.
    fn apply(&self, cpus: f64) -> Option<u32> {
        Some(match self {
            Self::Down => cpus.floor().max(1.0) as u32,
            Self::DownOrIgnored if cpus < 1.0 => return None,
            Self::DownOrIgnored => cpus.floor() as u32,
            Self::Up => cpus.ceil() as u32,
            Self::UpToTwo => cpus.ceil().max(2.0) as u32,
            Self::Nearest => (cpus + 0.5).floor().max(1.0) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::QuotaLevel;

    fn budget(cpus: u32, levels: &[(f64, bool, bool)], version: u8) -> Budget {
        let levels: Vec<QuotaLevel> = levels
            .iter()
            .map(|&(cpus, leaf, top)| QuotaLevel {
                group: String::new(),
                cpus,
                period: 0.1,
                leaf,
                top,
            })
            .collect();
        let smallest = levels.iter().map(|level| level.cpus).min_by(f64::total_cmp);
        let quota = smallest.map(|cpus| Quota { cpus, period: 0.1, version, levels });
        let online = Some(16);
        Budget { online, affinity: Some((0..cpus).collect()), quota, ..Budget::default() }
    }

    fn answers(budget: &Budget) -> Vec<u32> {
        counts(budget).into_iter().map(|count| count.count).collect()
    }

    #[test]
    fn without_a_quota_only_the_mask_divides_them() {
        assert_eq!(answers(&budget(8, &[], 2)), [8, 8, 8, 8, 8, 8, 16, 8, 8, 8, 8]);
    }

    #[test]
    fn one_and_a_half_cpus_are_one_or_two_or_all() {
        let container = budget(8, &[(1.5, true, true)], 2);
        assert_eq!(answers(&container), [1, 2, 2, 2, 2, 1, 16, 8, 2, 8, 2]);
    }

    #[test]
    fn half_a_cpu_shows_the_floors() {
        let container = budget(8, &[(0.5, true, true)], 2);
        assert_eq!(answers(&container), [1, 1, 2, 1, 1, 8, 16, 8, 1, 8, 1]);
    }

    #[test]
    fn a_quota_above_the_own_group_is_seen_by_those_who_walk_up() {
        let slice = budget(8, &[(4.0, false, false)], 2);
        assert_eq!(answers(&slice), [4, 8, 8, 4, 4, 4, 16, 8, 8, 8, 4]);
    }

    #[test]
    fn nproc_knows_version_two_only() {
        assert_eq!(answers(&budget(8, &[(1.5, true, true)], 1))[10], 8);
    }

    #[test]
    fn nothing_known_gives_no_answer() {
        assert!(counts(&Budget::default()).is_empty());
        let masked = Budget { online: None, ..budget(4, &[], 2) };
        let names: Vec<String> = counts(&masked).into_iter().map(|count| count.name).collect();
        assert!(!names.contains(&"Python: os.cpu_count".to_owned()), "{names:?}");
        assert_eq!(names.len(), RULES.len() - 1);
    }
}
