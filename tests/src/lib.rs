//! Whole-system tests by kind.
