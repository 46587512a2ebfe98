//! Tests of the HTML page, read as a browser reads it.

use base64::Engine as _;
use html5gum::{Token, Tokenizer};
use knee::plot::page::escape;
use knee::report::html;
use proptest::prelude::*;
use sha2::Digest as _;

use super::{every_shape, fake};

/// Every element that the page may have.
const ELEMENTS: &[&str] = &[
    "a",
    "b",
    "body",
    "code",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "li",
    "main",
    "meta",
    "p",
    "path",
    "pre",
    "script",
    "section",
    "small",
    "span",
    "strong",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];
/// Every attribute that these elements may have.
const ATTRIBUTES: &[&str] = &[
    "aria-label",
    "aria-live",
    "charset",
    "class",
    "content",
    "cx",
    "cy",
    "d",
    "data-probes",
    "data-span",
    "hidden",
    "href",
    "http-equiv",
    "id",
    "lang",
    "name",
    "opacity",
    "r",
    "role",
    "scope",
    "stroke-width",
    "tabindex",
    "viewbox",
    "x",
    "y",
];

/// The page without its style and its script, which this simple tokenizer would take for markup.
fn without_code(page: &str) -> String {
    let (before, rest) = page.split_once("<style>").expect("there is a style");
    let (_, rest) = rest.split_once("</style>").expect("it ends");
    let (body, rest) = rest.rsplit_once("<script>").expect("there is a script");
    let (_, after) = rest.split_once("</script>").expect("it ends");
    format!("{before}<style></style>{body}<script></script>{after}")
}

/// The opening tags of some markup, each with its attributes.
fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("pages are UTF-8");
    Tokenizer::new(page)
        .filter_map(|token| match token.expect("a string cannot fail to be read") {
            Token::StartTag(tag) => {
                let attributes =
                    tag.attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
                Some((text(&tag.name), attributes))
            }
            Token::Error(error) => panic!("the page is not well formed: {error:?}"),
            _ => None,
        })
        .collect()
}

#[test]
fn whatever_the_names_are_the_page_has_only_our_own_elements() {
    for (name, findings) in every_shape() {
        let facts = [(fake::HOSTILE[0].to_owned(), fake::HOSTILE[1].to_owned())];
        let tags = tags(&without_code(&html::page(&findings, &facts)));
        for (element, attributes) in &tags {
            assert!(ELEMENTS.contains(&element.as_str()), "{name}: <{element}>");
            for (attribute, value) in attributes {
                assert!(ATTRIBUTES.contains(&attribute.as_str()), "{name}: {element} {attribute}");
                assert!(attribute != "href" || value.starts_with("#w"), "{name}: {value}");
            }
        }
        for once in ["script", "style", "main", "html"] {
            assert_eq!(tags.iter().filter(|(tag, _)| tag == once).count(), 1, "{name}: <{once}>");
        }
    }
}

#[test]
fn hostile_names_change_no_element() {
    let elements = |findings| {
        tags(&without_code(&html::page(&findings, &[]))).into_iter().map(|(tag, _)| tag).collect()
    };
    let mut harmless = fake::single();
    let mut hostile = harmless.clone();
    harmless.workloads[0].label = "harmless".to_owned();
    harmless.workloads[0].curves[0].name = "some mode".to_owned();
    for name in fake::HOSTILE.iter().filter(|name| !name.is_empty()) {
        (*name).clone_into(&mut hostile.workloads[0].label);
        (*name).clone_into(&mut hostile.workloads[0].curves[0].name);
        let (one, other): (Vec<String>, Vec<String>) =
            (elements(harmless.clone()), elements(hostile.clone()));
        // Parameters in a label are shown on a line of their own.
        assert_eq!(one, other, "{name:?}");
    }
}

#[test]
fn the_page_loads_nothing_and_allows_only_its_own_script() {
    let page = html::page(&fake::small(), &[]);
    for outside in ["http://", "https://", "//cdn", "@import", "url(", "src="] {
        let allowed = page.matches("http://www.w3.org/2000/svg").count();
        let expected = if outside == "http://" { allowed } else { 0 };
        assert_eq!(page.matches(outside).count(), expected, "{outside}");
    }
    let (_, script) = page.split_once("<script>").expect("there is a script");
    let (script, _) = script.split_once("</script>").expect("it ends");
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(script));
    assert!(
        page.contains(&format!("script-src 'sha256-{hash}'")),
        "report.js has changed: its hash in report.html must become sha256-{hash}"
    );
}

#[test]
fn the_page_is_the_same_every_time_and_small() {
    let mut findings = fake::small();
    for workload in &mut findings.workloads {
        let third = workload.curves[0].clone();
        workload.curves.push(knee::analysis::findings::Curve { name: "async".to_owned(), ..third });
    }
    let page = html::page(&findings, &[]);
    assert_eq!(page, html::page(&findings, &[]));
    assert!(page.len() < 1_000_000, "{} bytes for 13 workloads", page.len());
}

#[test]
fn a_reader_finds_what_a_decision_needs() {
    let page = html::page(&fake::small(), &[("kernel".to_owned(), "6.18".to_owned())]);
    for needed in [
        "<strong>2 workers</strong>, <span class=\"mode\">threads</span>",
        "process-pool 3 % behind",
        "not settled",
        "at most 12 % better elsewhere",
        "1 answer is not settled; to settle it: --budget 90s",
        "4 workers: 2.8 % more, at 3 times the p99",
        "98 % of each usable core busy",
        "as good: 2-4",
        "knee: 2 workers",
        "2 usable cores",
        "ideal (linear)",
        "Saturation law, 95 % band",
        "textbook: 20 workers",
        "break-even",
        "10.3 1080p25 streams",
        "91 % of the ceiling",
        "12 workers for p99 &lt;= 20ms, which costs 31 %",
        "killed by signal 9",
        "give a directory on a disk: file:dir=PATH",
        "knee run --seed 42",
        "<dt>kernel</dt><dd>6.18</dd>",
        "RAYON_NUM_THREADS=2",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
}

#[test]
fn figures_that_do_not_exist_are_not_written_as_numbers() {
    for (name, findings) in every_shape() {
        let page = html::page(&findings, &[]);
        for wrong in ["NaN", "inf,", ">inf", "-inf"] {
            assert!(!page.contains(wrong), "{name}: {wrong}");
        }
    }
}

proptest! {
    #[test]
    fn escaped_text_is_text(text in "\\PC*|[<>&\"'`=/a-z \u{0}-\u{1f}]{0,40}") {
        let escaped = escape(&text);
        for sign in ['<', '>', '"', '\'', '`'] {
            prop_assert!(!escaped.contains(sign));
        }
        prop_assert!(!escaped.chars().any(char::is_control));
        let page = format!("<p title=\"{escaped}\" class='{escaped}'>{escaped}</p>");
        let tags = tags(&page);
        prop_assert_eq!(tags.len(), 1);
        prop_assert_eq!(tags[0].0.as_str(), "p");
        prop_assert_eq!(tags[0].1.len(), 2);
        let shown = knee::plot::label::visible(&text);
        prop_assert_eq!(&tags[0].1[0].1, &shown);
        prop_assert_eq!(&tags[0].1[1].1, &shown);
    }
}
