//! Findings as JSON, for programs.

use schemars::Schema;

use crate::analysis::compare::check::Check;
use crate::analysis::comparison::Comparison;
use crate::analysis::findings::Findings;

/// Findings as JSON, indented, with a newline at the end. Figures that are not finite become
/// `null`.
///
/// # Errors
/// Never for findings; the serializer's signature allows for it.
pub fn findings(findings: &Findings) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(findings)?;
    text.push('\n');
    Ok(text)
}

/// A comparison as JSON, in the same way.
///
/// # Errors
/// As [`findings`].
pub fn comparison(comparison: &Comparison) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(comparison)? + "\n")
}

/// The answer to a check as JSON, in the same way.
///
/// # Errors
/// As [`findings`].
pub fn check(check: &Check) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(check)? + "\n")
}

/// The JSON Schema of [`findings`].
pub fn schema() -> Schema {
    schemars::schema_for!(Findings)
}
