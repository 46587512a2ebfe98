//! Tests that every public name of the crates is in a list.
//!
//! A change of the list is a change of the interface, and belongs into the change log. If something
//! is gone or differs, it belongs into the next incompatible version. After a wanted change, write
//! the lists again: `KNEE_PUBLIC_API=write cargo test --test public_api`.
//!
//! Everything that is `pub` counts, in any module: the lint `unreachable_pub` makes sure that all
//! public items can be reached.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, TraitItem, Visibility};

/// A crate: the file of its list, its sources, and the modules that are not part of the promise.
const CRATES: [(&str, &str, &[&str]); 3] = [
    ("knee", "src", &["clock", "folder", "plot", "rng", "stats", "units"]),
    ("knee-process", "process/src", &[]),
    ("knee-workloads", "workloads", &[]),
];
/// Folders beside the sources that hold separate programs.
const NO_SOURCES: [&str; 4] = ["tests", "examples", "benches", "bin"];

#[test]
fn nothing_public_comes_goes_or_changes_unseen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, folder, hidden) in CRATES {
        let found = names(&root.join(folder), hidden);
        let list = root.join(format!("tests/public-api/{name}.txt"));
        if std::env::var_os("KNEE_PUBLIC_API").is_some_and(|wish| wish == "write") {
            fs::write(&list, format!("{}\n", found.join("\n"))).unwrap();
        }
        let known = fs::read_to_string(&list).unwrap();
        let (known, found): (BTreeSet<&str>, BTreeSet<&str>) =
            (known.lines().collect(), found.iter().map(String::as_str).collect());
        let gone: Vec<_> = known.difference(&found).collect();
        let new: Vec<_> = found.difference(&known).collect();
        assert!(
            gone.is_empty() && new.is_empty(),
            "{name}: gone: {gone:#?}\nnew: {new:#?}\nis that wanted? the head of {} says how to go \
             on",
            file!()
        );
    }
}

#[test]
fn what_is_public_is_seen_and_what_is_not_is_left_out() {
    let text = "
        pub struct Point { pub x: f64, y: f64 }
        #[non_exhaustive]
        pub enum Side { Left, Right(u8) }
        impl Point { pub fn new(x: f64) -> Self { Self { x, y: 0.0 } } fn hidden(&self) {} }
        struct Own;
        impl Own { pub fn no(&self) {} }
        pub(crate) fn inner() {}
        #[cfg(test)]
        mod tests { pub fn no() {} }
        #[doc(hidden)]
        pub fn unpromised() {}
        pub trait Shape { const N: usize; fn area(&self) -> f64 { 0.0 } }
    ";
    let mut found = Vec::new();
    list(&syn::parse_file(text).unwrap().items, &mut found);
    assert_eq!(
        found,
        [
            "struct Point",
            "Point.x: f64",
            "#[non_exhaustive] enum Side",
            "Side::Left",
            "Side::Right(u8)",
            "Point::fn new(x: f64) -> Self",
            "trait Shape",
            "Shape::const N: usize",
            "Shape::fn area(&self) -> f64",
        ]
    );
}

/// All public names below a folder, each with its module.
fn names(folder: &Path, hidden: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for file in sources(folder) {
        let within = file.strip_prefix(folder).unwrap().with_extension("");
        let mut module: Vec<&str> = within.iter().filter_map(|part| part.to_str()).collect();
        if module.first().is_some_and(|first| hidden.contains(first)) {
            continue;
        }
        module.retain(|part| !["lib", "mod"].contains(part));
        let mut found = Vec::new();
        list(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap().items, &mut found);
        let module = module.join("::");
        all.extend(found.into_iter().map(|name| format!("{module}: {name}")));
    }
    all.sort();
    all
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !NO_SOURCES.contains(&name) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && !name.ends_with("tests.rs")
            && name != "main.rs"
        {
            found.push(path);
        }
    }
    found
}

/// The public names among items, each in one line.
fn list(items: &[Item], found: &mut Vec<String>) {
    let types: BTreeSet<String> = items.iter().filter_map(public_type).collect();
    for item in items {
        match item {
            Item::Fn(one) if is_promised(&one.vis, &one.attrs) => found.push(text(&one.sig)),
            Item::Const(one) if is_promised(&one.vis, &one.attrs) => {
                found.push(format!("const {}: {}", one.ident, text(&one.ty)));
            }
            Item::Static(one) if is_promised(&one.vis, &one.attrs) => {
                found.push(format!("static {}: {}", one.ident, text(&one.ty)));
            }
            Item::Type(one) if is_promised(&one.vis, &one.attrs) => {
                found.push(format!("type {} = {}", one.ident, text(&one.ty)));
            }
            Item::Use(one) if is_promised(&one.vis, &one.attrs) => {
                found.push(format!("use {}", text(&one.tree)));
            }
            Item::Struct(one) if is_promised(&one.vis, &one.attrs) => {
                let generics = text(&one.generics);
                found.push(format!("{}struct {}{generics}", growing(&one.attrs), one.ident));
                fields(&one.ident.to_string(), &one.fields, found);
            }
            Item::Enum(one) if is_promised(&one.vis, &one.attrs) => {
                let generics = text(&one.generics);
                found.push(format!("{}enum {}{generics}", growing(&one.attrs), one.ident));
                let variants = one.variants.iter();
                found.extend(variants.map(|variant| {
                    let fields = text(&without_attributes(variant.fields.clone()));
                    format!("{}::{}{fields}", one.ident, variant.ident)
                }));
            }
            Item::Trait(one) if is_promised(&one.vis, &one.attrs) => {
                found.push(format!("trait {}{}", one.ident, text(&one.generics)));
                found.extend(one.items.iter().filter_map(|item| {
                    let of_trait = match item {
                        TraitItem::Fn(one) => text(&one.sig),
                        TraitItem::Const(one) => format!("const {}: {}", one.ident, text(&one.ty)),
                        TraitItem::Type(one) => format!("type {}", one.ident),
                        _ => return None,
                    };
                    Some(format!("{}::{of_trait}", one.ident))
                }));
            }
            Item::Impl(one) if one.trait_.is_none() => {
                let own = text(&one.self_ty);
                let name = own.split('<').next().unwrap_or_default().to_owned();
                if !types.contains(&name) {
                    continue;
                }
                found.extend(one.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(one) if is_promised(&one.vis, &one.attrs) => {
                        Some(format!("{own}::{}", text(&one.sig)))
                    }
                    ImplItem::Const(one) if is_promised(&one.vis, &one.attrs) => {
                        Some(format!("{own}::const {}: {}", one.ident, text(&one.ty)))
                    }
                    _ => None,
                }));
            }
            Item::Mod(one) if is_promised(&one.vis, &one.attrs) => {
                found.push(format!("mod {}", one.ident));
                if let Some((_, items)) = &one.content {
                    list(items, found);
                }
            }
            _ => {}
        }
    }
}

fn public_type(item: &Item) -> Option<String> {
    let (vis, attrs, name) = match item {
        Item::Struct(one) => (&one.vis, &one.attrs, &one.ident),
        Item::Enum(one) => (&one.vis, &one.attrs, &one.ident),
        _ => return None,
    };
    is_promised(vis, attrs).then(|| name.to_string())
}

fn fields(of: &str, fields: &Fields, found: &mut Vec<String>) {
    let all = fields.iter().enumerate();
    found.extend(all.filter(|(_, field)| is_promised(&field.vis, &field.attrs)).map(
        |(at, field)| {
            let name = field.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string);
            format!("{of}.{name}: {}", text(&field.ty))
        },
    ));
}

fn without_attributes(mut fields: Fields) -> Fields {
    for field in &mut fields {
        field.attrs.clear();
    }
    fields
}

fn is_promised(vis: &Visibility, attrs: &[Attribute]) -> bool {
    let says = |what: &str| {
        attrs.iter().any(|attribute| {
            let attribute = text(attribute);
            attribute.starts_with("#[cfg") && attribute.contains(what)
                || attribute == format!("#[doc({what})]")
        })
    };
    matches!(vis, Visibility::Public(_)) && !says("test") && !says("hidden")
}

/// The mark of a type that may grow without breaking the promise.
fn growing(attrs: &[Attribute]) -> &'static str {
    let grows = attrs.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
    if grows { "#[non_exhaustive] " } else { "" }
}

/// Tokens roughly as people write them.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (spaced, tight) in [
        (" ::", "::"),
        (":: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("& ", "&"),
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" :", ":"),
        (" ;", ";"),
        ("[ ", "["),
        (" ]", "]"),
        ("# [", "#["),
        ("' ", "'"),
        (" !", "!"),
        (" .", "."),
        ("-> (", "->("),
        ("->(", "-> ("),
        (" - >", " ->"),
        ("->", "->"),
    ] {
        text = text.replace(spaced, tight);
    }
    // The list of a signature may end with a comma.
    text.replace(",)", ")")
        .replace(", )", ")")
        .replace(" ->", "->")
        .replace("->", " -> ")
        .replace("  ", " ")
}
