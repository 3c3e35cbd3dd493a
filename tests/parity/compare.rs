//! Finding and telling differences.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::{
    ask::{Answer, Server},
    difference::differences,
    hooks,
    question::{Question, Scenario},
};

/// What is told of one part of one answer; the rest mostly has the same cause.
const TOLD: usize = 4;

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
            // A document that differs still does after the next question: that is no finding of its own.
            let mut stored_before = Vec::new();
            for (index, question) in scenario.questions.iter().enumerate() {
                documents_count &= question.extras.stored != Some(false);
                let asked = Asked { server, question, number: index + 1, apart: scenario.apart };
                let mut texts = Vec::new();
                asked.compare_answers(&expected[index], &actual[index], &mut texts);
                asked.compare_heard(&expected[index], &actual[index], &mut texts);
                if let (true, Some(expected), Some(actual)) =
                    (documents_count, &expected[index].stored, &actual[index].stored)
                {
                    let stored = differences(expected, actual);
                    tell(&mut texts, "stored", stored.iter().filter(|text| !stored_before.contains(*text)));
                    stored_before = stored;
                }
                self.compared += 1;
                self.on_purpose += usize::from(question.extras.differs.is_some());
                if !texts.is_empty() {
                    let title = format!("{} / {} #{}", scenario.file, scenario.name, index + 1);
                    self.texts.push(format!("[{}] {title}: {}\n{}", server.name, question.line, texts.join("\n")));
                }
            }
        }
    }

    /// Tells what differs and is not written down, and fails if anything does.
    pub(crate) fn into_result(self, questions: usize) -> Result<()> {
        let findings = self.texts.len();
        for text in &self.texts {
            eprintln!("\n{text}");
        }
        let (compared, on_purpose) = (self.compared, self.on_purpose);
        eprintln!(
            "\n{questions} questions, {compared} answers compared, {on_purpose} of them differ on purpose, {findings} findings"
        );
        if questions == 0 {
            bail!("no question was asked");
        }
        if findings > 0 {
            bail!("{findings} answers differ from Parse Server's");
        }
        Ok(())
    }
}

/// One question to one server.
struct Asked<'a> {
    server: &'a Server,
    question: &'a Question,
    number: usize,
    apart: bool,
}

impl Asked<'_> {
    fn compare_answers(&self, expected: &Answer, actual: &Answer, texts: &mut Vec<String>) {
        let extras = &self.question.extras;
        if extras.differs.is_some() && extras.status.is_some() && self.asks_parse_server() {
            return; // in the shared run this question went to Parse Server, whose answer is the one differed from
        }
        let written_down = match (&extras.embedded, &self.server.database) {
            (Some(answer), None) => Some((answer.status, &answer.body)),
            _ => extras.status.zip(extras.body.as_ref()),
        };
        match written_down {
            Some((status, body)) => {
                let body = &if actual.heard.is_some() { hooks::ordered(body.clone()) } else { body.clone() };
                tell(texts, "status", &differences(&status.into(), &actual.status.into()));
                tell(texts, "body", &differences(&self.ordered(body), &self.ordered(&actual.body)));
                if extras.status == Some(expected.status) && extras.body.as_ref() == Some(&expected.body) {
                    texts.push("  `differs` although Parse Server answers the same".to_owned());
                }
            }
            None => {
                tell(texts, "status", &differences(&expected.status.into(), &actual.status.into()));
                tell(texts, "body", &differences(&self.ordered(&expected.body), &self.ordered(&actual.body)));
                let headers = |answer: &Answer| serde_json::to_value(&answer.headers).unwrap_or_default();
                tell(texts, "header", &differences(&headers(expected), &headers(actual)));
            }
        }
    }

    fn compare_heard(&self, expected: &Answer, actual: &Answer, texts: &mut Vec<String>) {
        let extras = &self.question.extras;
        let (Some(expected), Some(actual)) = (&expected.heard, &actual.heard) else { return };
        let expected = extras.heard.as_ref().unwrap_or(expected);
        let listened = |heard: &Value| {
            let mut heard = hooks::without(heard, &extras.unheard);
            if let Value::Array(calls) = &mut heard
                && extras.unordered
            {
                calls.sort_by_key(Value::to_string);
            }
            heard
        };
        tell(texts, "heard", &differences(&listened(expected), &listened(actual)));
    }

    fn asks_parse_server(&self) -> bool {
        self.server.name == "shared with Parse Server" && !self.apart && self.number.is_multiple_of(2)
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
}

fn tell<'a>(texts: &mut Vec<String>, what: &str, differences: impl IntoIterator<Item = &'a String>) {
    let mut differences = differences.into_iter();
    texts.extend(differences.by_ref().take(TOLD).map(|difference| format!("  {what} {difference}")));
    let untold = differences.count();
    if untold > 0 {
        texts.push(format!("  {what} … and {untold} more"));
    }
}
