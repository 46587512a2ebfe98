//! Findings for programs.

use schemars::Schema;

use crate::analysis::findings::Findings;

/// Findings as JSON, indented, with a newline at the end. Figures that are not finite become `null`.
///
/// # Errors
/// Never for findings; the serializer's signature allows for it.
pub fn findings(findings: &Findings) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(findings)?;
    text.push('\n');
    Ok(text)
}

/// The JSON Schema that [`findings`] keeps to.
pub fn schema() -> Schema {
    schemars::schema_for!(Findings)
}
