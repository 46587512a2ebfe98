//! Whether a bench is to measure.

/// Whether cargo wants figures (`cargo bench`), or only a check that everything runs (`cargo test
/// --benches`).
pub(crate) fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
