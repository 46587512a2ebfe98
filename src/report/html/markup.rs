//! Markup that can only be made of constants and of escaped text.

use crate::plot::Scene;
use crate::plot::page;

/// A piece of a page. Raw markup must be `'static`, so that nothing from outside gets in but
/// through [`Markup::text`].
#[derive(Debug, Default)]
pub(crate) struct Markup(String);

impl Markup {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Markup that stands in the source of knee.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text from anywhere. It is also safe within a quoted attribute.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&page::escape(text));
        self
    }

    /// `before`, text, `after`.
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
