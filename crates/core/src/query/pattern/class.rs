//! Character classes: `[…]`.

use super::translate::{HORIZONTAL, Problem, SPACE, VERTICAL, WORD, character, literal};

/// What a class is made of.
enum Item {
    /// One character, translated.
    Character(String),
    /// Several, translated: no end of a range.
    Set(String),
    /// A hyphen: the middle of a range, or itself.
    Hyphen,
}

const HYPHEN: &str = r"\x2D";

/// Reads a class from behind its opening bracket and writes it.
pub(super) fn translate(rest: &mut &str, out: &mut String) -> Result<(), Problem> {
    out.push('[');
    if take_if(rest, "^") {
        out.push('^');
    }
    let mut items = Vec::new();
    // A bracket at the very start is a member.
    if take_if(rest, "]") {
        items.push(Item::Character(r"\x5D".to_owned()));
    }
    loop {
        if take_if(rest, "]") {
            break;
        }
        read_item(rest, &mut items)?;
    }
    write(&items, out);
    out.push(']');
    Ok(())
}

fn take_if(rest: &mut &str, start: &str) -> bool {
    let after = rest.strip_prefix(start);
    *rest = after.unwrap_or(rest);
    after.is_some()
}

fn read_item(rest: &mut &str, items: &mut Vec<Item>) -> Result<(), Problem> {
    if let Some(set) = posix(rest) {
        items.push(Item::Set(set));
        return Ok(());
    }
    let next = rest.chars().next().ok_or("missing terminating ] for character class")?;
    *rest = &rest[next.len_utf8()..];
    if next == '\\' {
        return escape(rest, items);
    }
    items.push(if next == '-' { Item::Hyphen } else { Item::Character(written(next)) });
    Ok(())
}

/// `[:alpha:]` and its like, ASCII in both languages.
fn posix(rest: &mut &str) -> Option<String> {
    let (name, after) = rest.strip_prefix("[:")?.split_once(":]")?;
    let known = name.strip_prefix('^').unwrap_or(name);
    if known.is_empty() || !known.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    *rest = after;
    Some(format!("[:{name}:]"))
}

fn escape(rest: &mut &str, items: &mut Vec<Item>) -> Result<(), Problem> {
    let next = rest.chars().next().ok_or("\\ at end of pattern")?;
    *rest = &rest[next.len_utf8()..];
    let set = match next {
        'Q' => {
            let (text, after) = rest.split_once("\\E").unwrap_or((rest, ""));
            items.extend(text.chars().map(|character| Item::Character(written(character))));
            *rest = after;
            return Ok(());
        }
        'E' => return Ok(()),
        'd' => "0-9".to_owned(),
        'D' => "[^0-9]".to_owned(),
        'w' => WORD.to_owned(),
        'W' => format!("[^{WORD}]"),
        's' => SPACE.to_owned(),
        'S' => format!("[^{SPACE}]"),
        'h' => HORIZONTAL.to_owned(),
        'H' => format!("[^{HORIZONTAL}]"),
        'v' => VERTICAL.to_owned(),
        'V' => format!("[^{VERTICAL}]"),
        'p' | 'P' => property(next, rest),
        'b' => r"\x08".to_owned(),
        'N' | 'R' | 'X' => return Err("\\N, \\R and \\X do not belong into a character class"),
        other => {
            let mut text = String::new();
            if other.is_digit(8) && other != '0' {
                octal(other, rest, &mut text)?;
            } else {
                character(other, rest, &mut text)?;
            }
            items.push(Item::Character(text));
            return Ok(());
        }
    };
    items.push(Item::Set(set));
    Ok(())
}

/// A property of Unicode, by its name in braces or one letter.
pub(super) fn property(kind: char, rest: &mut &str) -> String {
    let name = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((name, after)) => {
            *rest = after;
            format!("{{{name}}}")
        }
        None => {
            let name: String = rest.chars().take(1).collect();
            *rest = &rest[name.len()..];
            name
        }
    };
    format!("\\{kind}{name}")
}

/// A character by up to three octal digits: in a class a number is never a reference.
pub(super) fn octal(first: char, rest: &mut &str, out: &mut String) -> Result<(), Problem> {
    let more = rest.bytes().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let digits = format!("{first}{}", &rest[..more]);
    *rest = &rest[more..];
    let code = u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32).ok_or("not a character")?;
    out.push_str(&format!("\\x{{{:X}}}", u32::from(code)));
    Ok(())
}

fn written(character: char) -> String {
    let mut text = String::new();
    literal(character, &mut text);
    text
}

/// Writes the members; a hyphen between two characters makes a range of them, any other is itself.
fn write(items: &[Item], out: &mut String) {
    let mut rest = items;
    while let Some((item, after)) = rest.split_first() {
        rest = after;
        if let Some(from) = end_of_range(item)
            && let [Item::Hyphen, to, after @ ..] = after
            && let Some(to) = end_of_range(to)
        {
            out.push_str(&format!("{from}-{to}"));
            rest = after;
            continue;
        }
        out.push_str(match item {
            Item::Character(text) | Item::Set(text) => text,
            Item::Hyphen => HYPHEN,
        });
    }
}

fn end_of_range(item: &Item) -> Option<&str> {
    match item {
        Item::Character(text) => Some(text),
        Item::Hyphen => Some(HYPHEN),
        Item::Set(_) => None,
    }
}
