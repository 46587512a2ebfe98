//! The JSON Schema of a record's lines, derived from the types that are read and written.

use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::Line;

/// The JSON form of [`Note`](knee_workloads::Note). The workloads' crate does not know schemas.
#[derive(JsonSchema)]
#[schemars(rename = "Note")]
#[expect(dead_code, reason = "It lends its shape and holds nothing.")]
pub(super) struct NoteShape {
    /// Whether the remark warns that the figure does not mean what its name says.
    warning: bool,
    /// The remark.
    text: String,
    /// What to do about it; empty if nothing needs to be done.
    remedy: String,
}

/// The JSON form of [`Ceiling`](knee_workloads::Ceiling).
#[derive(JsonSchema)]
#[schemars(rename = "Ceiling")]
#[expect(dead_code, reason = "It lends its shape and holds nothing.")]
pub(super) struct CeilingShape {
    /// Units per second of one core.
    units_per_second: f64,
    /// Where the figure comes from.
    source: String,
}

/// The JSON Schema of each line of a record.
pub fn schema() -> Schema {
    let mut schema = schemars::schema_for!(Line);
    schema.insert("title".into(), "A line of a record of knee".into());
    schema.insert(
        "description".into(),
        "A record is JSON Lines: a header first, then one line per event. `crc` is the CRC-32 of \
         what stands before it."
            .into(),
    );
    if let Some(Value::Array(kinds)) = schema.get_mut("oneOf") {
        for kind in kinds {
            kind["properties"]["crc"] = json!({"type": "string", "pattern": "^[0-9a-f]{8}$"});
            if let Value::Array(required) = &mut kind["required"] {
                required.push("crc".into());
            }
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use knee_workloads::{Ceiling, Note};

    use super::*;

    /// The field names of an object, and the field names of its schema.
    fn fields(value: &impl serde::Serialize, schema: &Schema) -> [BTreeSet<String>; 2] {
        let value = serde_json::to_value(value).unwrap();
        let names = |object: &Value| object.as_object().unwrap().keys().cloned().collect();
        [names(&value), names(&schema.as_value()["properties"])]
    }

    #[test]
    fn lent_shapes_are_those_of_the_workloads() {
        let note = Note { warning: true, text: "a".into(), remedy: "b".into() };
        let [written, told] = fields(&note, &schemars::schema_for!(NoteShape));
        assert_eq!(written, told);
        let ceiling = Ceiling { units_per_second: 1.0, source: "a".into() };
        let [written, told] = fields(&ceiling, &schemars::schema_for!(CeilingShape));
        assert_eq!(written, told);
    }

    #[test]
    fn every_kind_of_line_has_a_checksum() {
        let schema = schema();
        let kinds = schema.as_value()["oneOf"].as_array().unwrap();
        assert!(kinds.len() >= 6);
        for kind in kinds {
            assert_eq!(kind["properties"]["crc"]["type"], "string", "{kind}");
            assert!(kind["required"].as_array().unwrap().contains(&"crc".into()), "{kind}");
        }
    }
}
