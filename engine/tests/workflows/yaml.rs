//! Workflows as YAML: the same events, but for the hash of the definition.
#![cfg(feature = "yaml")]

use nexus_engine::prelude::*;

use crate::order::order;

#[test]
fn a_closure_cannot_be_written_and_is_named() {
    let error = order().unwrap().to_yaml().unwrap_err();
    assert_eq!(error.code(), Some("NX1191"));
    let expected = "workflow `order` cannot be used\n  NX1191: step `approve` holds a closure, which cannot be written as YAML; write its condition with `when_expr`, and its work as a function";
    assert_eq!(error.to_string(), expected);
    let _: Error = error;
}
