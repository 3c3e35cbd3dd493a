//! From a tree and data to text.

use std::borrow::Cow;

use serde_json::Value;

use crate::{Escape, Node, Path, escape_html};

/// Pieces of a template that are looked at in one rendering. A page has hundreds.
const MAX_STEPS: usize = 1_000_000;

/// Bytes that one rendering may make.
const MAX_OUTPUT: usize = 8 * 1024 * 1024;

/// Why a template was not rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Lists within lists grew beyond every bound.
    #[error("the rendered template is too large")]
    TooLarge,
}

pub(crate) struct Renderer<'a> {
    /// What the sections around are about, the innermost last
    contexts: Vec<&'a Value>,
    escape: Escape,
    output: String,
    steps: usize,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(data: &'a Value, escape: Escape) -> Self {
        Self { contexts: vec![data], escape, output: String::new(), steps: 0 }
    }

    pub(crate) fn render(mut self, nodes: &[Node]) -> Result<String, RenderError> {
        self.nodes(nodes)?;
        Ok(self.output)
    }

    fn nodes(&mut self, nodes: &[Node]) -> Result<(), RenderError> {
        for node in nodes {
            self.steps += 1;
            match node {
                Node::Text(text) => self.output.push_str(text),
                Node::Escaped(path) => self.variable(path, self.escape),
                Node::Raw(path) => self.variable(path, Escape::None),
                Node::Section(path, within) => self.section(path, within)?,
                Node::Inverted(path, within) => {
                    if !self.lookup(path).is_some_and(is_truthy) {
                        self.nodes(within)?;
                    }
                }
            }
            if self.steps > MAX_STEPS || self.output.len() > MAX_OUTPUT {
                return Err(RenderError::TooLarge);
            }
        }
        Ok(())
    }

    fn variable(&mut self, path: &Path, escape: Escape) {
        let Some(value) = self.lookup(path) else { return };
        let text = text(value);
        match escape {
            Escape::Html => self.output.push_str(&escape_html(&text)),
            Escape::None => self.output.push_str(&text),
        }
    }

    fn section(&mut self, path: &Path, within: &[Node]) -> Result<(), RenderError> {
        match self.lookup(path) {
            Some(Value::Array(items)) => {
                for item in items {
                    // An empty section over a long list is work, too.
                    self.steps += 1;
                    self.within(item, within)?;
                }
                Ok(())
            }
            Some(Value::Bool(true)) => self.nodes(within),
            Some(value) if is_truthy(value) => self.within(value, within),
            Some(_) | None => Ok(()),
        }
    }

    fn within(&mut self, context: &'a Value, nodes: &[Node]) -> Result<(), RenderError> {
        self.contexts.push(context);
        let rendered = self.nodes(nodes);
        self.contexts.pop();
        rendered
    }

    /// The first name is looked for from the innermost section outwards; the others in what it found.
    fn lookup(&self, path: &Path) -> Option<&'a Value> {
        let Some((first, rest)) = path.0.split_first() else {
            return self.contexts.last().copied();
        };
        let mut found = self.contexts.iter().rev().find_map(|context| member(context, first))?;
        for name in rest {
            found = member(found, name)?;
        }
        Some(found)
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// What JavaScript takes for true; a list, when there is something in it.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => true,
    }
}

/// The text that JavaScript makes of the value.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::String(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(match number.as_f64() {
            Some(float) if number.is_f64() => ryu_js::Buffer::new().format(float).to_owned(),
            _ => number.to_string(),
        }),
        Value::Array(items) => Cow::Owned(items.iter().map(text).collect::<Vec<_>>().join(",")),
        Value::Object(_) => Cow::Borrowed("[object Object]"),
    }
}
