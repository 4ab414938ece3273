//! The tree on a terminal: every step on a line, drawn again in place.

use std::io::Write;

use super::lines;
use super::picture::{Picture, Status, Step};
use crate::text;

/// Lines of a terminal that cannot be measured.
const HEIGHT: usize = 24;
/// Columns of a terminal that cannot be measured.
const WIDTH: usize = 80;
/// Begins and ends an update that the terminal shows at once.
const UPDATE: [&str; 2] = ["\u{1b}[?2026h", "\u{1b}[?2026l"];

/// What stands on the terminal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    /// Lines that were drawn and are drawn over next time.
    drawn: Vec<String>,
}

impl Tree {
    /// Draws runs over what was drawn before.
    pub(super) fn draw<'p>(&mut self, pictures: impl Iterator<Item = &'p Picture>) {
        let (height, width) = size();
        let pictures: Vec<&Picture> = pictures.collect();
        let each = height.saturating_sub(2) / pictures.len().max(1);
        let lines: Vec<String> = pictures
            .iter()
            .flat_map(|picture| run(picture, each.max(4)))
            .map(|line| cut(&line, width))
            .collect();
        if lines == self.drawn {
            return;
        }
        let up = match self.drawn.len() {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}A"),
        };
        let body: Vec<String> = lines.iter().map(|line| format!("\r{line}\u{1b}[K\n")).collect();
        let body = body.concat();
        let [begin, end] = UPDATE;
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{begin}{up}{body}\u{1b}[J{end}");
        let _ = err.flush();
        self.drawn = lines;
    }

    /// Leaves what stands there.
    pub(super) fn end(&mut self) {
        self.drawn.clear();
    }
}

/// A run in at most `lines_max` lines.
fn run(picture: &Picture, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = picture.head().split('\n').map(str::to_owned).collect();
    let summary = picture.summary().unwrap_or_default();
    let room = lines_max.saturating_sub(lines.len() + summary.len() + 1);
    let (shown, left_out) = choose(picture.steps(), room);
    lines.extend(shown.iter().map(|step| lines::step(step, picture.id_width)));
    if left_out > 0 {
        let done = picture.steps().iter().filter(|step| step.status == Status::Completed).count();
        lines.push(format!(
            "  … and {left_out} more; {done} of {} completed",
            picture.steps().len()
        ));
    }
    let is_blank = lines.last().is_some_and(String::is_empty);
    lines.extend(lines::behind(is_blank, summary).iter().cloned());
    lines
}

/// The steps that are shown, in order: all if there is room, otherwise those at work, and then the last that settled.
fn choose(steps: &[Step], room: usize) -> (Vec<&Step>, usize) {
    if steps.len() <= room {
        return (steps.iter().collect(), 0);
    }
    let active = steps.iter().enumerate().filter(|(_, step)| step.status.is_active());
    let mut chosen: Vec<usize> = active.map(|(at, _)| at).take(room).collect();
    let settled = |step: &Step| !step.status.is_active() && step.status != Status::Pending;
    let last = steps.iter().enumerate().rev().filter(|(_, step)| settled(step)).map(|(at, _)| at);
    chosen.extend(last.take(room - chosen.len()));
    chosen.sort_unstable();
    let shown: Vec<&Step> = chosen.iter().filter_map(|at| steps.get(*at)).collect();
    let left_out = steps.len() - shown.len();
    (shown, left_out)
}

/// Cuts a line to the width of the terminal; colours take no room.
fn cut(line: &str, width: usize) -> String {
    if text::width(line) <= width {
        return line.to_owned();
    }
    let (mut kept, mut shown, mut in_escape) = (String::new(), 0, false);
    for char in line.chars() {
        in_escape = in_escape || char == '\u{1b}';
        if !in_escape {
            shown += 1;
        }
        if shown >= width {
            break;
        }
        kept.push(char);
        in_escape = in_escape && char != 'm';
    }
    format!("{kept}…{}", text::RESET)
}

/// Lines and columns of the terminal.
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
        Ok(_) | Err(_) => (HEIGHT, WIDTH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_colours_end() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcdef", 4), "abc…\u{1b}[0m");
        assert_eq!(cut("\u{1b}[32mabcdef", 4), "\u{1b}[32mabc…\u{1b}[0m");
    }
}
