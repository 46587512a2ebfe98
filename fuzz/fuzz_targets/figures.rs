//! Any lines with right checksums: a record that can be read can be analysed and shown.

#![no_main]

use std::path::Path;

use knee::analysis::{analyse, findings::Findings};
use knee::record::read_from;
use knee::report::{html, json, markdown};
use libfuzzer_sys::fuzz_target;

/// Every line with a right checksum.
fn with_checksums(text: &str) -> String {
    let checked = |line: &str| {
        let end = line.rfind(",\"crc\":\"").or_else(|| line.rfind('}')).unwrap_or(line.len());
        let content = &line[..end];
        format!("{content},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(content.as_bytes()))
    };
    text.lines().map(checked).collect()
}

fuzz_target!(|text: &str| {
    let lines = with_checksums(text);
    let Ok(record) = read_from(lines.as_bytes(), Path::new("fuzz")) else { return };
    let findings = analyse(&record);
    let text = json::findings(&findings).expect("findings are plain data");
    // A NaN would be written as null and could not be read back.
    assert!(serde_json::from_str::<Findings>(&text).is_ok(), "{text}");
    let _ = html::page(&findings, &[]);
    let _ = markdown::summary(&findings);
});
