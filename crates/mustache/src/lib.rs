//! Mustache templates for pages and mails.
//!
//! Variables (`{{x}}`, `{{{x}}}`, `{{&x}}`), sections, inverted sections, `{{.}}`, dotted names, comments, other delimiters, and the
//! rule that a line which holds nothing but such tags leaves no line behind. Where the Mustache specification is silent, this does
//! what mustache.js does, since the templates of Parse apps were written for that. Lambdas do not exist here, and a partial
//! (`{{>x}}`) renders nothing, as in mustache.js when nobody gave partials to it, which is so for every template of Parse.
//!
//! No template and no data make this panic: [`Template::parse`] refuses what is malformed or nested too deep, and
//! [`Template::render`] stops at a bound of work.

mod escape;
mod parse;
mod render;

pub use escape::escape_html;
pub use parse::ParseError;
pub use render::RenderError;

use render::Renderer;
use serde_json::Value;

/// A template that was read once and can be rendered often.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    nodes: Vec<Node>,
}

/// What becomes of the value of `{{x}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// It is escaped for HTML, attributes in quotes included.
    Html,
    /// It stays as it is: for plain text, which nobody unescapes.
    None,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    /// `{{x}}`
    Escaped(Path),
    /// `{{{x}}}` and `{{&x}}`
    Raw(Path),
    /// `{{#x}}…{{/x}}`
    Section(Path, Vec<Node>),
    /// `{{^x}}…{{/x}}`
    Inverted(Path, Vec<Node>),
}

/// The names of a dotted name; none for `.`, the value that the section is about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Path(Vec<String>);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// The first thing that is not Mustache, with its line.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        Ok(Self { nodes: parse::parse(source)? })
    }

    /// Fills the template with `data`. A name that `data` does not have renders nothing.
    ///
    /// # Errors
    ///
    /// [`RenderError::TooLarge`], when sections within sections make more than anybody would want to read.
    pub fn render(&self, data: &Value, escape: Escape) -> Result<String, RenderError> {
        Renderer::new(data, escape).render(&self.nodes)
    }
}

impl Path {
    fn new(name: &str) -> Self {
        if name == "." {
            return Self(Vec::new());
        }
        Self(name.split('.').map(str::to_owned).collect())
    }
}
