//! Layouts of text as people write them, and bytes that are no table.

use proptest::prelude::*;

use super::Table;
use super::cell::{self, Cell, Decimal};
use super::decimal::Usual;

fn rows(text: &str) -> Vec<Vec<&'static str>> {
    let table: &'static Table = Box::leak(Box::new(Table::of(text).expect("it is a table")));
    table.rows().map(|row| row.fields().collect()).collect()
}

#[test]
fn every_layout_gives_the_same_rows() {
    let expected = vec![vec!["a", "b"], vec!["1", "2"], vec!["3", "4"]];
    for text in [
        "a,b\n1,2\n3,4",
        "a;b\n1;2\n3;4\n",
        "a\tb\r\n1\t2\r\n3\t4\r\n",
        "a  b\n1  2\n 3 4 ",
        "sep=;\na;b\n1;2\n3;4",
        "\na , b,,\n\n#c\n1,2,,\n3,4,,\n",
        "| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n",
        " a | b\n---+---\n 1 | 2\n 3 | 4\n",
        "> a,b\n> 1,2\n> 3,4\n",
        "\u{2502} a \u{2502} b \u{2502}\n\u{2502} 1 \u{2502} 2 \u{2502}\n\u{2502} 3 \u{2502} \
         4 \u{2502}",
    ] {
        assert_eq!(rows(text), expected, "{text:?}");
    }
    let latex = "a & b \\\\\n\\hline\n1 & 2 \\\\\n3 & 4 \\\\\n";
    assert_eq!(rows(latex), expected);
    assert_eq!(rows("\"a,b\";1\n\"c\"\"d\";2"), vec![vec!["a,b", "1"], vec!["c\"d", "2"]]);
}

#[test]
fn headings_with_blanks_are_found_above_their_columns() {
    let expected = vec![vec!["number of threads", "time (s)"], vec!["1", "8.1"], vec!["2", "4.2"]];
    assert_eq!(rows("number of threads   time (s)\n1   8.1\n2   4.2\n"), expected);
    assert_eq!(rows("threads time (s)\n1 8.1\n2 4.2\n")[0], ["threads", "time (s)"]);
    assert_eq!(rows("   threads  time\n0  1  8.1\n1  2  4.2\n")[0], ["", "threads", "time"]);
}

#[test]
fn cells_hold_what_people_write() {
    let number = |text: &str| match cell::parse(text, Decimal::Point) {
        Cell::Number(figure) => figure.value,
        other => panic!("{text:?} is {other:?}"),
    };
    for (text, expected) in [
        ("26s", 26.0),
        ("640 ms", 0.64),
        ("4.10 \u{3bc}s", 4.1e-6),
        ("22m 50s", 1370.0),
        ("0m8.123s", 8.123),
        ("02:10:41", 7841.0),
        ("1-00:00:01", 86_401.0),
        ("5.9x", 5.9),
        ("18%", 0.18),
        ("2.65k", 2650.0),
        ("1,234,567.5", 1_234_567.5),
        ("1'234", 1234.0),
        ("102.4 \u{b1} 1.9", 102.4),
        ("8 threads", 8.0),
        ("**1.5**", 1.5),
        ("1e3", 1000.0),
    ] {
        assert!((number(text) / expected - 1.0).abs() < 1e-12, "{text}: {}", number(text));
    }
    for text in ["", "-", "OOM", "N/A", "timeout", "failed (exit 1)", "NaN"] {
        let empty = matches!(cell::parse(text, Decimal::Point), Cell::Missing);
        assert!(empty || text == "NaN", "{text}");
    }
    for text in [".NET 8.0", "2025-01-01", "v1.2", "red"] {
        assert_eq!(cell::parse(text, Decimal::Point), Cell::Text, "{text}");
    }
}

#[test]
fn decimal_marks_are_told_by_the_numbers_of_a_column() {
    let of =
        |cells: &[&'static str], usual: Option<Decimal>| Decimal::of(cells.iter().copied(), usual);
    assert_eq!(of(&["64,9", "995,123"], None), (Decimal::Comma, None));
    assert_eq!(of(&["1,234.5"], None), (Decimal::Point, None));
    assert_eq!(of(&["1.234,5"], None), (Decimal::Comma, None));
    let (decimal, guess) = of(&["1,234"], None);
    assert_eq!((decimal, guess.is_some()), (Decimal::Point, true));
    let (decimal, guess) = of(&["812", "1.590", "2.950"], None);
    assert_eq!((decimal, guess.is_some()), (Decimal::Comma, true));
    for cells in [&["812 ms", "1.590 s"][..], &["812", "420.125"], &["0.812", "1.590"]] {
        assert_eq!(of(cells, None), (Decimal::Point, None), "{cells:?}");
    }
    let shown = Usual { decimal: Some(Decimal::Comma), is_shown: true };
    let by_others = |cells: &[&'static str]| Decimal::of(cells.iter().copied(), shown);
    assert_eq!(by_others(&["5.120", "2.610"]), (Decimal::Comma, None));
    assert_eq!(by_others(&["1 024,5", "2 010,0"]), (Decimal::Comma, None));
    assert_eq!(of(&["1,234"], Some(Decimal::Comma)), (Decimal::Comma, None));
}

#[test]
fn a_row_that_is_longer_is_named() {
    let error = Table::of("a,b\n1,2\n\n3,4,5\n").expect_err("a row is too long");
    assert_eq!(error.to_string(), "line 4: has 3 fields, but the first row has 2");
}

proptest! {
    #[test]
    fn a_plain_number_is_what_any_parser_makes_of_it(text in "[0-9]{1,12}(\\.[0-9]{0,12})?") {
        let Cell::Number(figure) = cell::parse(&text, Decimal::Point) else { panic!("{text}") };
        prop_assert_eq!(figure.value.to_bits(), text.parse::<f64>().unwrap().to_bits());
    }

    #[test]
    fn no_text_breaks_a_table_or_a_cell(text in any::<String>(), lines in "([0-9a|,;& \
        >\\-]{0,12}\n){0,12}") {
        for text in [text, lines] {
            let _ = Table::of(&text);
            let _ = (cell::parse(&text, Decimal::Point), cell::parse(&text, Decimal::Comma));
        }
    }
}
