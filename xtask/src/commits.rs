//! Checks of commit subjects: `area: imperative summary`.

use crate::process::{Result, output_of, program};

/// Maximum length of a subject, in characters.
const MAX_SUBJECT_CHARACTERS: usize = 72;

/// Checks the subjects of the commits between `base` and `HEAD`, without merges.
pub(crate) fn check_commits(base: &str) -> Result {
    let range = format!("{base}..HEAD");
    let log = output_of(program("git", &["log", "--no-merges", "--format=%h %s", &range]))?;
    let mut problems = Vec::new();
    for (commit, subject) in log.lines().filter_map(|line| line.split_once(' ')) {
        if let Err(problem) = check_subject(subject) {
            problems.push(format!("{commit} \"{subject}\": {problem}"));
        }
    }
    if problems.is_empty() {
        eprintln!("    {} commits checked", log.lines().count());
        return Ok(());
    }
    Err(format!("commit subjects must be `area: imperative summary`:\n  {}", problems.join("\n  ")))
}

fn check_subject(subject: &str) -> Result {
    let length = subject.chars().count();
    if length > MAX_SUBJECT_CHARACTERS {
        return Err(format!("{length} characters, expected at most {MAX_SUBJECT_CHARACTERS}"));
    }
    let is_area = |area: &str| {
        area.starts_with(|first: char| first.is_ascii_lowercase() || first == '.')
            && area.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_/.".contains(c))
    };
    match subject.split_once(": ") {
        Some((areas, summary)) if areas.split(", ").all(is_area) => {
            if summary.trim().is_empty() {
                Err("the summary is empty".to_owned())
            } else if summary.ends_with('.') {
                Err("the summary ends with a period".to_owned())
            } else {
                Ok(())
            }
        }
        _ => Err("the subject does not begin with an area such as `store: `".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_subject;

    #[test]
    fn subjects_with_an_area_pass() {
        for subject in ["store: retry throttled writes", "query, web: cache facets", ".ci: keep screenshots"] {
            assert_eq!(check_subject(subject), Ok(()), "{subject}");
        }
    }

    #[test]
    fn other_subjects_fail() {
        let long = format!("store: {}", "a".repeat(66));
        for subject in
            ["Updates of deliveries", "Store: retry writes", "store:retry", "store: ", "store: retry.", &long]
        {
            assert!(check_subject(subject).is_err(), "{subject}");
        }
    }
}
