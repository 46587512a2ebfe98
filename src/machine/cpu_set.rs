//! A set of CPU numbers, written as the kernel writes it: `0-3,8`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest CPU number that is accepted. Linux can be built for an eighth of that (8192 on
/// x86-64).
///
/// A list is text from outside. Without a limit, `0-4294967295` would fill the memory.
pub const MAX_CPU: u32 = 65_535;

/// A set of CPU numbers.
///
/// Its text form is the kernel's list format (`Documentation/admin-guide/cputopology.rst`): numbers
/// and inclusive ranges, separated by commas. That is also what taskset, cpusets and sysfs use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct CpuSet(BTreeSet<u32>);

/// Why a text is not a list of CPUs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuSetError {
    /// A part is neither a number nor a range.
    #[error("`{0}` is neither a CPU number nor a range: write for example 0-3,8")]
    NotANumber(String),
    /// A range ends before it begins.
    #[error("the range `{0}` ends before it begins")]
    Reversed(String),
    /// A number is larger than any CPU's.
    #[error("there is no CPU {0}: numbers end at {MAX_CPU}")]
    TooLarge(u32),
}

impl CpuSet {
    /// The CPUs in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// How many CPUs it holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it holds this CPU.
    pub fn contains(&self, cpu: u32) -> bool {
        self.0.contains(&cpu)
    }

    /// The smallest CPU number.
    pub fn first(&self) -> Option<u32> {
        self.0.first().copied()
    }

    /// The CPUs that both hold.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// The CPUs of this set that the other lacks.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).copied().collect())
    }
}

impl FromIterator<u32> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u32>>(cpus: I) -> Self {
        Self(cpus.into_iter().collect())
    }
}

impl FromStr for CpuSet {
    type Err = CpuSetError;

    fn from_str(text: &str) -> Result<Self, CpuSetError> {
        let mut cpus = BTreeSet::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let not_a_number = || CpuSetError::NotANumber(part.chars().take(40).collect());
            let number = |text: &str| text.trim().parse::<u32>().map_err(|_| not_a_number());
            let (low, high) = match part.split_once('-') {
                Some((low, high)) => (number(low)?, number(high)?),
                None => (number(part)?, number(part)?),
            };
            if high < low {
                return Err(CpuSetError::Reversed(part.to_owned()));
            }
            if high > MAX_CPU {
                return Err(CpuSetError::TooLarge(high));
            }
            cpus.extend(low..=high);
        }
        Ok(Self(cpus))
    }
}

impl TryFrom<String> for CpuSet {
    type Error = CpuSetError;

    fn try_from(text: String) -> Result<Self, CpuSetError> {
        text.parse()
    }
}

impl From<CpuSet> for String {
    fn from(set: CpuSet) -> Self {
        set.to_string()
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cpus = self.0.iter().copied().peekable();
        let mut separator = "";
        while let Some(low) = cpus.next() {
            let mut high = low;
            while cpus.next_if_eq(&(high + 1)).is_some() {
                high += 1;
            }
            match high - low {
                0 => write!(f, "{separator}{low}")?,
                _ => write!(f, "{separator}{low}-{high}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_and_ranges_are_read_and_written_as_the_kernel_does() {
        let set: CpuSet = "8,0-3, 5\n".parse().unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 5, 8]);
        assert_eq!(set.to_string(), "0-3,5,8");
        assert_eq!("".parse::<CpuSet>().unwrap().to_string(), "");
    }

    #[test]
    fn what_is_no_list_is_refused_with_the_part_that_is_wrong() {
        for (text, message) in [
            ("0,a", "`a` is neither"),
            ("0--3", "`0--3` is neither"),
            ("-1", "`-1` is neither"),
            ("3-1", "`3-1` ends before"),
            ("0-4294967295", "no CPU 4294967295"),
            ("99999999999", "`99999999999` is neither"),
        ] {
            let error = text.parse::<CpuSet>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_set_survives_its_text(cpus in proptest::collection::btree_set(0..=MAX_CPU, 0..50)) {
            let set: CpuSet = cpus.into_iter().collect();
            prop_assert_eq!(set.to_string().parse::<CpuSet>().unwrap(), set.clone());
            let json = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(serde_json::from_str::<CpuSet>(&json).unwrap(), set);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9,\\- a]{0,12}") {
            if let Ok(set) = text.parse::<CpuSet>() {
                prop_assert!(set.len() <= MAX_CPU as usize + 1);
            }
        }
    }
}
