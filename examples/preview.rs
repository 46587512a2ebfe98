//! Writes plots and reports of planted findings, so that people can look at them: `cargo run
//! --example preview -- target/preview`; or of given findings: `.. -- target/preview
//! findings.json`.

#[path = "../tests/support/fake/mod.rs"]
mod fake;

use std::path::PathBuf;

use knee::record::Readers;
use knee::report::terminal::{self, Style};

fn is_json(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|ending| ending == "json")
}

/// Reads findings from a file.
fn read(path: &str) -> knee::analysis::findings::Findings {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    serde_json::from_str(&text).expect("it holds findings")
}

/// Prints what a terminal would show: `preview terminal [WIDTH] [SHAPE or findings.json] [ascii]
/// [color]`.
fn show(arguments: &[String]) -> std::io::Result<()> {
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let style = Style {
        width: arguments.first().and_then(|width| width.parse().ok()),
        color: has("color"),
        unicode: !has("ascii"),
    };
    let findings = match arguments.get(1).map(String::as_str) {
        Some("large") => fake::large(),
        Some("foreign") => fake::foreign(),
        Some("single") => fake::single(),
        Some("broken") => fake::broken(),
        Some("hostile") => fake::hostile(),
        Some("absurd") => fake::absurd(),
        Some(path) if is_json(path) => read(path),
        _ => fake::small(),
    };
    terminal::write(&mut std::io::stdout().lock(), &findings, &style)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "terminal") {
        return Ok(show(&arguments[1..])?);
    }
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give a directory to write to")?);
    std::fs::create_dir_all(&folder)?;
    if let Some(path) = arguments.get(1).filter(|path| is_json(path)) {
        knee::report::write_all(&folder, &read(path), &[], Readers::All)?;
        return Ok(());
    }
    for (name, findings) in [
        ("small", fake::small()),
        ("large", fake::large()),
        ("foreign", fake::foreign()),
        ("single", fake::single()),
        ("broken", fake::broken()),
        ("absurd", fake::absurd()),
        ("hostile", fake::hostile()),
    ] {
        let begun = std::time::Instant::now();
        let page = knee::report::html::page(&findings, &[]);
        println!("{name}: page of {} kB in {:.1?}", page.len() / 1000, begun.elapsed());
        let begun = std::time::Instant::now();
        let paths = knee::report::write_all(&folder.join(name), &findings, &[], Readers::All)?;
        println!("{name}: {} files in {:.1?}", paths.len(), begun.elapsed());
    }
    Ok(())
}
