//! Finding and telling differences.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::{
    ask::{Answer, Server},
    question::{Question, Scenario},
};

/// Differences found so far.
#[derive(Default)]
pub(crate) struct Findings {
    texts: Vec<String>,
    compared: usize,
    on_purpose: usize,
}

impl Findings {
    /// Compares what a server answered with what Parse Server did.
    pub(crate) fn compare(
        &mut self,
        server: &Server,
        scenarios: &[Scenario],
        expected: &[Vec<Answer>],
        actual: &[Vec<Answer>],
    ) {
        for ((scenario, expected), actual) in scenarios.iter().zip(expected).zip(actual) {
            let mut documents_count = server.database.is_some();
            for (index, question) in scenario.questions.iter().enumerate() {
                documents_count &= question.extras.stored != Some(false);
                let asked = Asked { server, scenario, question, number: index + 1, documents_count };
                self.compared += 1;
                self.on_purpose += usize::from(question.extras.differs.is_some());
                asked.compare(&expected[index], &actual[index], &mut self.texts);
            }
        }
    }

    /// Fails if anything differs that is not written down.
    pub(crate) fn into_result(self, questions: usize) -> Result<()> {
        eprintln!(
            "{questions} questions, {} answers compared, {} of them differ on purpose, {} findings",
            self.compared,
            self.on_purpose,
            self.texts.len()
        );
        if questions == 0 {
            bail!("no question was asked");
        }
        if !self.texts.is_empty() {
            bail!("{}", self.texts.join("\n\n"));
        }
        Ok(())
    }
}

/// One question to one server.
struct Asked<'a> {
    server: &'a Server,
    scenario: &'a Scenario,
    question: &'a Question,
    number: usize,
    documents_count: bool,
}

impl Asked<'_> {
    fn compare(&self, expected: &Answer, actual: &Answer, texts: &mut Vec<String>) {
        let extras = &self.question.extras;
        let written_down = match (&extras.embedded, &self.server.database) {
            (Some(answer), None) => Some((answer.status, &answer.body)),
            _ => extras.status.zip(extras.body.as_ref()),
        };
        if extras.differs.is_some() && extras.status.is_some() && self.asks_parse_server() {
            return; // in the shared run this question went to Parse Server, whose answer is the one differed from
        }
        match written_down {
            Some((status, body)) => {
                self.tell(texts, "status", &status.into(), &actual.status.into());
                self.tell(texts, "body", body, &actual.body);
            }
            None => {
                self.tell(texts, "status", &expected.status.into(), &actual.status.into());
                self.tell(texts, "body", &self.ordered(&expected.body), &self.ordered(&actual.body));
                let headers = |answer: &Answer| serde_json::to_value(&answer.headers).unwrap_or_default();
                self.tell(texts, "headers", &headers(expected), &headers(actual));
            }
        }
        if let (true, Some(expected), Some(actual)) = (self.documents_count, &expected.stored, &actual.stored) {
            self.tell(texts, "stored", expected, actual);
        }
    }

    fn asks_parse_server(&self) -> bool {
        self.server.name == "shared with Parse Server" && self.number % 2 == 0
    }

    fn ordered(&self, body: &Value) -> Value {
        let mut body = body.clone();
        if self.question.extras.unordered
            && let Some(Value::Array(results)) = body.get_mut("results")
        {
            results.sort_by_key(Value::to_string);
        }
        body
    }

    fn tell(&self, texts: &mut Vec<String>, what: &str, expected: &Value, actual: &Value) {
        // The text decides, not the value: the order of members is part of an answer.
        if expected.to_string() != actual.to_string() {
            texts.push(format!(
                "[{}] {} / {} #{}: {}\n  {what} expected {expected}\n  {what} actual   {actual}",
                self.server.name, self.scenario.file, self.scenario.name, self.number, self.question.line
            ));
        }
    }
}
