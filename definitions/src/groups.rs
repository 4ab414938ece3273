//! Groups: steps under one name, written out as steps of their own before the document is interpreted.
//!
//! `pay: { group: { hold: …, charge: … } }` becomes the steps `pay.hold` and `pay.charge`. What the group says is said by its
//! steps: its `needs` and `when_needs` by those that come first in it, its `if` by all, its `defaults` by those that make
//! attempts. Who needs the group needs all of its steps.
//!
//! Invariant: every value keeps the place it has in the file, so problems point at what was written.

use std::collections::BTreeMap;

use crate::source::{Fault, range_of};
use crate::yaml::{Key, Node, Tree};

/// Keys of `defaults` that steps with attempts take over.
const DEFAULTS: [&str; 4] = ["timeout", "retry", "concurrency", "breaker"];

/// The kinds of steps that make attempts.
const ATTEMPTS: [&str; 2] = ["uses", "run"];

/// The ids of the steps of each group.
type Groups = BTreeMap<String, Vec<String>>;

/// Writes the groups of `tree` out. What cannot be is told in the faults, and left out.
pub(crate) fn expand(tree: &mut Tree, text: &str) -> Vec<Fault> {
    let Node::Map(top) = &mut tree.value else { return Vec::new() };
    let Some((_, steps)) = top.iter_mut().find(|(key, _)| key.value == "steps") else {
        return Vec::new();
    };
    let Node::Map(entries) = &mut steps.value else { return Vec::new() };
    let groups: Groups = entries
        .iter()
        .filter_map(|(id, step)| Some((id.value.clone(), members(id, step)?)))
        .collect();
    if groups.is_empty() {
        return Vec::new();
    }
    let mut faults = taken(entries, &groups, text);
    let mut written = Vec::new();
    for (id, step) in std::mem::take(entries) {
        match step.value.get("group") {
            Some(inner) => written.extend(steps_of(&id, &step.value, inner.value.entries())),
            None => written.push((id, step)),
        }
    }
    for (_, step) in &mut written {
        faults.extend(meant(step, &groups, text));
    }
    *entries = written;
    faults
}

/// The ids of the steps of a group; `None` if it is none.
fn members(id: &Key, step: &Tree) -> Option<Vec<String>> {
    let inner = step.value.get("group")?.value.entries();
    Some(inner.iter().map(|(inner, _)| full(&id.value, &inner.value)).collect())
}

fn full(group: &str, step: &str) -> String {
    format!("{group}.{step}")
}

/// Ids of groups' steps that other steps have.
fn taken(entries: &[(Key, Tree)], groups: &Groups, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (group, members) in groups {
        let taken = |(id, _): &&(Key, Tree)| members.contains(&id.value);
        for (id, _) in entries.iter().filter(taken) {
            let message = format!("`{}` is the id of a step of the group `{group}`", id.value);
            let range = range_of(&id.defined, text);
            faults.push(Fault::new("NX1148", range, message).hint("give the step another id"));
        }
    }
    faults
}

/// The steps of a group as steps of their own.
fn steps_of(group: &Key, about: &Node, inner: &[(Key, Tree)]) -> Vec<(Key, Tree)> {
    let siblings: Vec<String> = inner.iter().map(|(id, _)| id.value.clone()).collect();
    let mut steps = Vec::new();
    for (id, step) in inner {
        let (mut id, mut step) = (id.clone(), step.clone());
        id.value = full(&group.value, &id.value);
        rename(&mut step, &group.value, &siblings);
        if let Node::Map(keys) = &mut step.value {
            take_over(keys, about, &group.value, &siblings);
        }
        steps.push((id, step));
    }
    steps
}

/// Lets a step say what its group says.
fn take_over(keys: &mut Vec<(Key, Tree)>, group: &Node, name: &str, siblings: &[String]) {
    let entry = |key: &str| group.entries().iter().find(|(known, _)| known.value == key).cloned();
    if !follows_a_sibling(keys, name, siblings) {
        if let Some((key, needs)) = entry("needs") {
            match keys.iter_mut().find(|(known, _)| known.value == "needs") {
                Some((_, own)) => {
                    own.value = Node::List(items(own).into_iter().chain(items(&needs)).collect());
                }
                None => keys.push((key, needs)),
            }
        }
        keys.extend(entry("when_needs").filter(|_| !has(keys, "when_needs")));
    }
    if let Some((key, condition)) = entry("if") {
        match keys.iter_mut().find(|(known, _)| known.value == "if") {
            Some((_, own)) => own.value = both(&condition.value, &own.value),
            None => keys.push((key, condition)),
        }
    }
    if ATTEMPTS.iter().any(|kind| has(keys, kind)) {
        let defaults = group.get("defaults").map(|defaults| defaults.value.entries());
        for (key, value) in defaults.unwrap_or_default() {
            if DEFAULTS.contains(&key.value.as_str()) && !has(keys, &key.value) {
                keys.push((key.clone(), value.clone()));
            }
        }
    }
}

fn has(keys: &[(Key, Tree)], name: &str) -> bool {
    keys.iter().any(|(key, _)| key.value == name)
}

/// One text or a list of them.
fn items(tree: &Tree) -> Vec<Tree> {
    match &tree.value {
        Node::List(items) => items.clone(),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Map(_) => {
            vec![tree.clone()]
        }
    }
}

/// Whether a step comes after another one of its group: it needs it, chooses or repeats from it, or looks at its output.
fn follows_a_sibling(keys: &[(Key, Tree)], group: &str, siblings: &[String]) -> bool {
    let ids: Vec<String> = siblings.iter().map(|sibling| full(group, sibling)).collect();
    let own = keys.iter().filter(|(key, _)| key.value != "switch");
    own.map(|(_, value)| &value.value).any(|value| names(value, &ids))
}

/// Whether a text in `node` is one of `ids`, or has an expression with one in quotes.
fn names(node: &Node, ids: &[String]) -> bool {
    match node {
        Node::Text(text) => ids.iter().any(|id| {
            text == id
                || [format!("steps[\"{id}\"]"), format!("steps['{id}']")]
                    .iter()
                    .any(|named| text.contains(named))
        }),
        Node::List(items) => items.iter().any(|item| names(&item.value, ids)),
        Node::Map(entries) => entries.iter().any(|(_, value)| names(&value.value, ids)),
        Node::Null | Node::Bool(_) | Node::Number(_) => false,
    }
}

/// Two conditions as one.
fn both(group: &Node, own: &Node) -> Node {
    match (inside(group), inside(own)) {
        (Some(group), Some(own)) => Node::Text(format!("${{{{ ({group}) and ({own}) }}}}")),
        (Some(_), None) => group.clone(),
        (None, _) => own.clone(),
    }
}

/// The expression of a condition.
fn inside(node: &Node) -> Option<String> {
    match node {
        Node::Bool(holds) => Some(holds.to_string()),
        Node::Text(text) => {
            let inner = text.trim().strip_prefix("${{").and_then(|text| text.strip_suffix("}}"));
            inner.map(|inner| inner.trim().to_owned())
        }
        Node::Null | Node::Number(_) | Node::List(_) | Node::Map(_) => None,
    }
}

/// The values of a step in which ids stand: where one step is meant, and where several may be.
fn ids_in(step: &mut Tree) -> (Vec<&mut Tree>, Vec<&mut Tree>) {
    let (mut one, mut several) = (Vec::new(), Vec::new());
    let Node::Map(keys) = &mut step.value else { return (one, several) };
    for (key, value) in keys {
        match key.value.as_str() {
            "needs" => several.push(value),
            "race" => one.push(value),
            "repeat" => one.extend(value_of(value, "from")),
            "switch" => {
                let Node::Map(keys) = &mut value.value else { continue };
                for (key, value) in keys {
                    if key.value == "default" {
                        several.push(value);
                    } else if let Node::List(cases) = &mut value.value {
                        several.extend(cases.iter_mut().filter_map(|case| value_of(case, "then")));
                    }
                }
            }
            _ => {}
        }
    }
    (one, several)
}

fn value_of<'t>(tree: &'t mut Tree, name: &str) -> Option<&'t mut Tree> {
    let Node::Map(keys) = &mut tree.value else { return None };
    keys.iter_mut().find(|(key, _)| key.value == name).map(|(_, value)| value)
}

/// Inside a group its steps are called by their own names.
fn rename(step: &mut Tree, group: &str, siblings: &[String]) {
    let (one, several) = ids_in(step);
    for value in one.into_iter().chain(several) {
        let texts = match &mut value.value {
            Node::List(items) => items.iter_mut().collect(),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Map(_) => {
                vec![value]
            }
        };
        for text in texts {
            if let Node::Text(id) = &mut text.value
                && siblings.contains(id)
            {
                *id = full(group, id);
            }
        }
    }
}

/// Puts the steps of a group where its name stands, and tells where only one step can be meant.
fn meant(step: &mut Tree, groups: &Groups, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (one, several) = ids_in(step);
    for value in one {
        for item in items(value) {
            if let Some(group) = item.value.text().filter(|id| groups.contains_key(*id)) {
                let message = format!("`{group}` is a group, and one step is meant here");
                let hint = groups[group].first().map_or_else(String::new, |first| {
                    format!("name a step of it, such as `{first}`")
                });
                faults
                    .push(Fault::new("NX1149", range_of(&item.defined, text), message).hint(hint));
            }
        }
    }
    for value in several {
        let named = items(value);
        if !named.iter().any(|item| item.value.text().is_some_and(|id| groups.contains_key(id))) {
            continue;
        }
        let mut all: Vec<Tree> = Vec::new();
        for item in named {
            let members = item.value.text().and_then(|id| groups.get(id));
            let Some(members) = members else {
                all.push(item);
                continue;
            };
            all.extend(
                members
                    .iter()
                    .map(|member| Tree { value: Node::Text(member.clone()), ..item.clone() }),
            );
        }
        value.value = Node::List(all);
    }
    faults
}

#[cfg(test)]
mod tests {
    use nexus_model::definition::{StepKind, WhenNeeds};

    /// Checks the steps that `steps` become: id, needs, condition and attempts.
    fn check(steps: &str, expected: &[&str]) {
        let text = format!("nexus: v1\nname: x\nsteps:\n{steps}");
        let read = crate::read("x", &text).expect("a good definition");
        let mut lines = Vec::new();
        for step in read.definition.steps {
            let mut line = format!("{} <- {}", step.id, step.needs.join(" "));
            if step.when_needs != WhenNeeds::AllOk {
                line += " when";
            }
            if let Some(condition) = step.condition {
                line.extend([" if ", &condition]);
            }
            if step.retry.max_attempts > 1 {
                line.extend([" x", &step.retry.max_attempts.to_string()]);
            }
            if let StepKind::Switch(switch) = step.kind {
                let (then, default) = (switch.cases[0].then.join(" "), switch.default.join(" "));
                line.extend([" -> ", &then, " else ", &default]);
            }
            lines.push(line);
        }
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_first_steps_of_a_group_have_its_needs_and_all_its_condition() {
        check(
            "  \"0\": { set: {} }
  a:
    needs: \"0\"
    when_needs: all_done
    if: ${{ run.id == 1 }}
    defaults: { retry: 3 }
    group:
      x: { uses: log }
      y: { needs: x, uses: log, retry: 2, if: \"${{ run.id == 2 or true }}\" }
      z: { set: { v: '${{ steps[\"a.x\"].output }}' } }
  b: { needs: a, uses: log }
",
            &[
                "0 <- ",
                "a.x <- 0 when if run.id == 1 x3",
                "a.y <- a.x if (run.id == 1) and (run.id == 2 or true) x2",
                "a.z <-  if run.id == 1",
                "b <- a.x a.y a.z",
            ],
        );
    }

    #[test]
    fn a_router_chooses_all_steps_of_a_group() {
        check(
            "  r: { switch: { cases: [{ when: true, then: a }], default: [b] } }
  a: { group: { x: { set: {} }, y: { needs: x, set: {} } } }
  b: { group: { x: { needs: [], set: {} } } }
",
            &["r <-  -> a.x a.y else b.x", "a.x <- ", "a.y <- a.x", "b.x <- "],
        );
    }

    #[test]
    fn steps_of_a_group_call_each_other_by_their_own_names() {
        check(
            "  a:
    group:
      begin: { set: {} }
      again: { needs: begin, repeat: { from: begin, until: true } }
      one: { needs: again, sleep: 1s }
      two: { needs: again, sleep: 2s }
      first: { race: [one, two] }
",
            &[
                "a.begin <- ",
                "a.again <- a.begin",
                "a.one <- a.again",
                "a.two <- a.again",
                "a.first <- ",
            ],
        );
    }
}
