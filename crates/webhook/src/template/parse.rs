//! Parsing: from text to a syntax tree, in three passes: tokens, removal of standalone lines, tree.

use super::position::{Position, TemplateError};
use super::syntax::{MAX_NAME_BYTES, MAX_NESTING_DEPTH, MAX_TEMPLATE_BYTES, Name, Node, Section, TemplateTag};

const OPEN: &str = "{{";

/// Parses a template into its nodes and the tags that name a value.
pub(super) fn parse(text: &str) -> Result<(Vec<Node>, Vec<TemplateTag>), TemplateError> {
    if text.len() > MAX_TEMPLATE_BYTES {
        let reason = format!("the template has {} bytes (maximum {MAX_TEMPLATE_BYTES})", text.len());
        return Err(Position::START.error(reason));
    }
    let mut tokens = tokenize(text)?;
    drop_standalone_lines(&mut tokens);
    let mut tree = Tree::default();
    for token in tokens {
        tree.add(token)?;
    }
    tree.finish()
}

struct Token<'t> {
    kind: TokenKind<'t>,
    at: Position,
}

enum TokenKind<'t> {
    /// Text within one line, which may include the line's end.
    Text(&'t str),
    Comment,
    Value {
        name: Name,
        escaped: bool,
    },
    Section {
        name: Name,
        inverted: bool,
    },
    Close(Name),
}

fn tokenize(text: &str) -> Result<Vec<Token<'_>>, TemplateError> {
    let mut scanner = Scanner { rest: text, at: Position::START };
    let mut tokens = Vec::new();
    loop {
        let (text, at) = scanner.take(scanner.rest.find(OPEN).unwrap_or(scanner.rest.len()));
        let mut at = at;
        for line in text.split_inclusive('\n') {
            tokens.push(Token { kind: TokenKind::Text(line), at });
            at = at.after(line);
        }
        if scanner.rest.is_empty() {
            return Ok(tokens);
        }
        tokens.push(scanner.tag()?);
    }
}

struct Scanner<'t> {
    rest: &'t str,
    at: Position,
}

impl<'t> Scanner<'t> {
    fn take(&mut self, bytes: usize) -> (&'t str, Position) {
        let (taken, rest) = self.rest.split_at(bytes);
        let at = self.at;
        self.rest = rest;
        self.at = at.after(taken);
        (taken, at)
    }

    /// Scans the tag at the beginning of the rest.
    fn tag(&mut self) -> Result<Token<'t>, TemplateError> {
        let at = self.at;
        let after_open = self.rest.strip_prefix(OPEN).unwrap_or(self.rest).trim_start();
        let sigil = after_open.chars().next().filter(|char| "{&#^/!>=".contains(*char));
        match sigil {
            Some('>') => return Err(at.error("partials (`{{> name}}`) are not supported")),
            Some('=') => return Err(at.error("set delimiters (`{{= =}}`) are not supported")),
            _ => {}
        }
        let inside = &after_open[sigil.map_or(0, char::len_utf8)..];
        let close = if sigil == Some('{') { "}}}" } else { "}}" };
        let Some((content, rest)) = inside.split_once(close) else {
            return Err(at.error(format!("the tag is not closed with `{close}`")));
        };
        self.take(self.rest.len() - rest.len());
        Ok(Token { kind: token_kind(sigil, content, at)?, at })
    }
}

fn token_kind<'t>(sigil: Option<char>, content: &str, at: Position) -> Result<TokenKind<'t>, TemplateError> {
    if sigil == Some('!') {
        return Ok(TokenKind::Comment);
    }
    let name = parse_name(content.trim()).map_err(|reason| at.error(reason))?;
    Ok(match sigil {
        Some('#') => TokenKind::Section { name, inverted: false },
        Some('^') => TokenKind::Section { name, inverted: true },
        Some('/') => TokenKind::Close(name),
        _ => TokenKind::Value { name, escaped: sigil.is_none() },
    })
}

fn parse_name(text: &str) -> Result<Name, String> {
    if text.is_empty() {
        return Err("the tag has no name".to_owned());
    }
    // Checked before the length: a tag that extends over half of the template is most likely not closed.
    if let Some(char) = text.chars().find(|&char| char.is_control() || "{}\"".contains(char)) {
        return Err(format!("a name cannot contain {char:?}: check where the tag is closed"));
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(format!("the name has {} bytes (maximum {MAX_NAME_BYTES})", text.len()));
    }
    let name = Name(text.into());
    if name.is_item() {
        return Ok(name);
    }
    // Values are JSON, so there are no lambdas to call. Names that expect one, or a helper of Handlebars, can be detected:
    // `{{#each event.tags}}`, `{{upper(event.name)}}`. The other parts may be any key.
    if name.root().contains(|char: char| char.is_whitespace() || char == '(') {
        return Err(format!("`{name}` is not a valid name: helpers and lambdas are not supported"));
    }
    if text.split('.').any(str::is_empty) {
        return Err(format!("the name `{name}` has an empty part before, between or after its dots"));
    }
    // Each part is a separate lookup.
    if text.split('.').count() > MAX_NESTING_DEPTH {
        return Err(format!("the name has more than {MAX_NESTING_DEPTH} parts"));
    }
    Ok(name)
}

/// Removes lines that contain only white space and tags without output. They format the template, and would appear as
/// blank lines in the body.
fn drop_standalone_lines(tokens: &mut [Token<'_>]) {
    let ends_line = |token: &Token<'_>| matches!(token.kind, TokenKind::Text(text) if text.ends_with('\n'));
    for line in tokens.split_inclusive_mut(ends_line) {
        let blank = line.iter().all(|token| match &token.kind {
            TokenKind::Text(text) => text.trim().is_empty(),
            TokenKind::Value { .. } => false,
            TokenKind::Comment | TokenKind::Section { .. } | TokenKind::Close(_) => true,
        });
        let only_text = line.iter().all(|token| matches!(token.kind, TokenKind::Text(_)));
        if !blank || only_text {
            continue;
        }
        for token in line {
            if let TokenKind::Text(text) = &mut token.kind {
                *text = "";
            }
        }
    }
}

#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
    /// Sections that are not closed yet, outermost first.
    open: Vec<Section>,
    tags: Vec<TemplateTag>,
}

impl Tree {
    fn add(&mut self, token: Token<'_>) -> Result<(), TemplateError> {
        let at = token.at;
        match token.kind {
            TokenKind::Comment => {}
            TokenKind::Text(text) => self.add_text(text, at),
            TokenKind::Value { name, escaped } => {
                self.add_tag(&name, at);
                self.innermost().push(Node::Value { name, escaped, at });
            }
            TokenKind::Section { name, inverted } => {
                if self.open.len() == MAX_NESTING_DEPTH {
                    return Err(
                        at.error(format!("the section `{name}` is nested more than {MAX_NESTING_DEPTH} levels deep"))
                    );
                }
                self.add_tag(&name, at);
                self.open.push(Section { name, inverted, nodes: Vec::new(), at });
            }
            TokenKind::Close(name) => self.close(&name, at)?,
        }
        Ok(())
    }

    /// Appends to the previous text, if there is any: rendering counts nodes, and one node for many lines is cheaper.
    fn add_text(&mut self, text: &str, at: Position) {
        match self.innermost().last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text { text: previous, .. }) => previous.push_str(text),
            _ => self.innermost().push(Node::Text { text: text.to_owned(), at }),
        }
    }

    fn close(&mut self, name: &Name, at: Position) -> Result<(), TemplateError> {
        let Some(section) = self.open.pop() else {
            return Err(at.error(format!("`{{{{/{name}}}}}` closes a section that is not open")));
        };
        if section.name != *name {
            let Section { name: open, at: Position { line, .. }, .. } = section;
            let reason = format!("`{{{{/{name}}}}}` cannot close the section `{open}` of line {line}");
            return Err(at.error(reason));
        }
        self.innermost().push(Node::Section(section));
        Ok(())
    }

    fn add_tag(&mut self, name: &Name, at: Position) {
        let is_root = self.open.iter().all(|section| section.inverted);
        self.tags.push(TemplateTag { name: name.0.clone(), position: at, is_root });
    }

    fn innermost(&mut self) -> &mut Vec<Node> {
        self.open.last_mut().map_or(&mut self.nodes, |section| &mut section.nodes)
    }

    fn finish(self) -> Result<(Vec<Node>, Vec<TemplateTag>), TemplateError> {
        match self.open.last() {
            Some(section) => Err(section.at.error(format!("the section `{}` is not closed", section.name))),
            None => Ok((self.nodes, self.tags)),
        }
    }
}
