//! Markup made only of constants and of escaped text.

use crate::plot::Scene;
use crate::plot::page;

/// A piece of a page. Raw markup must be `'static`, so text from outside can only enter through
/// [`Markup::text`], which escapes it.
#[derive(Debug, Default)]
pub(crate) struct Markup(String);

impl Markup {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds markup from the source code of knee.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text from anywhere, escaped. It is also safe inside a quoted attribute.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&page::escape(text));
        self
    }

    /// Adds `before`, the escaped text, and `after`.
    pub(crate) fn wrap(
        &mut self,
        before: &'static str,
        text: &str,
        after: &'static str,
    ) -> &mut Self {
        self.raw(before).text(text).raw(after)
    }

    pub(crate) fn append(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    pub(crate) fn plot(&mut self, scene: &Scene) -> &mut Self {
        self.0.push_str(&page::svg(scene));
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}
