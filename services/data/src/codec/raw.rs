//! Reading BSON bytes without copying them.
//!
//! The driver's own iterator looks at every element several times over; on the way from a document to JSON that was the
//! greatest part of the work. This one looks once, and checks lengths and terminators. Text is handed out as bytes: whoever
//! needs it as text checks it, the JSON writer while it looks for what to escape.

use bson::RawDocument;
use parsefleet_core::value::write_json_utf8;

use super::CorruptDocument;

/// A document or an array: both have the same bytes.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'d> {
    /// The elements, without length and terminator.
    elements: &'d [u8],
}

/// A value in a document.
#[derive(Clone, Copy)]
pub(crate) enum RawValue<'d> {
    Double(f64),
    /// Symbols and code too.
    String(Text<'d>),
    Document(Raw<'d>),
    Array(Raw<'d>),
    Binary(&'d [u8]),
    ObjectId([u8; 12]),
    Boolean(bool),
    /// Milliseconds since 1970.
    Date(i64),
    /// `undefined` too.
    Null,
    Int32(i32),
    Int64(i64),
    Timestamp(u64),
    Decimal128([u8; 16]),
    /// What Parse knows nothing of: regular expressions, the keys that end every order, pointers of very old drivers.
    Other,
}

/// What is said to be UTF-8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'d>(&'d [u8]);

/// The elements of a document, in stored order.
pub(crate) struct Elements<'d> {
    rest: &'d [u8],
}

type Read<T> = Result<T, CorruptDocument>;

impl<'d> From<&'d RawDocument> for Raw<'d> {
    /// A `RawDocument` has its length and its terminator.
    fn from(document: &'d RawDocument) -> Self {
        let bytes = document.as_bytes();
        Self { elements: bytes.get(4..bytes.len().saturating_sub(1)).unwrap_or_default() }
    }
}

impl<'d> Raw<'d> {
    /// The elements with their keys.
    pub(crate) fn elements(self) -> Elements<'d> {
        Elements { rest: self.elements }
    }

    /// The values alone, for arrays.
    pub(crate) fn items(self) -> impl Iterator<Item = Read<RawValue<'d>>> {
        let mut elements = self.elements();
        std::iter::from_fn(move || elements.next_value())
    }

    /// The value under a key.
    pub(crate) fn get(self, key: &str) -> Read<Option<RawValue<'d>>> {
        for element in self.elements() {
            let (name, value) = element?;
            if name.is(key) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The text under a key, `None` if there is something else or nothing.
    pub(crate) fn text(self, key: &str) -> Read<Option<&'d str>> {
        Ok(self.get(key)?.and_then(RawValue::as_str))
    }

    /// Whether the first element is a document with this key, which ends in a zero.
    pub(crate) fn starts_with_document(self, key: &[u8]) -> bool {
        self.elements.strip_prefix(&[0x03]).is_some_and(|rest| rest.starts_with(key))
    }

    /// The two items of an array that has just two.
    pub(crate) fn pair(self) -> Read<Option<(RawValue<'d>, RawValue<'d>)>> {
        let mut items = self.items();
        let (Some(first), Some(second), None) = (items.next(), items.next(), items.next()) else { return Ok(None) };
        Ok(Some((first?, second?)))
    }
}

impl<'d> RawValue<'d> {
    /// The text, if it is one.
    pub(crate) fn as_str(self) -> Option<&'d str> {
        match self {
            Self::String(text) => text.to_str().ok(),
            _ => None,
        }
    }

    /// The array, if it is one.
    pub(crate) fn as_array(self) -> Option<Raw<'d>> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// The number, if it is one, as JavaScript sees it.
    pub(crate) fn as_number(self) -> Option<f64> {
        match self {
            Self::Double(number) => Some(number),
            Self::Int32(number) => Some(number.into()),
            Self::Int64(number) => Some(number as f64),
            Self::Decimal128(bytes) => bson::Decimal128::from_bytes(bytes).to_string().parse().ok(),
            _ => None,
        }
    }
}

impl<'d> Text<'d> {
    /// The text.
    pub(crate) fn to_str(self) -> Read<&'d str> {
        std::str::from_utf8(self.0).map_err(|_| corrupt())
    }

    /// The bytes, unchecked.
    pub(crate) fn bytes(self) -> &'d [u8] {
        self.0
    }

    /// Whether it is this text.
    #[inline]
    pub(crate) fn is(self, text: &str) -> bool {
        self.0 == text.as_bytes()
    }

    /// What comes after these bytes, if it begins with them.
    pub(crate) fn after(self, start: &[u8]) -> Option<Self> {
        self.0.strip_prefix(start).map(Self)
    }

    /// What comes before the first such byte; all if there is none.
    pub(crate) fn until(self, end: u8) -> Self {
        Self(self.0.split(|byte| *byte == end).next().unwrap_or_default())
    }

    /// Appends the text as JSON.
    #[inline]
    pub(crate) fn write_json(self, out: &mut Vec<u8>) -> Read<()> {
        write_json_utf8(self.0, out).map_err(|_| corrupt())
    }
}

impl<'d> Iterator for Elements<'d> {
    type Item = Read<(Text<'d>, RawValue<'d>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let kind = self.kind()?;
        let key = self.until_zero();
        Some(key.and_then(|key| Ok((Text(key), self.value(kind)?))))
    }
}

impl<'d> Elements<'d> {
    /// The next element; `None` in the place of its key if the key is the expected one, which ends in a zero. Most documents of a
    /// class have the same columns in the same order, and to compare is cheaper than to look for the end.
    #[inline]
    pub(crate) fn next_expecting(&mut self, expected: Option<&[u8]>) -> Option<Read<(Option<Text<'d>>, RawValue<'d>)>> {
        let kind = self.kind()?;
        if let Some(rest) = expected.and_then(|expected| self.rest.strip_prefix(expected)) {
            self.rest = rest;
            return Some(self.value(kind).map(|value| (None, value)));
        }
        let key = self.until_zero();
        Some(key.and_then(|key| Ok((Some(Text(key)), self.value(kind)?))))
    }

    #[inline]
    fn next_value(&mut self) -> Option<Read<RawValue<'d>>> {
        let kind = self.kind()?;
        Some(self.until_zero().and_then(|_| self.value(kind)))
    }

    #[inline]
    fn kind(&mut self) -> Option<u8> {
        let (kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*kind)
    }

    #[inline]
    fn value(&mut self, kind: u8) -> Read<RawValue<'d>> {
        Ok(match kind {
            0x01 => RawValue::Double(f64::from_le_bytes(self.bytes()?)),
            0x02 | 0x0d | 0x0e => RawValue::String(self.string()?),
            0x03 => RawValue::Document(self.document()?),
            0x04 => RawValue::Array(self.document()?),
            0x05 => RawValue::Binary(self.binary()?),
            0x07 => RawValue::ObjectId(self.bytes()?),
            0x08 => RawValue::Boolean(self.bytes::<1>()? != [0]),
            0x09 => RawValue::Date(i64::from_le_bytes(self.bytes()?)),
            0x06 | 0x0a => RawValue::Null,
            0x10 => RawValue::Int32(i32::from_le_bytes(self.bytes()?)),
            0x11 => RawValue::Timestamp(u64::from_le_bytes(self.bytes()?)),
            0x12 => RawValue::Int64(i64::from_le_bytes(self.bytes()?)),
            0x13 => RawValue::Decimal128(self.bytes()?),
            0x0b => {
                self.until_zero()?;
                self.until_zero()?;
                RawValue::Other
            }
            0x0c => {
                self.string()?;
                self.bytes::<12>()?;
                RawValue::Other
            }
            0x0f => {
                let whole = self.length()?.checked_sub(4).ok_or_else(corrupt)?;
                let mut inner = Elements { rest: self.take(whole)? };
                RawValue::String(inner.string()?)
            }
            0x7f | 0xff => RawValue::Other,
            _ => return Err(corrupt()),
        })
    }

    /// Keys are short: most end within the first eight bytes, which are looked at together.
    #[inline]
    fn until_zero(&mut self) -> Read<&'d [u8]> {
        let end = match self.rest.first_chunk().and_then(first_zero) {
            Some(end) => end,
            None => memchr::memchr(0, self.rest).ok_or_else(corrupt)?,
        };
        let (found, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Ok(found)
    }

    #[inline]
    fn bytes<const COUNT: usize>(&mut self) -> Read<[u8; COUNT]> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(corrupt)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn take(&mut self, count: usize) -> Read<&'d [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or_else(corrupt)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn length(&mut self) -> Read<usize> {
        usize::try_from(i32::from_le_bytes(self.bytes()?)).map_err(|_| corrupt())
    }

    /// The length of a string counts its terminator.
    #[inline]
    fn string(&mut self) -> Read<Text<'d>> {
        let length = self.length()?;
        match self.take(length)?.split_last() {
            Some((0, bytes)) => Ok(Text(bytes)),
            _ => Err(corrupt()),
        }
    }

    /// The length of a document counts itself and the terminator.
    #[inline]
    fn document(&mut self) -> Read<Raw<'d>> {
        let length = self.length()?.checked_sub(4).ok_or_else(corrupt)?;
        match self.take(length)?.split_last() {
            Some((0, elements)) => Ok(Raw { elements }),
            _ => Err(corrupt()),
        }
    }

    /// The old generic subtype has a second length inside.
    fn binary(&mut self) -> Read<&'d [u8]> {
        let length = self.length()?;
        let [subtype] = self.bytes()?;
        let bytes = self.take(length)?;
        Ok(if subtype == 2 { bytes.get(4..).ok_or_else(corrupt)? } else { bytes })
    }
}

/// Where the first zero byte is.
#[inline]
fn first_zero(bytes: &[u8; 8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_le_bytes(*bytes);
    // The lowest bit that is set belongs to the first zero byte; higher ones may err.
    let zeros = word.wrapping_sub(ONES) & !word & (ONES * 0x80);
    (zeros != 0).then(|| zeros.trailing_zeros() as usize / 8)
}

#[cold]
fn corrupt() -> CorruptDocument {
    CorruptDocument("an element does not fit its document".to_owned())
}
