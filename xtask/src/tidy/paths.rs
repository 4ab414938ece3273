//! Paths of the machine that something was written on: they mean nothing elsewhere.

use super::tree::Source;

/// Written in pieces, because this file is checked as well.
const FOLDERS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Every line of a text file that holds such a path.
pub(crate) fn problems(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(source_problems).collect()
}

fn source_problems(source: &Source) -> impl Iterator<Item = String> {
    source.text.lines().zip(1..).filter_map(|(line, number)| {
        let folder = FOLDERS.iter().find(|folder| holds(line, folder))?;
        Some(format!("{}:{number}: {folder}", source.path))
    })
}

/// Whether `line` has an absolute path below `folder`: one that is no part of a longer path or address.
fn holds(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        before.is_none_or(|character| {
            !character.is_alphanumeric() && !"._-~$*})>".contains(character)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::file;
    use super::*;

    #[test]
    fn each_folder_is_found() {
        for folder in FOLDERS {
            for text in [format!("cd {folder}x"), format!("`{folder}`"), format!("file://{folder}")]
            {
                let found = problems(&[file("docs/a.md", &format!("# A\n{text}\n"))]);
                assert_eq!(found, [format!("docs/a.md:2: {folder}")]);
            }
        }
    }

    #[test]
    fn part_of_a_longer_path_passes() {
        for folder in FOLDERS {
            let text =
                format!("https://example.com{folder}a $HOME{folder}b ~{folder} {{a}}{folder}");
            assert!(problems(&[file("docs/a.md", &text)]).is_empty());
        }
    }
}
