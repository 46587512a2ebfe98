//! Nodes as the second axis: the number of hosts over which the crews of an entry are spread.

use knee_workloads::Workload;

use super::{Also, Entry, Named, PlanError, parse};

/// The name of the axis.
pub const AXIS: &str = "nodes";
/// Workloads that cannot be spread, because their workers share something in the memory of one
/// host.
const ONE_HOST: &[(&str, &str)] = &[
    ("lock", "its workers share one lock"),
    ("queue", "its workers share one queue"),
    ("pipe", "its workers share pipes"),
    ("server", "it has one host"),
];

/// Reads the numbers of nodes: `1,2,4` or `1-3`.
///
/// # Errors
/// The text is not a list of numbers.
pub fn numbers(text: &str) -> Result<Vec<usize>, PlanError> {
    match parse::counts(text) {
        Ok(super::Counts::List(list)) => Ok(list),
        Ok(super::Counts::Auto) => {
            Err(PlanError::Usage("--nodes auto: name the numbers, such as 1,2,4".to_owned()))
        }
        Err(_) => Err(PlanError::Usage(format!(
            "--nodes {text}: write numbers from 1 on, such as 1,2,4 or 1-4"
        ))),
    }
}

/// Why a workload cannot be spread over nodes; `None` where it can.
pub(super) fn objection(workload: &dyn Workload) -> Option<String> {
    let name = workload.meta().name;
    let (_, why) = ONE_HOST.iter().find(|(known, _)| *known == name)?;
    Some(format!("{name} stays on one host: {why}; measure it without --nodes"))
}

/// Which host serves a workload that needs a server or a directory. Returns a note for the user,
/// and how to choose otherwise; `None` for other workloads.
pub fn served(entry: &Entry) -> Option<(String, &'static str)> {
    let own = |name: &str| Some(entry.params.text(name)).filter(|text| !text.is_empty());
    match entry.workload.as_str() {
        "network" => Some(match own("url") {
            Some(url) => (
                format!("network: all nodes ask {url}"),
                "without url= each asks a server of its own",
            ),
            None => (
                "network: each node asks a server of its own, on its own loopback".to_owned(),
                "to have all nodes ask one server, name it with url=",
            ),
        }),
        "file" => Some((
            format!(
                "file: each node uses the directory {} as it is there: on its own disk, or on a \
                 file system that all share",
                own("dir").unwrap_or(".")
            ),
            "to measure the other one, name a directory there with dir=",
        )),
        _ => None,
    }
}

/// Copies the wanted thing once for each number of nodes.
pub(super) fn spread(want: &Named, nodes: &[usize], axis: usize) -> Vec<(Named, Also)> {
    let one = |count: &usize| {
        let (name, value) = (AXIS.to_owned(), count.to_string());
        (want.clone(), Also { name, value, axis, multiplies: true })
    };
    nodes.iter().map(one).collect()
}
