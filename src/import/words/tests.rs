//! Tests of headings.
