//! From text to a tree: tags are cut out of the text, lines that hold nothing but tags without output are taken out, and sections are
//! put around what is in them.

use crate::{Node, Path};

/// Sections may lie in each other so deep. Rendering follows them by recursion.
const MAX_DEPTH: usize = 64;

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ParseError {
    line: usize,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("a tag is not closed")]
    UnclosedTag,
    #[error("the delimiters of a {{{{=…=}}}} tag are not two words without =")]
    Delimiters,
    #[error("the section {0:?} is not closed")]
    UnclosedSection(String),
    #[error("the section {0:?} is closed, but not open")]
    UnopenedSection(String),
    #[error("the section {open:?} is open, and {closed:?} is closed")]
    MismatchedSection { open: String, closed: String },
    #[error("sections are nested deeper than {MAX_DEPTH}")]
    TooDeep,
}

pub(crate) fn parse(source: &str) -> Result<Vec<Node>, ParseError> {
    let mut scanner = Scanner::new(source);
    scanner.scan()?;
    nest(source, scanner.tokens)
}

/// A piece of a template, before sections are put together.
struct Token<'a> {
    /// Where it begins in the source
    position: usize,
    kind: TokenKind<'a>,
}

enum TokenKind<'a> {
    /// At most one line, with its end
    Text(&'a str),
    Escaped(&'a str),
    Raw(&'a str),
    Section(&'a str),
    Inverted(&'a str),
    Close(&'a str),
    /// A comment, a change of delimiters, a partial
    Nothing,
}

impl TokenKind<'_> {
    /// Whether the line on which this stands is to stay when there are only blanks beside it.
    fn shows(&self) -> bool {
        match self {
            Self::Text(text) => !text.trim().is_empty(),
            Self::Escaped(_) | Self::Raw(_) => true,
            Self::Section(_) | Self::Inverted(_) | Self::Close(_) | Self::Nothing => false,
        }
    }
}

struct Scanner<'a> {
    source: &'a str,
    position: usize,
    open: &'a str,
    close: &'a str,
    tokens: Vec<Token<'a>>,
    /// The first token of the line
    line: usize,
}

impl<'a> Scanner<'a> {
    fn new(source: &'a str) -> Self {
        Self { source, position: 0, open: "{{", close: "}}", tokens: Vec::new(), line: 0 }
    }

    fn scan(&mut self) -> Result<(), ParseError> {
        while let Some(length) = self.rest().find(self.open) {
            self.text(length);
            let position = self.position;
            let kind = self.tag().map_err(|problem| error(self.source, position, problem))?;
            self.tokens.push(Token { position, kind });
        }
        self.text(self.rest().len());
        self.end_line();
        Ok(())
    }

    fn rest(&self) -> &'a str {
        &self.source[self.position..]
    }

    /// Takes the next `length` bytes, line by line.
    fn text(&mut self, length: usize) {
        let text = &self.rest()[..length];
        for line in text.split_inclusive('\n') {
            self.tokens.push(Token { position: self.position, kind: TokenKind::Text(line) });
            self.position += line.len();
            if line.ends_with('\n') {
                self.end_line();
            }
        }
    }

    /// A line of nothing but blanks and tags that show nothing leaves no trace.
    fn end_line(&mut self) {
        let line = &mut self.tokens[self.line..];
        let has_tag = line.iter().any(|token| !matches!(token.kind, TokenKind::Text(_)));
        if has_tag && !line.iter().any(|token| token.kind.shows()) {
            for token in line {
                if let TokenKind::Text(blanks) = &mut token.kind {
                    *blanks = "";
                }
            }
        }
        self.line = self.tokens.len();
    }

    /// Takes one tag, which begins at the position.
    fn tag(&mut self) -> Result<TokenKind<'a>, Problem> {
        self.position += self.open.len();
        self.position += self.rest().len() - self.rest().trim_start().len();
        let sigil = self.rest().chars().next().ok_or(Problem::UnclosedTag)?;
        if matches!(sigil, '#' | '^' | '/' | '>' | '{' | '&' | '=' | '!') {
            self.position += sigil.len_utf8();
        }
        if sigil == '=' {
            self.change_delimiters()?;
            return Ok(TokenKind::Nothing);
        }
        let brace = if sigil == '{' { "}" } else { "" };
        let name = self.until(&[brace, self.close].concat())?;
        Ok(match sigil {
            '#' => TokenKind::Section(name),
            '^' => TokenKind::Inverted(name),
            '/' => TokenKind::Close(name),
            '{' | '&' => TokenKind::Raw(name),
            '!' | '>' => TokenKind::Nothing,
            _ => TokenKind::Escaped(name),
        })
    }

    /// The text before `end`, without blanks around it; the position is behind `end` then.
    fn until(&mut self, end: &str) -> Result<&'a str, Problem> {
        let length = self.rest().find(end).ok_or(Problem::UnclosedTag)?;
        let text = &self.rest()[..length];
        self.position += length + end.len();
        Ok(text.trim())
    }

    /// Takes what is behind the first `=` of a tag that changes the delimiters.
    fn change_delimiters(&mut self) -> Result<(), Problem> {
        let close = self.close;
        let delimiters = self.until("=")?;
        let is_end = self.until(close)?.is_empty();
        let mut words = delimiters.split_whitespace();
        let (Some(open), Some(close), None, true) = (words.next(), words.next(), words.next(), is_end) else {
            return Err(Problem::Delimiters);
        };
        (self.open, self.close) = (open, close);
        Ok(())
    }
}

/// A section that is not closed yet.
struct Open<'a> {
    token: Token<'a>,
    name: &'a str,
    before: Vec<Node>,
}

fn nest(source: &str, tokens: Vec<Token<'_>>) -> Result<Vec<Node>, ParseError> {
    let mut nodes = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::Text(text) => push_text(&mut nodes, text),
            TokenKind::Escaped(name) => nodes.push(Node::Escaped(Path::new(name))),
            TokenKind::Raw(name) => nodes.push(Node::Raw(Path::new(name))),
            TokenKind::Nothing => {}
            TokenKind::Section(name) | TokenKind::Inverted(name) => {
                if open.len() == MAX_DEPTH {
                    return Err(error(source, token.position, Problem::TooDeep));
                }
                open.push(Open { token, name, before: std::mem::take(&mut nodes) });
            }
            TokenKind::Close(name) => {
                let section = open.pop();
                let section =
                    section.ok_or_else(|| error(source, token.position, Problem::UnopenedSection(name.to_owned())))?;
                if section.name != name {
                    let problem = Problem::MismatchedSection { open: section.name.to_owned(), closed: name.to_owned() };
                    return Err(error(source, token.position, problem));
                }
                let within = std::mem::replace(&mut nodes, section.before);
                let path = Path::new(name);
                let is_inverted = matches!(section.token.kind, TokenKind::Inverted(_));
                nodes.push(if is_inverted { Node::Inverted(path, within) } else { Node::Section(path, within) });
            }
        }
    }
    match open.pop() {
        Some(section) => Err(error(source, section.token.position, Problem::UnclosedSection(section.name.to_owned()))),
        None => Ok(nodes),
    }
}

fn push_text(nodes: &mut Vec<Node>, text: &str) {
    match nodes.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => nodes.push(Node::Text(text.to_owned())),
    }
}

fn error(source: &str, position: usize, problem: Problem) -> ParseError {
    ParseError { line: 1 + source[..position].matches('\n').count(), problem }
}
