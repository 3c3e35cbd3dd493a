//! From PCRE's syntax to that of `fancy-regex`, where the two read the same text differently or only one reads it.
//!
//! Everything is written out anew: what is literal in PCRE leaves here escaped, `\w` and its like leave as the ASCII classes
//! that they are in PCRE, and blanks and comments of the extended form are dropped.

use super::class;

/// What makes the expression untranslatable.
pub(super) type Problem = &'static str;

/// Word characters, the inside of a class.
pub(super) const WORD: &str = "0-9A-Za-z_";
/// White space, the inside of a class.
pub(super) const SPACE: &str = r"\t\n\x0B\f\r\x20";
/// Horizontal white space, the inside of a class.
pub(super) const HORIZONTAL: &str = r"\t\x20\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}";
/// Vertical white space, the inside of a class.
pub(super) const VERTICAL: &str = r"\n\x0B\f\r\x{85}\x{2028}\x{2029}";

/// Switches that are carried out here, not by the engine.
#[derive(Clone, Copy)]
struct Switches {
    extended: bool,
    multi_line: bool,
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
    switches: Switches,
    /// Switches outside each open group.
    outer: Vec<Switches>,
    /// Capturing groups begun so far.
    captures: usize,
}

/// Translates a pattern with the options `imsxu`.
pub(super) fn translate(source: &str, options: &str) -> Result<String, Problem> {
    let switches = Switches { extended: options.contains('x'), multi_line: options.contains('m') };
    let mut translator = Translator { rest: source, out: String::new(), switches, outer: Vec::new(), captures: 0 };
    let inline: String = options.chars().filter(|option| "is".contains(*option)).collect();
    if !inline.is_empty() {
        translator.out = format!("(?{inline})");
    }
    for start in ["(*UTF8)", "(*UTF)"] {
        translator.rest = translator.rest.strip_prefix(start).unwrap_or(translator.rest);
    }
    while let Some(next) = translator.take() {
        translator.translate(next)?;
    }
    if !translator.outer.is_empty() {
        return Err("missing )");
    }
    Ok(translator.out)
}

impl<'a> Translator<'a> {
    fn take(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Takes the text up to and with `end`; all of it if there is no end.
    fn take_through(&mut self, end: &str) -> &'a str {
        let (taken, rest) = self.rest.split_once(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn take_if(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn translate(&mut self, next: char) -> Result<(), Problem> {
        match next {
            '\\' => self.escape()?,
            '[' => class::translate(&mut self.rest, &mut self.out)?,
            '(' => self.group()?,
            ')' => {
                self.switches = self.outer.pop().ok_or("unmatched )")?;
                self.out.push(')');
            }
            // A line begins after a line feed, but not after the last character.
            '^' if self.switches.multi_line => self.out.push_str(r"(?:\A|(?<=\n)(?!\z))"),
            '$' if self.switches.multi_line => self.out.push_str(r"(?=\n|\z)"),
            '$' => self.end_of_text(),
            '{' => self.brace(),
            '}' | ']' => literal(next, &mut self.out),
            '#' if self.switches.extended => {
                self.take_through("\n");
            }
            _ if self.switches.extended && next.is_ascii_whitespace() => {}
            '^' | '.' | '|' | '*' | '+' | '?' => self.out.push(next),
            _ => literal(next, &mut self.out),
        }
        Ok(())
    }

    /// `$` is the end, or before a line feed that is the last character. At the end of the pattern that may be consumed,
    /// which keeps the pattern simple.
    fn end_of_text(&mut self) {
        let last = self.rest.is_empty() && self.outer.is_empty();
        self.out.push_str(if last { r"\n?\z" } else { r"(?=\n?\z)" });
    }

    /// A brace that is no quantifier is a literal.
    fn brace(&mut self) {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let quantifier =
            self.rest.split_once('}').map(|(inside, _)| inside).filter(|inside| match inside.split_once(',') {
                Some((least, most)) => digits(least) && (most.is_empty() || digits(most)),
                None => digits(inside),
            });
        match quantifier {
            Some(inside) => {
                self.out.push('{');
                self.out.push_str(inside);
                self.out.push('}');
                self.rest = &self.rest[inside.len() + 1..];
            }
            None => literal('{', &mut self.out),
        }
    }

    fn escape(&mut self) -> Result<(), Problem> {
        match self.take().ok_or("\\ at end of pattern")? {
            'Q' => {
                let text = self.take_through("\\E");
                text.chars().for_each(|character| literal(character, &mut self.out));
            }
            'E' => {}
            'd' => self.set("0-9", ""),
            'D' => self.set("0-9", "^"),
            'w' => self.set(WORD, ""),
            'W' => self.set(WORD, "^"),
            's' => self.set(SPACE, ""),
            'S' => self.set(SPACE, "^"),
            'h' => self.set(HORIZONTAL, ""),
            'H' => self.set(HORIZONTAL, "^"),
            'v' => self.set(VERTICAL, ""),
            'V' => self.set(VERTICAL, "^"),
            'N' => self.set(r"\n", "^"),
            'R' => self.out.push_str(&format!(r"(?>\r\n|[{VERTICAL}])")),
            'b' => self.out.push_str(&format!("(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))")),
            'B' => self.out.push_str(&format!("(?:(?<=[{WORD}])(?=[{WORD}])|(?<![{WORD}])(?![{WORD}]))")),
            'Z' => self.out.push_str(r"(?=\n?\z)"),
            known @ ('A' | 'z' | 'G' | 'K') => self.verbatim(known),
            property @ ('p' | 'P') => self.property(property),
            digit @ '1'..='9' => self.back_reference(digit)?,
            'k' => self.named_reference()?,
            'g' => self.numbered_reference()?,
            'X' | 'C' => return Err("\\X and \\C are not supported"),
            'L' | 'l' | 'U' | 'u' => return Err("\\L, \\l, \\U and \\u are not supported"),
            other => character(other, &mut self.rest, &mut self.out)?,
        }
        Ok(())
    }

    fn set(&mut self, inside: &str, negation: &str) {
        self.out.push_str(&format!("[{negation}{inside}]"));
    }

    fn verbatim(&mut self, escaped: char) {
        self.out.push('\\');
        self.out.push(escaped);
    }

    /// A property takes no notice of `i`.
    fn property(&mut self, kind: char) {
        let name = class::property(kind, &mut self.rest);
        self.out.push_str(&format!("(?-i:{name})"));
    }

    /// A number below ten, or of a group that has begun, refers to the group; it is wrapped, so that a digit after it
    /// stays apart from it. Any other is a character in octal.
    fn back_reference(&mut self, first: char) -> Result<(), Problem> {
        let (more, after) = self.rest.split_at(self.rest.bytes().take_while(u8::is_ascii_digit).count());
        let number: usize = format!("{first}{more}").parse().map_err(|_| "number is too big")?;
        if number < 10 || number <= self.captures {
            self.out.push_str(&format!("(?:\\{number})"));
            self.rest = after;
            return Ok(());
        }
        if first < '8' {
            class::octal(first, &mut self.rest, &mut self.out)
        } else {
            Err("reference to non-existent subpattern")
        }
    }

    fn named_reference(&mut self) -> Result<(), Problem> {
        let end = match self.take() {
            Some('<') => ">",
            Some('{') => "}",
            Some('\'') => "'",
            _ => return Err("\\k is not followed by a name"),
        };
        let name = self.take_through(end);
        self.out.push_str(&format!("\\k<{name}>"));
        Ok(())
    }

    /// `\g1`, `\g{1}`, `\g{name}`; relative numbers and calls are not supported.
    fn numbered_reference(&mut self) -> Result<(), Problem> {
        let name = if self.take_if("{") {
            self.take_through("}")
        } else {
            let (digits, rest) = self.rest.split_at(self.rest.bytes().take_while(u8::is_ascii_digit).count());
            self.rest = rest;
            digits
        };
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            return Err("this form of \\g is not supported");
        }
        let number = name.bytes().all(|byte| byte.is_ascii_digit());
        self.out.push_str(&if number { format!("(?:\\{name})") } else { format!("\\k<{name}>") });
        Ok(())
    }

    fn group(&mut self) -> Result<(), Problem> {
        if self.rest.starts_with('*') {
            return Err("control verbs are not supported");
        }
        if !self.take_if("?") {
            self.captures += 1;
            self.open("(");
            return Ok(());
        }
        if self.take_if("#") {
            self.take_through(")");
            return Ok(());
        }
        for plain in [":", ">", "=", "!", "<=", "<!"] {
            if self.take_if(plain) {
                self.open(&format!("(?{plain}"));
                return Ok(());
            }
        }
        for (start, end) in [("P<", ">"), ("<", ">"), ("'", "'")] {
            if self.take_if(start) {
                let name = self.take_through(end);
                self.captures += 1;
                self.open(&format!("(?P<{name}>"));
                return Ok(());
            }
        }
        if self.take_if("P=") {
            let name = self.take_through(")");
            self.out.push_str(&format!("\\k<{name}>"));
            return Ok(());
        }
        self.switch_group()
    }

    fn open(&mut self, text: &str) {
        self.outer.push(self.switches);
        self.out.push_str(text);
    }

    /// `(?i)`, `(?i-s)` or `(?i:…)`.
    fn switch_group(&mut self) -> Result<(), Problem> {
        let mut switches = self.switches;
        let mut kept = String::new();
        let mut on = true;
        loop {
            match self.take().ok_or("missing )")? {
                '-' if on => {
                    on = false;
                    kept.push('-');
                }
                'x' => switches.extended = on,
                'm' => switches.multi_line = on,
                letter @ ('i' | 's') => kept.push(letter),
                end @ (')' | ':') => {
                    let kept = kept.strip_suffix('-').unwrap_or(&kept);
                    if end == ':' {
                        self.open(&format!("(?{kept}:"));
                    } else if !kept.is_empty() {
                        self.out.push_str(&format!("(?{kept})"));
                    }
                    self.switches = switches;
                    return Ok(());
                }
                _ => return Err("recursion, conditions and branch reset are not supported"),
            }
        }
    }
}

/// Writes a character that stands for itself.
pub(super) fn literal(character: char, out: &mut String) {
    if character.is_ascii() && !character.is_ascii_alphanumeric() {
        out.push_str(&format!("\\x{:02X}", character as u32));
    } else {
        out.push(character);
    }
}

/// Writes the character that an escape names, inside or outside a class. `first` is what follows the backslash.
pub(super) fn character(first: char, rest: &mut &str, out: &mut String) -> Result<(), Problem> {
    let code = match first {
        'a' => 0x07,
        'e' => 0x1B,
        'f' => 0x0C,
        'n' => 0x0A,
        'r' => 0x0D,
        't' => 0x09,
        'c' => {
            let control = rest.chars().next().filter(char::is_ascii).ok_or("\\c at end of pattern")?;
            *rest = &rest[1..];
            u32::from(control.to_ascii_uppercase()) ^ 0x40
        }
        'x' if rest.starts_with('{') => {
            let (digits, after) = rest[1..].split_once('}').ok_or("missing } after \\x{")?;
            *rest = after;
            u32::from_str_radix(digits, 16).map_err(|_| "not a hexadecimal number after \\x{")?
        }
        'x' => number(rest, 16, 2),
        '0' => number(rest, 8, 2),
        other => u32::from(other),
    };
    out.push_str(&format!("\\x{{{:X}}}", u32::from(char::from_u32(code).ok_or("not a character")?)));
    Ok(())
}

/// Takes up to `most` digits.
fn number(rest: &mut &str, radix: u32, most: usize) -> u32 {
    let digits = rest.chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
    let (digits, after) = rest.split_at(digits);
    *rest = after;
    u32::from_str_radix(digits, radix).unwrap_or(0)
}
