//! Passages of pages, configuration, scripts and the API's document.

use super::passage::{Kind, Passage};

/// Returns the passages of a Markdown page: paragraphs, list items, headings and table rows, without code.
pub(super) fn markdown(text: &str) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut current = Passage::new(Kind::Page);
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark)) {
            fence = match fence {
                None => Some(mark),
                Some(open) if open == mark => None,
                open => open,
            };
            passages.push(std::mem::replace(&mut current, Passage::new(Kind::Page)));
            continue;
        }
        if fence.is_some() {
            continue;
        }
        let item = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_item = ["- ", "* ", "+ "].iter().any(|mark| trimmed.starts_with(mark))
            || (item.len() < trimmed.len() && item.starts_with(". "));
        if trimmed.is_empty() || is_item || trimmed.starts_with(['#', '|', '>', '<']) {
            passages.push(std::mem::replace(&mut current, Passage::new(Kind::Page)));
        }
        let content = match trimmed {
            _ if is_item => item.trim_start_matches(['-', '*', '+', '.', ' ']),
            _ if trimmed.starts_with('<') => "",
            _ => trimmed.trim_start_matches(['#', '>', ' ']),
        };
        if trimmed.starts_with('|') {
            let cells = trimmed.split('|').map(str::trim).filter(|cell| !cell.is_empty());
            passages.extend(cells.map(|cell| Passage::of_line(Kind::Page, index + 1, cell)));
        } else if !content.is_empty() {
            current.push(index + 1, content);
        }
    }
    passages.push(current);
    passages.retain(|passage| !passage.is_empty());
    passages
}

/// Returns the comments of YAML, TOML, shell and Python, and the descriptions of YAML.
pub(super) fn hash_comments(text: &str, is_yaml: bool) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut comment = Passage::new(Kind::Comment);
    let mut description: Option<(usize, Passage)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, trimmed) = (index + 1, line.trim_start());
        let indent = line.len() - trimmed.len();
        if let Some((parent, _)) = &description
            && (trimmed.is_empty() || indent <= *parent)
        {
            passages.extend(description.take().map(|(_, passage)| passage));
        }
        if let Some((_, passage)) = &mut description {
            passage.push(number, trimmed);
            continue;
        }
        match trimmed.strip_prefix('#').filter(|comment| !comment.starts_with('!')) {
            Some(text) if !text.trim().is_empty() => comment.push(number, text.trim_start_matches('#')),
            _ => passages.push(std::mem::replace(&mut comment, Passage::new(Kind::Comment))),
        }
        if trimmed.starts_with('#') {
            continue;
        }
        let key = trimmed.trim_start_matches("- ");
        let described =
            ["Description:", "description:", "AlarmDescription:", "ConstraintDescription:", "name:", "title:"]
                .into_iter()
                .find_map(|name| key.strip_prefix(name));
        if let Some(value) = described.filter(|_| is_yaml) {
            let value = value.trim().trim_start_matches(['>', '|', '-', '"', '\'']);
            description = Some((indent, Passage::of_line(Kind::Description, number, value)));
        } else if let Some((_, text)) = line.split_once(" # ") {
            passages.push(Passage::of_line(Kind::Comment, number, text));
        }
    }
    passages.push(comment);
    passages.extend(description.map(|(_, passage)| passage));
    passages.retain(|passage| !passage.is_empty());
    passages
}

/// Returns the summaries, descriptions and titles of the API's document, which has a member on each line.
pub(super) fn openapi(text: &str) -> Vec<Passage> {
    let described = |line: &str| {
        let (name, value) = line.trim().split_once(": ")?;
        ["\"summary\"", "\"description\"", "\"title\"", "\"detail\""].contains(&name).then_some(())?;
        serde_json::from_str::<String>(value.trim_end_matches(',')).ok()
    };
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, line)| Some(Passage::of_line(Kind::Description, index + 1, &described(line)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(passages: &[Passage]) -> Vec<&str> {
        passages.iter().map(|passage| passage.text.as_str()).collect()
    }

    #[test]
    fn a_page_is_split_into_paragraphs_without_code() {
        let page = "# A title\n\nOne\ntwo.\n- item\n  more\n1. first\n\n```sh\nanew\n```\n\n| a | b c |\n|---|---|\n";
        let found = markdown(page);
        assert_eq!(texts(&found)[..4], ["A title", "One two.", "item more", "first"]);
        assert!(texts(&found).contains(&"b c"), "{found:?}");
        assert_eq!(found[1].line(found[1].text.len()), 4);
    }

    #[test]
    fn comments_and_descriptions_of_yaml_are_found() {
        let text = "# One\n# two.\nKey:\n  Description: >-\n    Three\n    four.\n  Type: String # five\n";
        assert_eq!(texts(&hash_comments(text, true)), ["One two.", "Three four.", "five"]);
        assert_eq!(texts(&hash_comments("#!/bin/sh\necho # six\n", false)), ["six"]);
    }

    #[test]
    fn texts_of_the_api_are_found() {
        let text = "{\n  \"summary\": \"Search events\",\n  \"type\": \"object\"\n}\n";
        assert_eq!(texts(&openapi(text)), ["Search events"]);
    }
}
