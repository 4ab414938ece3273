//! Expressions and templates: `${{ }}` over the state of a run, evaluated by `decide` only.

/// A compiled condition.
#[derive(Debug)]
pub struct Condition;

/// A compiled template.
#[derive(Debug)]
pub struct Template;
