//! Limits: what just fits, and what is over by one.

use serde_json::{Value as Json, json};

use super::{Condition, Expression, Payload, World, payload, world};
use crate::codec::chunks::{Shape, encode_list};

const TOO_DEEP: &str = "NX2301 the expression is more than 100 operators deep";

/// `inputs.items` is `value`.
fn world_with(value: &Json) -> World {
    let mut world = world();
    let started = world.run.started.as_mut().expect("it has started");
    started.input = payload(&json!({ "items": value }));
    world
}

fn whole(source: &str) -> Json {
    Json::String(format!("${{{{ {source} }}}}"))
}

fn in_lists(inner: Json, levels: usize) -> Json {
    (0..levels).fold(inner, |inner, _| json!([inner]))
}

fn in_maps(inner: Json, levels: usize) -> Json {
    (0..levels).fold(inner, |inner, _| json!({ "a": inner }))
}

/// An expression for `'aaa…'`, ten times as long with each of `times`.
fn text(times: usize) -> String {
    "'aaaaaaaaaa'".to_owned() + &" | replace('a', 'aaaaaaaaaa')".repeat(times)
}

#[test]
fn an_expression_is_so_deep() {
    let world = world();
    let sums = |count| "1".to_owned() + &"+1".repeat(count);
    let chained = |count| "1".to_owned() + &" if true else 1".repeat(count);
    let negated = |first: &str| first.to_owned() + &"--------(".repeat(11) + "1" + &")".repeat(11);
    let denied =
        |first: &str| first.to_owned() + &"not not not not (".repeat(20) + "true" + &")".repeat(20);
    let wide = format!("[{}] | length", vec!["(1)"; 120].join(","));
    for (source, became) in [
        (sums(100), "101"),
        (sums(101), TOO_DEEP),
        (chained(99), "1"),
        (chained(100), TOO_DEEP),
        (negated("-"), "-1"),
        (negated("--"), TOO_DEEP),
        (denied(""), "true"),
        (denied("not "), TOO_DEEP),
        (wide, "120"),
    ] {
        assert_eq!(world.render(&whole(&source)), became, "{source:.60}");
    }
}

#[test]
fn an_expression_is_so_long() {
    let source = |bytes: usize| format!("'{}'", "x".repeat(bytes - 2));
    assert!(Expression::compile(&source(2048), None).is_ok());
    let error = Expression::compile(&source(2049), None).expect_err("it is too long");
    assert_eq!(error.message, "the expression is longer than 2048 bytes");
    assert_eq!(error.range, 0..2049);
}

#[test]
fn a_template_nests_so_deep() {
    let world = world();
    for wrap in [in_lists, in_maps] {
        assert_eq!(world.render(&wrap(json!(1), 100)), wrap(json!(1), 100).to_string());
        let refused = "NX2301 the value nests deeper than 100 levels";
        assert_eq!(world.render(&wrap(json!(1), 101)), refused);
    }
}

#[test]
fn what_is_inserted_nests_with_what_is_around_it() {
    for wrap in [in_lists, in_maps] {
        let value = wrap(json!(1), 60);
        let world = world_with(&value);
        let around = |levels| wrap(whole("inputs.items"), levels);
        assert_eq!(world.render(&around(40)), wrap(value, 40).to_string());
        let refused = "NX2301 the result nests too deep in `inputs.items`";
        assert_eq!(world.render(&around(41)), refused);
    }
}

#[test]
fn what_is_rendered_is_so_large() {
    let text = json!("x".repeat(1_000_000));
    let (output, stored) = Payload::json(&text);
    let mut world = world();
    world.this_output = output;
    world.payloads.extend(stored);
    for (source, one) in [("${{ this.output }}", 1_000_002), ("x${{ this.output }}", 1_000_003)] {
        let rendered = world.render(&json!(vec![source; 8]));
        assert_eq!(rendered.len(), 8 * (one + 1) + 1);
        let refused = world.render(&json!(vec![source; 9]));
        assert_eq!(refused, "NX2301 the rendered value is over 8 MiB in `this.output`");
    }
}

#[test]
fn filters_pay_for_each_item() {
    let world = world();
    let selected = |times| {
        let list = format!("({} | list)", text(times));
        whole(&format!("{list} | select('in', {list}) | length"))
    };
    assert_eq!(world.render(&selected(1)), "100");
    let refused = world.render(&selected(3));
    assert!(refused.starts_with("NX2301 it takes too many steps"), "{refused:.100}");
    let joined = |rounds| whole(&(text(4) + &" | list | join".repeat(rounds) + " | length"));
    assert_eq!(world.render(&joined(6)), "100000");
    let refused = world.render(&joined(7));
    assert!(refused.starts_with("NX2301 it takes too many steps"), "{refused:.100}");
}

#[test]
fn the_outputs_of_items_are_read_up_to_a_size() {
    let mut world = world();
    for (bytes, became) in [
        (8 * 1024 * 1024, "[]"),
        (
            8 * 1024 * 1024 + 1,
            "NX3032 what the handler returned has about 8388609 bytes, more than an expression reads (8388608)",
        ),
    ] {
        let (list, (hash, stored)) = encode_list(Shape::List, &[], bytes);
        world.payloads.insert(hash, stored);
        world.this_output = list;
        assert_eq!(world.render(&whole("this.output")), became);
    }
}

#[test]
fn a_condition_shows_the_beginning_of_a_value() {
    let shown = format!("\"{}…", "x".repeat(59));
    for (len, shown) in
        [(58, format!("\"{}\"", "x".repeat(58))), (16_000, shown), (17_000, "…".to_owned())]
    {
        let world = world_with(&json!("x".repeat(len)));
        let condition = Condition::compile("inputs.items").expect("a condition");
        let verdict = condition.holds(&world.scope()).expect("a verdict");
        assert_eq!(verdict.saw, format!("inputs.items is true ({shown})"));
    }
}
