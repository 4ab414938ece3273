//! Expressions: what `decide` makes of their outcome.

use super::check;
