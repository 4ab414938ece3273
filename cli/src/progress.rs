//! The progress of runs: a tree that is drawn again and again on a terminal, lines elsewhere.

mod lines;
mod picture;
mod tree;

use crate::output;

pub(crate) use picture::Picture;

use picture::Line;
use tree::Tree;

/// Where progress is shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Display {
    /// A tree on a terminal.
    Tree(Tree),
    /// A line for each change.
    Lines {
        /// Names of the runs whose head has been printed.
        headed: Vec<String>,
        /// Names of the runs whose end has been printed.
        ended: Vec<String>,
        /// Whether a blank line was printed last.
        is_blank: bool,
    },
    /// Nowhere.
    Silent,
}

impl Display {
    /// What fits the user's terminal and flags.
    pub(crate) fn for_user() -> Self {
        if output::is_quiet() {
            return Self::Silent;
        }
        if output::stderr_is_terminal() {
            return Self::Tree(Tree::default());
        }
        Self::Lines { headed: Vec::new(), ended: Vec::new(), is_blank: false }
    }

    /// An event was recorded.
    pub(crate) fn event(&mut self, picture: &Picture, line: Option<Line>) {
        if let Self::Lines { headed, is_blank, .. } = self {
            if !headed.iter().any(|name| name == picture.name()) {
                headed.push(picture.name().to_owned());
                output::note(picture.head());
                *is_blank = true;
            }
            if let Some(line) = line {
                *is_blank = false;
                output::note(lines::line(picture, &line));
            }
        }
    }

    /// Shows where runs stand.
    pub(crate) fn draw<'p>(&mut self, pictures: impl Iterator<Item = &'p Picture>) {
        match self {
            Self::Tree(tree) => tree.draw(pictures),
            Self::Lines { ended, is_blank, .. } => {
                for picture in pictures.filter(|picture| picture.summary().is_some()) {
                    if !ended.iter().any(|name| name == picture.name()) {
                        ended.push(picture.name().to_owned());
                        let summary = picture.summary().unwrap_or_default();
                        lines::behind(*is_blank, summary).iter().for_each(output::note);
                        *is_blank = false;
                    }
                }
            }
            Self::Silent => {}
        }
    }

    /// Leaves the last picture on the screen.
    pub(crate) fn end(&mut self) {
        if let Self::Tree(tree) = self {
            tree.end();
        }
    }
}
