//! The language: which filters, tests and functions there are, and the one environment that has them.
//!
//! minijinja counts fuel by instruction, and a filter is one instruction however long it runs. What can make much out of
//! little (`replace`, `join`, `map` with arguments, `select` with `in`) therefore pays from a purse of its own ([`Work`]).
//! Left out on purpose: `range`, `format`, `indent`, `batch`, `slice`, `center`, `debug`, and everything that escapes HTML.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::{Object, Value};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, filters, tests};

mod checks;
mod each;
mod own;

/// Instructions of one evaluation.
const FUEL: u64 = 20_000;

/// What filters may do while one value is rendered, all its expressions together: values visited and bytes written.
const WORK_MAX: u64 = 2 * 1024 * 1024;

/// Largest compiled regular expression: matching costs its size times the length of the text.
const PATTERN_BYTES_MAX: usize = 16 * 1024;

/// Where the purse is found. No source can name it.
pub(super) const WORK: &str = "%work";

/// Put behind the operands of `*`.
pub(super) const NUMBER_MARK: &str = "|__number";

/// Put behind the operands of `~`.
pub(super) const TEXT_MARK: &str = "|__text";

/// The functions there are.
pub const FUNCTIONS: &[&str] = &["get"];

/// The filters there are.
pub const FILTERS: &[&str] = &[
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

/// The tests there are, after `is`.
pub const TESTS: &[&str] = &[
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
    language.add_function("get", own::get);
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
    language.add_filter("__number", own::number);
    language.add_filter("__text", own::text);
    language.add_filter("d", own::default);
    language.add_filter("default", own::default);
    language.add_filter("join", own::join);
    language.add_filter("json", own::json);
    language.add_filter("keys", own::keys);
    language.add_filter("list", own::list);
    language.add_filter("map", each::map);
    language.add_filter("parse_json", own::parse_json);
    language.add_filter("reject", each::reject);
    language.add_filter("rejectattr", each::rejectattr);
    language.add_filter("replace", own::replace);
    language.add_filter("select", each::select);
    language.add_filter("selectattr", each::selectattr);
    language.add_filter("string", own::text);
    language.add_filter("sum", own::sum);
    language.add_filter("tojson", own::json);
    language.add_filter("values", own::values);
}

fn add_tests(language: &mut Environment<'static>) {
    language.add_test("boolean", tests::is_boolean);
    language.add_test("contains", checks::contains);
    language.add_test("containing", checks::contains);
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
    language.add_test("matching", checks::matching);
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
