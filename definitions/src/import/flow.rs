//! Flows: one thing after the other, with choices and ways back, as steps.
//!
//! Graphs of other programs say where to go next; ours say what comes before. A block becomes its steps, and
//! * a choice becomes a `switch`; what it chooses and something else leads to as well gets a step of its own between, because a
//!   step has one router;
//! * a way back becomes a `repeat`, behind which the choice goes on among the ways forward.
//!
//! Invariant: the needs of the steps that come out have no cycle, whatever the flow was.

use std::collections::{BTreeMap, BTreeSet};

use nexus_model::definition::{ROUNDS_DEFAULT, Repeat, Step, StepKind, Switch, SwitchCase};
use serde_json::json;

use self::bind::bind;
pub(super) use self::order::Order;
use super::foreign::escaped;
use super::graph::{ACTION, Ids};

mod bind;
mod order;

/// Where the flow goes from a block, by the numbers of the blocks.
#[derive(Clone, Debug)]
pub(super) enum Onward<C> {
    /// To all of these; to none of them at an end.
    All(Vec<usize>),
    /// To those of the first case that holds, else to the last.
    Choice(Vec<(C, Vec<usize>)>, Vec<usize>),
}

impl<C> Onward<C> {
    /// Goes to `other` where it went to `target`.
    fn lead_elsewhere(&mut self, target: usize, other: usize) {
        let change = |targets: &mut Vec<usize>| {
            targets.iter_mut().filter(|to| **to == target).for_each(|to| *to = other);
        };
        match self {
            Self::All(targets) => change(targets),
            Self::Choice(cases, last) => {
                cases.iter_mut().map(|(_, targets)| targets).for_each(change);
                change(last);
            }
        }
    }

    /// All it can go to, in order.
    fn targets(&self) -> Vec<usize> {
        match self {
            Self::All(targets) => targets.clone(),
            Self::Choice(cases, default) => {
                cases.iter().flat_map(|(_, targets)| targets).chain(default).copied().collect()
            }
        }
    }
}

/// A block of a flow.
#[derive(Debug)]
pub(super) struct Block {
    /// What its router is called, if it chooses.
    pub(super) id: String,
    /// What people call that.
    pub(super) name: Option<String>,
    /// Steps that come first, one after the other.
    pub(super) lead: Vec<Step>,
    /// Steps side by side; none if it only chooses.
    pub(super) steps: Vec<Step>,
    /// Where it goes on, by conditions of ours.
    pub(super) onward: Onward<String>,
    /// Rounds of its loops.
    pub(super) rounds_max: u32,
}

impl Block {
    /// Steps side by side, and nothing behind them.
    pub(super) fn of(id: String, steps: Vec<Step>) -> Self {
        let onward = Onward::All(Vec::new());
        Self { id, name: None, lead: Vec::new(), steps, onward, rounds_max: ROUNDS_DEFAULT }
    }
}

/// Makes steps of the blocks. A way that leads back strangely ends in a step that fails and says so.
pub(super) fn weave(mut blocks: Vec<Block>, mut order: Order, ids: &mut Ids) -> Vec<Step> {
    for (from, to) in std::mem::take(&mut order.strange) {
        let message =
            format!("the way from {} back to {} was not imported", blocks[from].id, blocks[to].id);
        let uses = ACTION.to_owned();
        let with = json!({ "fail": { "message": escaped(&message), "fatal": true } });
        let id = ids.free(&format!("{}-to-{}", blocks[from].id, blocks[to].id));
        let at = blocks.len();
        blocks[from].onward.lead_elsewhere(to, at);
        blocks.push(Block::of(id.clone(), vec![Step::new(id, StepKind::Action { uses, with })]));
        order.backward.push(BTreeSet::from([from]));
    }
    for at in &order.unreached {
        blocks[*at].onward = Onward::All(Vec::new());
    }
    let mut woven: Vec<Woven> = blocks.into_iter().map(|block| Woven::of(block, ids)).collect();
    for head in order.back.iter().map(|(_, head)| *head).collect::<BTreeSet<_>>() {
        woven[head].have_one_beginning(ids);
    }
    for at in 0..woven.len() {
        loops(&mut woven, at, &order, ids);
        router(&mut woven[at], at, &order, ids);
    }
    for at in 0..woven.len() {
        ways(&mut woven, at, &order, ids);
    }
    for at in 0..woven.len() {
        bind(&mut woven, at, &order, ids);
    }
    for at in order.unreached {
        for step in &mut woven[at].steps {
            step.condition = Some("false".to_owned());
        }
    }
    woven.into_iter().flat_map(|block| block.steps).collect()
}

/// A block as far as it is steps.
struct Woven {
    id: String,
    /// The id, as long as no step has it, and what people call that step.
    own: Option<(String, Option<String>)>,
    steps: Vec<Step>,
    /// The steps it begins with, by place in `steps`.
    first: Vec<usize>,
    /// The ids of those it ends with.
    last: Vec<String>,
    /// Its router, by place in `steps`.
    router: Option<usize>,
    /// Whether the router of another block chooses its first steps.
    chosen: bool,
    onward: Onward<String>,
    rounds_max: u32,
}

impl Woven {
    fn of(block: Block, ids: &mut Ids) -> Self {
        let Block { id, name, lead, steps, onward, rounds_max } = block;
        let own = steps.iter().all(|step| step.id != id).then(|| (id.clone(), name));
        let mut woven = Self {
            id,
            own,
            steps: Vec::new(),
            first: Vec::new(),
            last: Vec::new(),
            router: None,
            chosen: false,
            onward,
            rounds_max,
        };
        for step in lead {
            woven.put(vec![step]);
        }
        woven.put(steps);
        if woven.last.is_empty() && matches!(&woven.onward, Onward::All(_)) {
            woven.put_mark(ids);
        }
        woven
    }

    /// Puts steps behind what is there.
    fn put(&mut self, steps: Vec<Step>) {
        if steps.is_empty() {
            return;
        }
        let start = self.steps.len();
        let last = steps.iter().map(|step| step.id.clone()).collect();
        self.steps.extend(steps.into_iter().map(|mut step| {
            step.needs.extend(self.last.iter().cloned());
            step
        }));
        self.last = last;
        if self.first.is_empty() {
            self.first = (start..self.steps.len()).collect();
        }
    }

    /// Puts one step behind, under the block's own id if that is free.
    fn put_own(&mut self, kind: StepKind, suffix: &str, ids: &mut Ids) {
        let own = self.own.take();
        let (id, name) = own.unwrap_or_else(|| (ids.free(&format!("{}{suffix}", self.id)), None));
        self.put(vec![Step { name, ..Step::new(id, kind) }]);
    }

    fn put_mark(&mut self, ids: &mut Ids) {
        self.put_own(StepKind::Set { values: json!({}) }, "-end", ids);
    }

    /// A loop goes back to one step.
    fn have_one_beginning(&mut self, ids: &mut Ids) {
        if self.first.len() == 1 {
            return;
        }
        let id = ids.free(&format!("{}-begin", self.id));
        for first in &self.first {
            self.steps[*first].needs.push(id.clone());
        }
        if self.last.is_empty() {
            self.last = vec![id.clone()];
        }
        self.steps.push(mark(id));
        self.first = vec![self.steps.len() - 1];
    }

    fn first_ids(&self) -> Vec<String> {
        self.first.iter().map(|first| self.steps[*first].id.clone()).collect()
    }

    fn need(&mut self, sources: &[String]) {
        for first in &self.first {
            let needs = &mut self.steps[*first].needs;
            for source in sources {
                if !needs.contains(source) {
                    needs.push(source.clone());
                }
            }
        }
    }
}

/// Puts a `repeat` behind the block for each block it leads back to, the inner loops first.
fn loops(woven: &mut [Woven], at: usize, order: &Order, ids: &mut Ids) {
    let targets: BTreeSet<usize> = woven[at].onward.targets().into_iter().collect();
    let mut heads: Vec<usize> = targets.into_iter().filter(|to| order.is_back(at, *to)).collect();
    heads.sort_by_key(|head| std::cmp::Reverse(order.before(*head).len()));
    for head in heads {
        let until = until(&woven[at].onward, head);
        let certain = is_certain(&woven[at].onward, at, order);
        let from = woven[head].first_ids().pop();
        let block = &mut woven[at];
        let from = from.unwrap_or_else(|| block.id.clone());
        let limit = block.rounds_max;
        let kind = StepKind::Repeat(Box::new(Repeat { from, until, limit, ..Repeat::default() }));
        if certain {
            block.put_own(kind, "-again", ids);
        } else {
            let id = ids.free(&format!("{}-again", block.id));
            block.put(vec![Step::new(id, kind)]);
        }
    }
}

/// Puts the router behind the block, if it has to choose among ways forward.
fn router(block: &mut Woven, at: usize, order: &Order, ids: &mut Ids) {
    let chooses = match ahead(&block.onward, at, order) {
        Onward::All(_) => false,
        Onward::Choice(cases, _) => !cases.is_empty() && !is_certain(&block.onward, at, order),
    };
    if chooses {
        block.put_own(StepKind::Switch(Box::default()), "-route", ids);
        block.router = block.steps.len().checked_sub(1);
    } else if block.last.is_empty() {
        block.put_mark(ids);
    }
}

/// When the loop back to `head` ends: when something else is chosen.
fn until(onward: &Onward<String>, head: usize) -> String {
    let Onward::Choice(cases, default) = onward else { return "false".to_owned() };
    let goes_on = |targets: &[usize]| (!targets.contains(&head)).to_string();
    let mut expression = goes_on(default);
    for (when, targets) in cases.iter().rev() {
        let value = goes_on(targets);
        expression = match (value.as_str(), expression.as_str()) {
            (value, rest) if value == rest => value.to_owned(),
            ("true", "false") => when.clone(),
            ("false", "true") => format!("not ({when})"),
            ("true", rest) => format!("({when}) or ({rest})"),
            (_, rest) => format!("not ({when}) and ({rest})"),
        };
    }
    expression
}

/// The ways forward: the cases that have one, and the last.
fn ahead(onward: &Onward<String>, at: usize, order: &Order) -> Onward<String> {
    let ahead = |targets: &[usize]| -> Vec<usize> {
        targets.iter().copied().filter(|to| !order.is_back(at, *to)).collect()
    };
    match onward {
        Onward::All(targets) => Onward::All(ahead(targets)),
        Onward::Choice(cases, default) => Onward::Choice(
            cases
                .iter()
                .map(|(when, targets)| (when.clone(), ahead(targets)))
                .filter(|(_, targets)| !targets.is_empty())
                .collect(),
            ahead(default),
        ),
    }
}

/// Whether there is one way forward and it is taken whenever none leads back.
fn is_certain(onward: &Onward<String>, at: usize, order: &Order) -> bool {
    let Onward::Choice(_, default) = onward else { return true };
    match ahead(onward, at, order) {
        Onward::Choice(cases, last) if cases.is_empty() => !last.is_empty(),
        Onward::Choice(cases, last) => cases.len() == 1 && last.is_empty() && !default.is_empty(),
        Onward::All(_) => true,
    }
}

/// Makes what comes next need the block, or its router choose.
fn ways(woven: &mut [Woven], at: usize, order: &Order, ids: &mut Ids) {
    let onward = ahead(&woven[at].onward, at, order);
    match (onward, woven[at].router) {
        (Onward::Choice(cases, last), Some(router)) => {
            let switch = choose(woven, at, cases, &last, order, ids);
            woven[at].steps[router].kind = StepKind::Switch(Box::new(switch));
        }
        (onward, _) => {
            let sources = woven[at].last.clone();
            for target in onward.targets() {
                woven[target].need(&sources);
            }
        }
    }
}

fn choose(
    woven: &mut [Woven],
    at: usize,
    cases: Vec<(String, Vec<usize>)>,
    last: &[usize],
    order: &Order,
    ids: &mut Ids,
) -> Switch {
    let router = woven[at].last.clone();
    let mut chosen: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut way = |targets: &[usize]| -> Vec<String> {
        let mut then: Vec<String> = Vec::new();
        for target in targets {
            let steps = chosen.entry(*target).or_insert_with(|| {
                if order.backward[*target].len() == 1 {
                    woven[*target].need(&router);
                    woven[*target].chosen = true;
                    return woven[*target].first_ids();
                }
                let id = ids.free(&format!("{}-to-{}", woven[at].id, woven[*target].id));
                woven[*target].need(std::slice::from_ref(&id));
                woven[at].steps.push(Step { needs: router.clone(), ..mark(id.clone()) });
                vec![id]
            });
            then.extend(steps.iter().filter(|id| !then.contains(id)).cloned().collect::<Vec<_>>());
        }
        then
    };
    let cases =
        cases.into_iter().map(|(when, targets)| SwitchCase { when, then: way(&targets) }).collect();
    Switch { cases, default: way(last) }
}

/// A step that does nothing: a place to come to.
fn mark(id: String) -> Step {
    Step::new(id, StepKind::Set { values: json!({}) })
}
