//! Filters that run a filter or a test for each item. They pay for all of it before they begin.

use std::borrow::Cow;

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Error, State, filters};

use super::super::value::weight;
use super::{WORK_MAX, charge};

/// How many items or characters a value has.
pub(super) fn size(value: &Value) -> usize {
    value.as_str().map_or_else(|| value.len().unwrap_or(1), str::len)
}

/// Pays for a filter or test that runs once for each item with these arguments.
pub(super) fn charge_each(
    state: &State<'_, '_>,
    value: &Value,
    arguments: &[Value],
) -> Result<(), Error> {
    let each = arguments
        .iter()
        .fold(1usize, |sum, argument| sum.saturating_add(weight(argument, WORK_MAX)));
    charge(state, size(value).saturating_mul(each))
}

pub(super) fn map(
    state: &mut State<'_, '_>,
    value: Value,
    rest: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    let arguments = rest.into_values();
    charge_each(state, &value, &arguments)?;
    let rest = minijinja::value::from_args::<(Rest<ValueOrKwargs>,)>(&arguments)?.0;
    filters::map(state, value, rest).map(Value::from)
}

macro_rules! selecting {
    ($($name:ident),*) => {$(
        pub(super) fn $name(
            state: &mut State<'_, '_>,
            value: Value,
            test: Option<Cow<'_, str>>,
            rest: Rest<ValueOrKwargs>,
        ) -> Result<Value, Error> {
            let arguments = rest.into_values();
            charge_each(state, &value, &arguments)?;
            let rest = minijinja::value::from_args::<(Rest<ValueOrKwargs>,)>(&arguments)?.0;
            filters::$name(state, value, test, rest).map(Value::from)
        }
    )*};
}

selecting!(select, reject);

macro_rules! selecting_by_attribute {
    ($($name:ident),*) => {$(
        pub(super) fn $name(
            state: &mut State<'_, '_>,
            value: Value,
            attribute: Cow<'_, str>,
            test: Option<Cow<'_, str>>,
            rest: Rest<ValueOrKwargs>,
        ) -> Result<Value, Error> {
            let arguments = rest.into_values();
            charge_each(state, &value, &arguments)?;
            let rest = minijinja::value::from_args::<(Rest<ValueOrKwargs>,)>(&arguments)?.0;
            filters::$name(state, value, attribute, test, rest).map(Value::from)
        }
    )*};
}

selecting_by_attribute!(selectattr, rejectattr);
