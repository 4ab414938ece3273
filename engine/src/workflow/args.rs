//! What a step of a graph is given: one node, or a tuple of nodes in the order of the function's input.

use nexus_model::plan::is_plain_id;
use petgraph::graph::NodeIndex;
use serde_json::{Value, json};

use super::node::Node;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The input of the workflow.
    Input,
    /// The output of a step.
    Step(NodeIndex),
}

/// The nodes that a step is given.
#[derive(Debug)]
pub struct Wiring {
    sources: Vec<Source>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Nothing,
    One,
    Tuple,
}

/// What can be given to a step whose input is `In`: a [`Node`], a tuple of up to eight of them, or `()`.
#[diagnostic::on_unimplemented(
    message = "this step takes `{In}`, but the nodes you passed are `{Self}`",
    label = "wrong input for this step",
    note = "pass one node for a step with one input, or a tuple of nodes in the order of the step's input"
)]
pub trait Args<'d, In>: sealed::Sealed + Sized {
    /// The nodes, in order.
    fn wiring(self) -> Wiring;
}

impl Wiring {
    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The template of the input; `id` names steps.
    pub(super) fn template(&self, id: impl Fn(NodeIndex) -> String) -> Value {
        let value = |source: &Source| match source {
            Source::Input => json!("${{ inputs }}"),
            Source::Step(at) => json!(format!("${{{{ {} }}}}", output_of(&id(*at)))),
        };
        let mut values = self.sources.iter().map(value);
        match self.shape {
            Shape::Nothing => Value::Null,
            Shape::One => values.next().unwrap_or_default(),
            Shape::Tuple => values.collect(),
        }
    }
}

/// The expression for the output of a step.
pub(super) fn output_of(id: &str) -> String {
    if is_plain_id(id) && !id.contains('-') {
        format!("steps.{id}.output")
    } else {
        format!("steps[{}].output", json!(id))
    }
}

impl Args<'_, ()> for () {
    fn wiring(self) -> Wiring {
        Wiring { sources: Vec::new(), shape: Shape::Nothing }
    }
}

impl<'d, A> Args<'d, A> for Node<'d, A> {
    fn wiring(self) -> Wiring {
        Wiring { sources: vec![self.source()], shape: Shape::One }
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<'d, $($name),+> Args<'d, ($($name,)+)> for ($(Node<'d, $name>,)+) {
            #[expect(non_snake_case, reason = "the names of the types name the values")]
            fn wiring(self) -> Wiring {
                let ($($name,)+) = self;
                Wiring { sources: vec![$($name.source()),+], shape: Shape::Tuple }
            }
        }
        impl<$($name),+> sealed::Sealed for ($(Node<'_, $name>,)+) {}
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

mod sealed {
    #[expect(unnameable_types, reason = "nobody else implements it")]
    pub trait Sealed {}
    impl Sealed for () {}
    impl<A> Sealed for super::Node<'_, A> {}
}
