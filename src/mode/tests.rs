//! Checks of every mode.

use crate::plan::Mode;

#[test]
fn each_mode_has_its_row_in_the_table_of_the_documentation() {
    let page = include_str!("README.md");
    for mode in Mode::all() {
        let row = mode.description();
        let line = format!("| `{}` | {} | {} |", row.name, row.before, row.inside);
        assert!(page.contains(&line), "src/mode/README.md lacks: {line}");
    }
}
