//! From text to nodes, in three passes: pieces, lines that vanish, nodes.

use super::{
    MAX_NAME_BYTES, MAX_NESTING, MAX_TEMPLATE_BYTES, Name, Named, Node, Position, Section, Template, TemplateError,
};

const OPEN: &str = "{{";

pub(super) fn parse(text: &str) -> Result<Template, TemplateError> {
    if text.len() > MAX_TEMPLATE_BYTES {
        let reason = format!("the template has {} bytes, more than {MAX_TEMPLATE_BYTES}", text.len());
        return Err(Position::START.error(reason));
    }
    let mut pieces = pieces(text)?;
    drop_standalone_lines(&mut pieces);
    let mut tree = Tree::default();
    for piece in pieces {
        tree.add(piece)?;
    }
    tree.finish()
}

struct Piece<'t> {
    kind: Kind<'t>,
    at: Position,
}

enum Kind<'t> {
    /// Within a line, or to its end.
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

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut scanner = Scanner { rest: text, at: Position::START };
    let mut pieces = Vec::new();
    loop {
        let (text, at) = scanner.take(scanner.rest.find(OPEN).unwrap_or(scanner.rest.len()));
        let mut at = at;
        for line in text.split_inclusive('\n') {
            pieces.push(Piece { kind: Kind::Text(line), at });
            at = at.after(line);
        }
        if scanner.rest.is_empty() {
            return Ok(pieces);
        }
        pieces.push(scanner.tag()?);
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

    /// The tag that the rest begins with.
    fn tag(&mut self) -> Result<Piece<'t>, TemplateError> {
        let at = self.at;
        let after_open = self.rest.strip_prefix(OPEN).unwrap_or(self.rest).trim_start();
        let sigil = after_open.chars().next().filter(|char| "{&#^/!>=".contains(*char));
        match sigil {
            Some('>') => return Err(at.error("partials, `{{> name}}`, are not supported")),
            Some('=') => return Err(at.error("other delimiters, `{{= =}}`, are not supported")),
            _ => {}
        }
        let inside = &after_open[sigil.map_or(0, char::len_utf8)..];
        let close = if sigil == Some('{') { "}}}" } else { "}}" };
        let Some((content, rest)) = inside.split_once(close) else {
            return Err(at.error(format!("the tag is never closed with `{close}`")));
        };
        self.take(self.rest.len() - rest.len());
        Ok(Piece { kind: kind(sigil, content, at)?, at })
    }
}

fn kind<'t>(sigil: Option<char>, content: &str, at: Position) -> Result<Kind<'t>, TemplateError> {
    if sigil == Some('!') {
        return Ok(Kind::Comment);
    }
    let name = name(content.trim()).map_err(|reason| at.error(reason))?;
    Ok(match sigil {
        Some('#') => Kind::Section { name, inverted: false },
        Some('^') => Kind::Section { name, inverted: true },
        Some('/') => Kind::Close(name),
        _ => Kind::Value { name, escaped: sigil.is_none() },
    })
}

fn name(text: &str) -> Result<Name, String> {
    if text.is_empty() {
        return Err("the tag has no name".to_owned());
    }
    // Before the length: what is wrong with a tag that swallows half of the template is that it does not end.
    if let Some(char) = text.chars().find(|&char| char.is_control() || "{}\"".contains(char)) {
        return Err(format!("a name cannot have {char:?} in it: is the tag closed where it should be?"));
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(format!("the name has {} bytes, more than {MAX_NAME_BYTES}", text.len()));
    }
    let name = Name(text.into());
    if name.is_item() {
        return Ok(name);
    }
    // Values are JSON, so that there are no lambdas to find. What can be told is what expects one, or a helper of
    // Handlebars: `{{#each event.tags}}`, `{{upper(event.name)}}`. Later parts may be any key.
    if name.root().contains(|char: char| char.is_whitespace() || char == '(') {
        return Err(format!("`{name}` is no name: helpers and lambdas are not supported"));
    }
    if text.split('.').any(str::is_empty) {
        return Err(format!("the name `{name}` has nothing before, between or after its dots"));
    }
    // Each part is a step of its own.
    if text.split('.').count() > MAX_NESTING {
        return Err(format!("the name has more than {MAX_NESTING} parts"));
    }
    Ok(name)
}

/// Empties the text of lines that have no more than white space and tags that write nothing themselves: the author
/// put those there for the eye, and the body would have blank lines for them.
fn drop_standalone_lines(pieces: &mut [Piece<'_>]) {
    let ends_line = |piece: &Piece<'_>| matches!(piece.kind, Kind::Text(text) if text.ends_with('\n'));
    for line in pieces.split_inclusive_mut(ends_line) {
        let blank = line.iter().all(|piece| match &piece.kind {
            Kind::Text(text) => text.trim().is_empty(),
            Kind::Value { .. } => false,
            Kind::Comment | Kind::Section { .. } | Kind::Close(_) => true,
        });
        let only_text = line.iter().all(|piece| matches!(piece.kind, Kind::Text(_)));
        if !blank || only_text {
            continue;
        }
        for piece in line {
            if let Kind::Text(text) = &mut piece.kind {
                *text = "";
            }
        }
    }
}

#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
    /// The sections that are not closed yet, outermost first.
    open: Vec<Section>,
    names: Vec<Named>,
}

impl Tree {
    fn add(&mut self, piece: Piece<'_>) -> Result<(), TemplateError> {
        let at = piece.at;
        match piece.kind {
            Kind::Comment => {}
            Kind::Text(text) => self.text(text, at),
            Kind::Value { name, escaped } => {
                self.note(&name, at);
                self.innermost().push(Node::Value { name, escaped, at });
            }
            Kind::Section { name, inverted } => {
                if self.open.len() == MAX_NESTING {
                    return Err(at.error(format!("the section `{name}` is nested more than {MAX_NESTING} deep")));
                }
                self.note(&name, at);
                self.open.push(Section { name, inverted, nodes: Vec::new(), at });
            }
            Kind::Close(name) => self.close(&name, at)?,
        }
        Ok(())
    }

    /// Adds to the text before, if there is any: nodes are counted when they are rendered, lines need not be.
    fn text(&mut self, text: &str, at: Position) {
        match self.innermost().last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text { text: before, .. }) => before.push_str(text),
            _ => self.innermost().push(Node::Text { text: text.to_owned(), at }),
        }
    }

    fn close(&mut self, name: &Name, at: Position) -> Result<(), TemplateError> {
        let Some(section) = self.open.pop() else {
            return Err(at.error(format!("`{{{{/{name}}}}}` closes a section that is not open")));
        };
        if section.name != *name {
            let Section { name: open, at: Position { line, .. }, .. } = section;
            let reason =
                format!("`{{{{/{name}}}}}` is where the section `{open}` of line {line} is to be closed first");
            return Err(at.error(reason));
        }
        self.innermost().push(Node::Section(section));
        Ok(())
    }

    fn note(&mut self, name: &Name, at: Position) {
        let is_root = self.open.iter().all(|section| section.inverted);
        self.names.push(Named { name: name.0.clone(), at, is_root });
    }

    fn innermost(&mut self) -> &mut Vec<Node> {
        self.open.last_mut().map_or(&mut self.nodes, |section| &mut section.nodes)
    }

    fn finish(self) -> Result<Template, TemplateError> {
        match self.open.last() {
            Some(section) => Err(section.at.error(format!("the section `{}` is never closed", section.name))),
            None => Ok(Template { nodes: self.nodes, names: self.names }),
        }
    }
}
