//! Where the expressions of a file stand.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Parts of a file, in bytes.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Expressions with an operator, by where the operator begins.
    pub(super) operations: HashMap<usize, Range<usize>>,
    /// Expressions that make a struct.
    pub(super) structs: Vec<Range<usize>>,
    /// Arms of which one takes what the others do not, by where they begin: where their pattern ends, and their guard.
    pub(super) arms: HashMap<usize, (usize, Option<Range<usize>>)>,
    /// What is worked out when it is compiled.
    constants: Vec<Range<usize>>,
    /// Functions that may be called when it is compiled.
    constant_functions: Vec<Range<usize>>,
}

impl Places {
    pub(super) fn of(text: &str) -> Result<Self> {
        let file = syn::parse_file(text).context("no Rust")?;
        let mut places = Self::default();
        places.visit_file(&file);
        Ok(places)
    }

    /// Whether something is worked out when it is compiled.
    pub(super) fn is_constant(&self, at: usize) -> bool {
        self.constants.iter().any(|range| range.contains(&at)) || self.is_in_constant_function(at)
    }

    /// Whether something is in a function that may be called when it is compiled.
    pub(super) fn is_in_constant_function(&self, at: usize) -> bool {
        self.constant_functions.iter().any(|range| range.contains(&at))
    }

    fn constant(&mut self, of: &impl Spanned) {
        self.constants.push(range(of));
    }
}

fn range(of: &impl Spanned) -> Range<usize> {
    of.span().byte_range()
}

/// Whether it binds names for what follows it, which nothing can be put around.
fn binds(expression: &syn::Expr) -> bool {
    if let syn::Expr::Binary(both) = expression {
        return binds(&both.left) || binds(&both.right);
    }
    matches!(expression, syn::Expr::Let(_))
}

/// Whether it is `_` or a new name.
fn takes_all(pattern: &syn::Pat) -> bool {
    if let syn::Pat::Ident(name) = pattern {
        return name.ident.to_string().starts_with(char::is_lowercase);
    }
    matches!(pattern, syn::Pat::Wild(_))
}

impl<'ast> Visit<'ast> for Places {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        if !binds(&node.left) && !binds(&node.right) {
            self.operations.insert(range(&node.op).start, range(node));
        }
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        self.operations.insert(range(&node.op).start, range(node));
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        self.structs.push(range(node));
        visit::visit_expr_struct(self, node);
    }

    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        if node.arms.iter().any(|arm| arm.guard.is_none() && takes_all(&arm.pat)) {
            for arm in &node.arms {
                let guard = arm.guard.as_ref().map(|(_, guard)| range(guard));
                self.arms.insert(range(arm).start, (range(&arm.pat).end, guard));
            }
        }
        visit::visit_expr_match(self, node);
    }

    fn visit_item_const(&mut self, node: &'ast syn::ItemConst) {
        self.constant(node);
    }

    fn visit_item_static(&mut self, node: &'ast syn::ItemStatic) {
        self.constant(node);
    }

    fn visit_impl_item_const(&mut self, node: &'ast syn::ImplItemConst) {
        self.constant(node);
    }

    fn visit_trait_item_const(&mut self, node: &'ast syn::TraitItemConst) {
        self.constant(node);
    }

    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        if node.sig.constness.is_some() {
            self.constant_functions.push(range(node));
        } else {
            visit::visit_item_fn(self, node);
        }
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        if node.sig.constness.is_some() {
            self.constant_functions.push(range(node));
        } else {
            visit::visit_impl_item_fn(self, node);
        }
    }

    fn visit_expr_repeat(&mut self, node: &'ast syn::ExprRepeat) {
        self.constant(&node.len);
        visit::visit_expr_repeat(self, node);
    }

    fn visit_type_array(&mut self, node: &'ast syn::TypeArray) {
        self.constant(&node.len);
        visit::visit_type_array(self, node);
    }
}
