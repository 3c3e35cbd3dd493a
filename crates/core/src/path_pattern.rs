//! Patterns of routes as Parse Server's options write them: the syntax of the npm package `path-to-regexp`, version 8.
//!
//! `/classes/:name` has a parameter, `/files/*path` a wildcard, `/users{/:id}` an optional part; `\` takes the meaning of the
//! character after it. Case does not matter, nor does one slash at the end.

use fancy_regex::Regex;

/// Most ways in which the optional parts of one pattern may be there or not.
const MOST_COMBINATIONS: usize = 256;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct PathPattern(Regex);

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// A character that means nothing there.
    #[error("Unexpected {character} at index {index}")]
    Unexpected {
        /// The character.
        character: char,
        /// Where it stands.
        index: usize,
    },
    /// The text ends where something has to follow.
    #[error("Unexpected end at index {0}")]
    UnexpectedEnd(usize),
    /// A colon or an asterisk without a name.
    #[error("Missing parameter name at index {0}")]
    MissingName(usize),
    /// A name without its closing quote.
    #[error("Unterminated quote at index {0}")]
    UnterminatedQuote(usize),
    /// Two parameters with nothing to tell them apart.
    #[error("Missing text before \"{0}\"")]
    MissingText(String),
    /// Too many optional parts.
    #[error("Too many path combinations")]
    TooManyCombinations,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    Parameter(String),
    Wildcard(String),
    Optional(Vec<Token>),
}

impl PathPattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The text is none.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        let mut parser = Parser { characters: text.chars().collect(), index: 0 };
        let tokens = parser.tokens(None)?;
        let mut paths = Vec::new();
        flatten(&tokens, &mut Vec::new(), &mut paths)?;
        let sources = paths.iter().map(|path| source(path)).collect::<Result<Vec<_>, _>>()?;
        let expression = format!("(?i)^(?:{})(?:/$)?$", sources.join("|"));
        Regex::new(&expression).map(Self).map_err(|_| InvalidPattern::TooManyCombinations)
    }

    /// Whether a path satisfies the pattern. One that is too costly to decide does.
    pub fn is_match(&self, path: &str) -> bool {
        self.0.is_match(path).unwrap_or(true)
    }
}

struct Parser {
    characters: Vec<char>,
    index: usize,
}

impl Parser {
    /// The tokens until the closing brace, or until the end of the text.
    fn tokens(&mut self, end: Option<char>) -> Result<Vec<Token>, InvalidPattern> {
        let mut tokens = Vec::new();
        let mut text = String::new();
        while let Some(character) = self.next() {
            match character {
                _ if Some(character) == end => {
                    push_text(&mut tokens, &mut text);
                    return Ok(tokens);
                }
                '\\' => text.push(self.next().ok_or(InvalidPattern::UnexpectedEnd(self.index))?),
                ':' | '*' => {
                    let name = self.name()?;
                    push_text(&mut tokens, &mut text);
                    tokens.push(if character == ':' { Token::Parameter(name) } else { Token::Wildcard(name) });
                }
                '{' => {
                    push_text(&mut tokens, &mut text);
                    tokens.push(Token::Optional(self.tokens(Some('}'))?));
                }
                '}' | '(' | ')' | '[' | ']' | '+' | '?' | '!' => {
                    return Err(InvalidPattern::Unexpected { character, index: self.index - 1 });
                }
                plain => text.push(plain),
            }
        }
        if end.is_some() {
            return Err(InvalidPattern::UnexpectedEnd(self.index));
        }
        push_text(&mut tokens, &mut text);
        Ok(tokens)
    }

    fn next(&mut self) -> Option<char> {
        let character = self.characters.get(self.index).copied();
        self.index += usize::from(character.is_some());
        character
    }

    fn name(&mut self) -> Result<String, InvalidPattern> {
        let start = self.index;
        if self.characters.get(start) == Some(&'"') {
            return self.quoted_name(start);
        }
        let is_part = |character: &char, first: bool| {
            character.is_alphabetic() || matches!(character, '_' | '$') || (!first && character.is_numeric())
        };
        while self.characters.get(self.index).is_some_and(|character| is_part(character, self.index == start)) {
            self.index += 1;
        }
        match self.characters.get(start..self.index) {
            Some(name) if !name.is_empty() => Ok(name.iter().collect()),
            _ => Err(InvalidPattern::MissingName(start)),
        }
    }

    fn quoted_name(&mut self, start: usize) -> Result<String, InvalidPattern> {
        self.index += 1;
        let mut name = String::new();
        loop {
            match self.next() {
                Some('"') if name.is_empty() => return Err(InvalidPattern::MissingName(start)),
                Some('"') => return Ok(name),
                Some('\\') => name.extend(self.next()),
                Some(character) => name.push(character),
                None => return Err(InvalidPattern::UnterminatedQuote(start)),
            }
        }
    }
}

fn push_text(tokens: &mut Vec<Token>, text: &mut String) {
    if !text.is_empty() {
        tokens.push(Token::Text(std::mem::take(text)));
    }
}

/// Every way through the optional parts.
fn flatten<'t>(
    tokens: &'t [Token],
    taken: &mut Vec<&'t Token>,
    paths: &mut Vec<Vec<&'t Token>>,
) -> Result<(), InvalidPattern> {
    flatten_all(&[tokens], taken, paths)
}

/// As [`flatten`], of several lists after one another.
fn flatten_all<'t>(
    lists: &[&'t [Token]],
    taken: &mut Vec<&'t Token>,
    paths: &mut Vec<Vec<&'t Token>>,
) -> Result<(), InvalidPattern> {
    let Some((tokens, lists)) = lists.split_first() else {
        if paths.len() >= MOST_COMBINATIONS {
            return Err(InvalidPattern::TooManyCombinations);
        }
        paths.push(taken.clone());
        return Ok(());
    };
    let Some((token, tokens)) = tokens.split_first() else { return flatten_all(lists, taken, paths) };
    let length = taken.len();
    let rest: Vec<&[Token]> = std::iter::once(tokens).chain(lists.iter().copied()).collect();
    if let Token::Optional(inner) = token {
        let with: Vec<&[Token]> = std::iter::once(&**inner).chain(rest.iter().copied()).collect();
        flatten_all(&with, taken, paths)?;
    } else {
        taken.push(token);
    }
    flatten_all(&rest, taken, paths)?;
    taken.truncate(length);
    Ok(())
}

/// The regular expression of one way. What a parameter takes ends where the text around it could begin again, so that no
/// text can be divided in two ways.
fn source(tokens: &[&Token]) -> Result<String, InvalidPattern> {
    let mut source = String::new();
    let (mut before, mut since_wildcard) = (String::new(), String::new());
    let mut previous: Option<&Token> = None;
    let (mut parameter_in_segment, mut wildcard_in_segment) = (false, false);
    for (index, token) in tokens.iter().enumerate() {
        let rest = tokens.get(index + 1..).unwrap_or_default();
        match token {
            Token::Optional(_) => {}
            Token::Text(text) => {
                source.push_str(&escaped(text));
                before.push_str(text);
                if matches!(previous, Some(Token::Wildcard(_))) {
                    since_wildcard.push_str(text);
                }
                if text.contains('/') {
                    (parameter_in_segment, wildcard_in_segment) = (false, false);
                }
                continue;
            }
            Token::Parameter(name) | Token::Wildcard(name) if previous.is_some() && before.is_empty() => {
                return Err(InvalidPattern::MissingText(name.clone()));
            }
            Token::Parameter(_) => {
                source.push_str(&match (wildcard_in_segment, wildcard_follows(rest), parameter_in_segment) {
                    (true, ..) => format!("{}+", any_but("/", &before)),
                    (_, true, _) => format!("{}+", any_but("/", &text_ahead(rest))),
                    (.., true) => format!("(?:{}+|{})", any_but("/", &before), escaped(&before)),
                    _ => "[^/]+".to_owned(),
                });
                parameter_in_segment = true;
            }
            Token::Wildcard(_) => {
                source.push_str(&match (wildcard_in_segment, since_wildcard.is_empty()) {
                    (true, _) => format!("{}+", any_but(&before, "")),
                    (_, false) => format!("(?:{}+|[^/]+)", any_but(&since_wildcard, "")),
                    _ => r"[\s\S]+".to_owned(),
                });
                since_wildcard.clear();
                wildcard_in_segment = true;
            }
        }
        previous = Some(*token);
        before.clear();
    }
    Ok(source)
}

/// Whether a wildcard follows before the next slash.
fn wildcard_follows(rest: &[&Token]) -> bool {
    for token in rest {
        match token {
            Token::Wildcard(_) => return true,
            Token::Text(text) if text.contains('/') => return false,
            Token::Text(_) | Token::Parameter(_) | Token::Optional(_) => {}
        }
    }
    false
}

fn text_ahead(rest: &[&Token]) -> String {
    let texts = rest.iter().map_while(|token| match token {
        Token::Text(text) => Some(text.as_str()),
        Token::Parameter(_) | Token::Wildcard(_) | Token::Optional(_) => None,
    });
    texts.collect()
}

/// One character at which neither text begins.
fn any_but(one: &str, other: &str) -> String {
    let texts: Vec<&str> = [one, other].into_iter().filter(|text| !text.is_empty()).collect();
    let texts: Vec<String> = texts.into_iter().map(escaped).collect();
    format!("(?:(?!{})[\\s\\S])", texts.join("|"))
}

fn escaped(text: &str) -> String {
    fancy_regex::escape(text).into_owned()
}

#[cfg(test)]
mod tests;
