//! Splits a heading into its words, the text in brackets, and a number at its end.

/// The words of a name in lower case: `maxWorkers_2` gives `max`, `workers`, `2`.
pub(in crate::import) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for character in name.chars() {
        let kind = |c: char| (c.is_alphabetic(), c.is_numeric());
        let new_word =
            kind(character) != kind(last) || (last.is_lowercase() && character.is_uppercase());
        if character.is_alphanumeric() {
            match words.last_mut().filter(|_| !new_word) {
                Some(word) => word.extend(character.to_lowercase()),
                None => words.push(character.to_lowercase().collect()),
            }
        }
        last = character;
    }
    words
}

/// A heading without its brackets, and the texts in them: `OpenMPI (processes) total (s)` gives
/// `OpenMPI total` with `processes` and `s`.
pub(super) fn brackets(heading: &str) -> (String, Vec<String>) {
    let (mut base, mut inside) = (String::new(), Vec::new());
    let mut rest = heading;
    while let Some(open) = rest.find(['(', '[', '{', '<']) {
        let close = match rest.as_bytes()[open] {
            b'(' => ')',
            b'[' => ']',
            b'{' => '}',
            _ => '>',
        };
        let Some(end) = rest[open..].find(close) else { break };
        base.push_str(&rest[..open]);
        base.push(' ');
        inside.push(rest[open + 1..open + end].trim().to_owned());
        rest = &rest[open + end + 1..];
    }
    base.push_str(rest);
    (base.trim().to_owned(), inside)
}

/// `run_2` is the second `run`.
pub(super) fn number_at_end(text: &str) -> (&str, Option<u32>) {
    let base = text.trim_end_matches(|c: char| c.is_ascii_digit());
    match text[base.len()..].parse() {
        Ok(number) => (base.trim_end_matches([' ', '_', '-', '.', ':', '#']), Some(number)),
        Err(_) => (text, None),
    }
}

/// A heading without marks of emphasis and code.
pub(super) fn undressed(heading: &str) -> String {
    // `std::` is the standard library of C++ and Rust, not a standard deviation.
    let mut heading = heading.replace("std::", "");
    for command in ["\\textbf{", "\\textit{", "\\emph{", "\\texttt{", "\\mathrm{"] {
        if heading.contains(command) {
            heading = heading.replace(command, "").replace('}', "");
        }
    }
    // `[Workers](address)` is a link.
    if heading.starts_with('[')
        && let Some((text, address)) = heading.split_once("](")
        && address.ends_with(')')
    {
        heading = text[1..].to_owned();
    }
    let plain: String = heading.chars().filter(|c| !matches!(c, '*' | '`' | '"')).collect();
    let plain = without_deviation(&plain);
    let plain = plain.replace("<br>", " ").replace("<br/>", " ").replace("\\#", "#");
    plain.replace("\\_", "_").replace("\\%", "%").trim().to_owned()
}

/// `mean ± CI (ms)` is a heading of means; the deviation is in each cell.
fn without_deviation(heading: &str) -> String {
    let marks = ["\u{b1}", "+/-", "\\pm"];
    let Some((before, after)) = marks.iter().find_map(|mark| heading.split_once(mark)) else {
        return heading.to_owned();
    };
    let unit = after.find(['(', '[']).map_or("", |at| &after[at..]);
    if before.trim().is_empty() { heading.to_owned() } else { format!("{before}{unit}") }
}

/// `B/op`, `allocs/op`: the cost of one operation.
pub(super) fn is_per_operation(heading: &str) -> bool {
    let Some((_, operation)) = heading.rsplit_once('/') else { return false };
    ["op", "iter", "iteration", "call", "req", "request"].contains(&operation.trim())
}

/// `p99`, `95th percentile`.
pub(super) fn is_percentile(heading: &str) -> bool {
    let words = words(heading);
    let numbered = |text: &str| text.parse::<u32>().is_ok();
    words.windows(2).any(|pair| pair[0] == "p" && numbered(&pair[1]) && pair[1].len() > 1)
        || words.windows(2).any(|pair| numbered(&pair[0]) && pair[1] == "th")
}
