//! The language: which filters, tests and functions there are, and the one environment that has them.
//!
//! minijinja counts fuel by instruction, and a filter is one instruction however long it runs. What can make much out of
//! little (`replace`, `join`, `map` with arguments, `select` with `in`) therefore pays from a purse of its own ([`Work`]).
//! Left out on purpose: `range`, `format`, `indent`, `batch`, `slice`, `center`, `debug`, and everything that escapes HTML.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::{Kwargs, Object, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, filters, tests};

use super::value::{RESULT_BYTES_MAX, from_json_text, json_text, text_of, weight};

/// Instructions of one evaluation.
const FUEL: u64 = 20_000;

/// What filters of one evaluation may do: values visited and bytes written.
const WORK_MAX: u64 = 8 * 1024 * 1024;

/// Where the purse is found. No source can name it.
pub(super) const WORK: &str = "%work";

/// Put behind the operands of `*`.
pub(super) const NUMBER_MARK: &str = "|__number";

/// Put behind the operands of `~`.
pub(super) const TEXT_MARK: &str = "|__text";

/// Functions.
pub(super) const FUNCTIONS: &[&str] = &["get"];

/// Filters.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "int",
    "items",
    "join",
    "json",
    "keys",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "parse_json",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "values",
];

/// Tests.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "contains",
    "containing",
    "defined",
    "divisibleby",
    "endingwith",
    "endswith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lower",
    "lt",
    "mapping",
    "matching",
    "ne",
    "none",
    "null",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "startswith",
    "string",
    "true",
    "undefined",
    "upper",
];

/// Functions people expect and that cannot exist.
pub(super) const NOT_DETERMINISTIC: &[&str] =
    &["now", "now_text", "today", "utcnow", "time", "timestamp", "random", "rand", "uuid", "uuid4"];

/// The environment of all expressions.
pub(super) static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(language);

/// What filters may still do in this evaluation.
#[derive(Debug)]
pub(super) struct Work(AtomicU64);

impl Object for Work {}

impl Work {
    /// A full purse.
    pub(super) fn full() -> Value {
        Value::from_object(Self(AtomicU64::new(WORK_MAX)))
    }
}

fn charge(state: &State<'_, '_>, amount: usize) -> Result<(), Error> {
    let amount = u64::try_from(amount).unwrap_or(u64::MAX);
    let purse = state.lookup(WORK);
    let Some(work) = purse.as_ref().and_then(Value::downcast_object_ref::<Work>) else {
        return Ok(());
    };
    let enough = |left: u64| left.checked_sub(amount);
    match work.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::from(ErrorKind::OutOfFuel)),
    }
}

fn language() -> Environment<'static> {
    let mut language = Environment::empty();
    language.set_undefined_behavior(UndefinedBehavior::Strict);
    language.set_fuel(Some(FUEL));
    language.set_recursion_limit(64);
    language.add_global("null", ());
    language.add_function("get", get);
    add_filters(&mut language);
    add_own_filters(&mut language);
    add_tests(&mut language);
    language
}

fn add_filters(language: &mut Environment<'static>) {
    language.add_filter("abs", filters::abs);
    language.add_filter("bool", filters::bool);
    language.add_filter("capitalize", filters::capitalize);
    language.add_filter("count", filters::length);
    language.add_filter("dictsort", filters::dictsort);
    language.add_filter("first", filters::first);
    language.add_filter("float", filters::float);
    language.add_filter("int", filters::int);
    language.add_filter("items", filters::items);
    language.add_filter("last", filters::last);
    language.add_filter("length", filters::length);
    language.add_filter("lines", filters::lines);
    language.add_filter("lower", filters::lower);
    language.add_filter("max", filters::max);
    language.add_filter("min", filters::min);
    language.add_filter("reverse", filters::reverse);
    language.add_filter("round", filters::round);
    language.add_filter("sort", filters::sort);
    language.add_filter("split", filters::split);
    language.add_filter("title", filters::title);
    language.add_filter("trim", filters::trim);
    language.add_filter("unique", filters::unique);
    language.add_filter("upper", filters::upper);
}

fn add_own_filters(language: &mut Environment<'static>) {
    language.add_filter("__number", number);
    language.add_filter("__text", text);
    language.add_filter("d", default);
    language.add_filter("default", default);
    language.add_filter("join", join);
    language.add_filter("json", json);
    language.add_filter("keys", keys);
    language.add_filter("list", list);
    language.add_filter("map", map);
    language.add_filter("parse_json", parse_json);
    language.add_filter("reject", reject);
    language.add_filter("rejectattr", rejectattr);
    language.add_filter("replace", replace);
    language.add_filter("select", select);
    language.add_filter("selectattr", selectattr);
    language.add_filter("string", text);
    language.add_filter("sum", sum);
    language.add_filter("tojson", json);
    language.add_filter("values", values);
}

fn add_tests(language: &mut Environment<'static>) {
    language.add_test("boolean", tests::is_boolean);
    language.add_test("contains", contains);
    language.add_test("containing", contains);
    language.add_test("defined", tests::is_defined);
    language.add_test("divisibleby", tests::is_divisibleby);
    language.add_test("endingwith", tests::is_endingwith);
    language.add_test("endswith", tests::is_endingwith);
    language.add_test("eq", tests::is_eq);
    language.add_test("equalto", tests::is_eq);
    language.add_test("even", tests::is_even);
    language.add_test("false", tests::is_false);
    language.add_test("float", tests::is_float);
    language.add_test("ge", tests::is_ge);
    language.add_test("gt", tests::is_gt);
    language.add_test("in", tests::is_in);
    language.add_test("integer", tests::is_integer);
    language.add_test("iterable", tests::is_iterable);
    language.add_test("le", tests::is_le);
    language.add_test("lower", tests::is_lower);
    language.add_test("lt", tests::is_lt);
    language.add_test("mapping", tests::is_mapping);
    language.add_test("matching", matching);
    language.add_test("ne", tests::is_ne);
    language.add_test("none", tests::is_none);
    language.add_test("null", tests::is_none);
    language.add_test("number", tests::is_number);
    language.add_test("odd", tests::is_odd);
    language.add_test("sequence", tests::is_sequence);
    language.add_test("startingwith", tests::is_startingwith);
    language.add_test("startswith", tests::is_startingwith);
    language.add_test("string", tests::is_string);
    language.add_test("true", tests::is_true);
    language.add_test("undefined", tests::is_undefined);
    language.add_test("upper", tests::is_upper);
}

fn wrong(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

// ---- functions --------------------------------------------------------------------------------

/// `get(value, "a.b.0", fallback)`: the value at the path, or `fallback` (`null` if there is none) where a level is missing
/// or `null`.
fn get(value: &Value, path: &str, fallback: Option<Value>) -> Value {
    let mut found = value.clone();
    for key in path.split('.') {
        let index = key.parse::<usize>().ok().filter(|_| found.kind() != ValueKind::Map);
        found = match index {
            Some(index) => found.get_item_by_index(index).unwrap_or_default(),
            None => found.get_attr(key).unwrap_or_default(),
        };
    }
    if found.is_none() || found.is_undefined() {
        fallback.unwrap_or_else(|| Value::from(()))
    } else {
        found
    }
}

// ---- filters ----------------------------------------------------------------------------------

/// What `*` takes.
fn number(value: Value) -> Result<Value, Error> {
    let kind = value.kind();
    if matches!(kind, ValueKind::Number | ValueKind::Bool) {
        Ok(value)
    } else if value.is_undefined() {
        Err(Error::from(ErrorKind::UndefinedError))
    } else {
        Err(wrong(format!("`*` multiplies numbers, not {kind}")))
    }
}

/// The text of a value, as templates write it.
fn text(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    if value.as_str().is_some() {
        return Ok(value.clone());
    }
    let text = text_of(value, RESULT_BYTES_MAX)?;
    charge(state, text.len())?;
    Ok(Value::from(text))
}

/// `value`, or `fallback` (empty text if there is none) where it is missing or `null`; with `true` as second argument also
/// where it is false or empty.
fn default(value: &Value, fallback: Option<Value>, empty: Option<bool>) -> Value {
    let missing =
        value.is_undefined() || value.is_none() || empty == Some(true) && !value.is_true();
    if missing { fallback.unwrap_or_else(|| Value::from("")) } else { value.clone() }
}

#[expect(clippy::needless_pass_by_value, reason = "arguments of filters are owned")]
fn join(
    state: &State<'_, '_>,
    value: &Value,
    separator: Option<&str>,
    named: Kwargs,
) -> Result<Value, Error> {
    let attribute: Option<String> = named.get("attribute")?;
    named.assert_all_used()?;
    let separator = separator.unwrap_or("");
    let mut joined = String::new();
    for (at, item) in value.try_iter()?.enumerate() {
        let item = match &attribute {
            Some(attribute) => item.get_attr(attribute)?,
            None => item,
        };
        let before = joined.len();
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text_of(&item, RESULT_BYTES_MAX)?);
        charge(state, joined.len() - before + 1)?;
    }
    Ok(Value::from(joined))
}

fn json(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let text = json_text(value, RESULT_BYTES_MAX)?;
    charge(state, text.len())?;
    Ok(Value::from(text))
}

fn parse_json(state: &State<'_, '_>, text: &str) -> Result<Value, Error> {
    charge(state, text.len())?;
    from_json_text(text.as_bytes()).map_err(|error| wrong(format!("not JSON: {error}")))
}

fn pairs(value: &Value, what: &str) -> Result<Vec<(Value, Value)>, Error> {
    match value.as_object().filter(|_| value.kind() == ValueKind::Map) {
        Some(map) => Ok(map.try_iter_pairs().into_iter().flatten().collect()),
        None => Err(wrong(format!("only a map has {what}"))),
    }
}

fn keys(value: &Value) -> Result<Value, Error> {
    Ok(pairs(value, "keys")?.into_iter().map(|(key, _)| key).collect())
}

fn values(value: &Value) -> Result<Value, Error> {
    Ok(pairs(value, "values")?.into_iter().map(|(_, value)| value).collect())
}

fn list(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    charge(state, size(&value))?;
    filters::list(state, value)
}

fn replace(state: &State<'_, '_>, value: &str, from: &str, to: &str) -> Result<Value, Error> {
    let count = value.matches(from).count();
    charge(state, value.len().saturating_add(count.saturating_mul(to.len())))?;
    Ok(Value::from(value.replace(from, to)))
}

#[expect(clippy::needless_pass_by_value, reason = "arguments of filters are owned")]
fn sum(value: &Value, attribute: Option<&str>, named: Kwargs) -> Result<Value, Error> {
    let named_attribute: Option<String> = named.get("attribute")?;
    let start: Option<Value> = named.get("start")?;
    named.assert_all_used()?;
    let attribute = attribute.or(named_attribute.as_deref());
    let mut total = Total::Whole(0);
    for item in start.into_iter().map(Ok).chain(value.try_iter()?.map(|item| match attribute {
        Some(path) => path.split('.').try_fold(item, |item, key| item.get_attr(key)),
        None => Ok(item),
    })) {
        total = total.plus(&item?)?;
    }
    Ok(match total {
        Total::Whole(whole) => Value::from(whole),
        Total::Fraction(fraction) => Value::from(fraction),
    })
}

enum Total {
    Whole(i128),
    Fraction(f64),
}

impl Total {
    #[expect(clippy::cast_precision_loss, reason = "a sum with a fraction is a float")]
    fn plus(self, item: &Value) -> Result<Self, Error> {
        if item.is_undefined() {
            return Ok(self);
        }
        if item.kind() != ValueKind::Number {
            return Err(wrong(format!("can only sum numbers, not {}", item.kind())));
        }
        match self {
            Self::Whole(whole) if item.is_integer() => whole
                .checked_add(i128::try_from(item.clone())?)
                .map(Self::Whole)
                .ok_or_else(|| wrong("the sum is too large")),
            Self::Whole(whole) => Ok(Self::Fraction(whole as f64 + f64::try_from(item.clone())?)),
            Self::Fraction(sum) => Ok(Self::Fraction(sum + f64::try_from(item.clone())?)),
        }
    }
}

/// How many items or characters a value has.
fn size(value: &Value) -> usize {
    value.as_str().map_or_else(|| value.len().unwrap_or(1), str::len)
}

/// Pays for a filter or test that runs once for each item with these arguments.
fn charge_each(state: &State<'_, '_>, value: &Value, arguments: &[Value]) -> Result<(), Error> {
    let each = arguments
        .iter()
        .fold(1usize, |sum, argument| sum.saturating_add(weight(argument, WORK_MAX)));
    charge(state, size(value).saturating_mul(each))
}

fn map(state: &mut State<'_, '_>, value: Value, rest: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let arguments = rest.into_values();
    charge_each(state, &value, &arguments)?;
    let rest = minijinja::value::from_args::<(Rest<ValueOrKwargs>,)>(&arguments)?.0;
    filters::map(state, value, rest).map(Value::from)
}

macro_rules! selecting {
    ($($name:ident),*) => {$(
        fn $name(
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
        fn $name(
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

// ---- tests ------------------------------------------------------------------------------------

/// `text is contains("part")`, `list is contains(item)`, `map is contains("key")`.
fn contains(state: &State<'_, '_>, container: &Value, item: &Value) -> Result<bool, Error> {
    charge(state, size(container))?;
    tests::is_in(state, item, container)
}

/// `text is matching("^A-[0-9]+$")`: whether the regular expression is found in the text.
fn matching(state: &State<'_, '_>, text: &str, pattern: &str) -> Result<bool, Error> {
    charge(state, text.len().saturating_add(pattern.len()).saturating_mul(16))?;
    match regex_lite::Regex::new(pattern) {
        Ok(pattern) => Ok(pattern.is_match(text)),
        Err(error) => Err(wrong(format!("not a regular expression: {error}"))),
    }
}
