//! The user's own programs in findings: their language, and their command line with a count filled
//! in.

use crate::analysis::findings::WorkloadFindings;
use crate::plan::Language;

/// The placeholder for the count in the command line of a program that is parallel in itself.
pub(super) fn swept(workload: &WorkloadFindings) -> Option<&str> {
    workload.params.get("sweep").map(String::as_str).filter(|word| !word.is_empty())
}

/// The command line of a program that is parallel in itself, with `n` in place of the count.
pub(super) fn filled_in(workload: &WorkloadFindings, n: &str) -> Option<String> {
    let word = swept(workload)?;
    let line: Vec<String> = words(workload)?.iter().map(|part| part.replace(word, n)).collect();
    shlex::try_join(line.iter().map(String::as_str)).ok()
}

/// The name of the program, without its directory; `None` if the work is not a program.
pub(super) fn name(workload: &WorkloadFindings) -> Option<String> {
    let words = words(workload)?;
    words.first()?.rsplit('/').next().map(str::to_owned)
}

/// The language of the work, as far as its command line shows.
pub(super) fn language(workload: &WorkloadFindings) -> Language {
    if workload.workload == "function" {
        let python = workload.params.get("language").is_some_and(|name| name == "python");
        return if python { Language::Python } else { Language::Any };
    }
    match name(workload) {
        None => Language::Rust,
        Some(name) if name.starts_with("python") || name.starts_with("pypy") => Language::Python,
        Some(_) => Language::Any,
    }
}

/// The words of the command line.
fn words(workload: &WorkloadFindings) -> Option<Vec<String>> {
    // With a server under load, the server is told the count.
    let server = workload.params.get("server").filter(|line| !line.is_empty());
    serde_json::from_str(server.or_else(|| workload.params.get("argv"))?).ok()
}
