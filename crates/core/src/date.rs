//! A point in time as Parse keeps it: milliseconds since 1970 in UTC.

/// Milliseconds since the Unix epoch, UTC. JavaScript's range: ±8.64e15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i64);

/// JavaScript's dates end here, in both directions.
const LIMIT: i64 = 8_640_000_000_000_000;
const DAY: i64 = 86_400_000;

impl Date {
    /// Reads what JavaScript's `new Date(text)` reads of the ISO formats: a date, optionally a time with or without
    /// fraction and zone. A time without zone is UTC. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.as_bytes() };
        let days = reader.date()?;
        let time = if reader.rest.is_empty() { 0 } else { reader.time()? };
        let milliseconds = days * DAY + time;
        (reader.rest.is_empty() && milliseconds.abs() <= LIMIT).then_some(Self(milliseconds))
    }

    /// The date at this number of milliseconds, fractions cut off; `None` outside JavaScript's range.
    pub fn from_milliseconds(milliseconds: f64) -> Option<Self> {
        // The bound is far below 2^53, so that nothing is lost in the conversion.
        (milliseconds.abs() <= LIMIT as f64).then_some(Self(milliseconds as i64))
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmmZ`, as `toISOString` prints it (six-digit signed years outside 0..=9999).
    pub fn to_iso(self) -> String {
        let mut text = Vec::with_capacity(24);
        self.write_iso(&mut text);
        text.into_iter().map(char::from).collect()
    }

    /// Appends what [`Date::to_iso`] returns.
    pub fn write_iso(self, out: &mut Vec<u8>) {
        let (days, time) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY) as u32);
        let (year, month, day) = civil_from_days(days);
        match u32::try_from(year) {
            Ok(year @ 0..=9999) => {
                out.extend_from_slice(&two_digits(year / 100));
                out.extend_from_slice(&two_digits(year % 100));
            }
            _ => out.extend_from_slice(format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()).as_bytes()),
        }
        // Every answer holds dates by the hundred: digits are set in place instead of formatted.
        let [m0, m1] = two_digits(month as u32);
        let [d0, d1] = two_digits(day as u32);
        let [h0, h1] = two_digits(time / 3_600_000);
        let [n0, n1] = two_digits(time / 60_000 % 60);
        let [s0, s1] = two_digits(time / 1000 % 60);
        let [t0, t1] = two_digits(time / 10 % 100);
        let t2 = b'0' + (time % 10) as u8;
        out.extend_from_slice(&[
            b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1, b'.', t0, t1, t2, b'Z',
        ]);
    }
}

/// The decimal digits of a number below 100.
#[inline]
fn two_digits(number: u32) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// Days since 1970 of the first of a month; month in 1..=12. (The calendar repeats every 400 years, which begin in March
/// so that the leap day comes last.)
fn days_from_month(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// What is left of the text.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// Days since 1970 of `YYYY[-MM[-DD]]`. As in V8 a day up to 31 runs over into the next month.
    fn date(&mut self) -> Option<i64> {
        let year = self.year()?;
        let month = if self.take(b"-") { self.number(2, 1..=12)? } else { return Some(days_from_month(year, 1)) };
        let day = if self.take(b"-") { self.number(2, 1..=31)? } else { 1 };
        Some(days_from_month(year, month) + day - 1)
    }

    fn year(&mut self) -> Option<i64> {
        if self.take(b"+") {
            return self.number(6, 0..=999_999);
        }
        if self.take(b"-") {
            return self.number(6, 1..=999_999).map(|year| -year);
        }
        self.number(4, 0..=9999)
    }

    /// Milliseconds since midnight UTC of `[THH:MM[:SS[.fraction]]][zone]`.
    fn time(&mut self) -> Option<i64> {
        let local = if self.take(b"Tt ") { self.clock()? } else { 0 };
        Some(local - self.zone()?)
    }

    fn clock(&mut self) -> Option<i64> {
        let hour = self.number(2, 0..=24)?;
        let minute = if self.take(b":") { self.number(2, 0..=59)? } else { return None };
        let second = if self.take(b":") { self.number(2, 0..=59)? } else { 0 };
        let fraction = if self.take(b".") { self.fraction()? } else { 0 };
        let milliseconds = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
        (milliseconds <= DAY).then_some(milliseconds)
    }

    /// Milliseconds of a fraction of any length, the rest cut off.
    fn fraction(&mut self) -> Option<i64> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        let digit = |place: usize| digits.get(place).map_or(0, |byte| i64::from(byte - b'0'));
        (length > 0).then(|| digit(0) * 100 + digit(1) * 10 + digit(2))
    }

    /// Milliseconds that the zone is ahead of UTC: nothing, `Z`, `±HH:MM` or `±HHMM`.
    fn zone(&mut self) -> Option<i64> {
        if self.rest.is_empty() || self.take(b"Zz") {
            return Some(0);
        }
        let sign = if self.take(b"-") { -1 } else { 1 };
        if sign == 1 && !self.take(b"+") {
            return None;
        }
        let hours = self.number(2, 0..=23)?;
        self.take(b":");
        let minutes = self.number(2, 0..=59)?;
        Some(sign * (hours * 60 + minutes) * 60_000)
    }

    /// Takes one byte if it is one of these.
    fn take(&mut self, accepted: &[u8]) -> bool {
        let Some((first, rest)) = self.rest.split_first() else { return false };
        let found = accepted.contains(first);
        if found {
            self.rest = rest;
        }
        found
    }

    /// A number of exactly this many digits.
    fn number(&mut self, digits: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let (number, rest) = self.rest.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.rest = rest;
        let number = number.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        range.contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    /// Every expectation is what V8 answers to `new Date(text).getTime()` in UTC.
    #[test]
    fn reads_what_javascript_reads() {
        for (text, expected) in [
            ("2020", 1_577_836_800_000),
            ("2020-02", 1_580_515_200_000),
            ("2020-02-30", 1_583_020_800_000),
            ("2020-01-02Z", 1_577_923_200_000),
            ("2020-01-02T03:04", 1_577_934_240_000),
            ("2020-01-02T03:04Z", 1_577_934_240_000),
            ("2020-01-02T03:04:05.1", 1_577_934_245_100),
            ("2020-01-02T03:04:05.9999Z", 1_577_934_245_999),
            ("2020-01-02T03:04:05.123456789Z", 1_577_934_245_123),
            ("2020-01-02T24:00:00Z", 1_578_009_600_000),
            ("2020-01-02T03:04:05+01:00", 1_577_930_645_000),
            ("2020-01-02T03:04:05+0100", 1_577_930_645_000),
            ("2020-01-02T03:04:05-00:00", 1_577_934_245_000),
            ("2020-01-02 03:04:05", 1_577_934_245_000),
            ("2020-01-02t03:04:05z", 1_577_934_245_000),
            ("+002020-01-02T03:04:05Z", 1_577_934_245_000),
            ("-000001-01-02T03:04:05Z", -62_198_657_755_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("+275760-09-13T00:00:00.000Z", 8_640_000_000_000_000),
        ] {
            assert_eq!(Date::parse(text), Some(Date(expected)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "rubbish",
            "2020-13-01",
            "2020-00-01",
            "2020-01-00",
            "2020-02-32",
            "2020-01-02T",
            "2020-01-02T03Z",
            "2020-01-02T03:04:60Z",
            "2020-01-02T24:00:01Z",
            "2020-01-02T03:04:05.Z",
            "2020-01-02T03:04:05,5Z",
            "2020-01-02T03:04:05+01",
            "2020-01-02T03:04:05+24:00",
            "2020-01-02T03:04:05Zx",
            "20200102",
            "-000000-01-01T00:00:00Z",
            "+275760-09-13T00:00:00.001Z",
            "２020-01-01",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn prints_like_to_iso_string() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_577_934_245_678, "2020-01-02T03:04:05.678Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (-8_640_000_000_000_000, "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_eq!(Date(milliseconds).to_iso(), expected);
            assert_eq!(Date::parse(expected), Some(Date(milliseconds)));
        }
        // Beyond JavaScript's range there is no right answer, only no panic.
        assert!(Date(i64::MIN).to_iso().starts_with('-'));
    }

    #[test]
    fn every_day_of_five_centuries_survives_the_round_trip() {
        for day in -100_000..100_000 {
            let date = Date(day * 86_400_000 + 12_345);
            assert_eq!(Date::parse(&date.to_iso()), Some(date));
        }
    }

    #[test]
    fn milliseconds_outside_the_range_are_refused() {
        assert_eq!(Date::from_milliseconds(12.9), Some(Date(12)));
        assert_eq!(Date::from_milliseconds(f64::NAN), None);
        assert_eq!(Date::from_milliseconds(8.65e15), None);
    }
}
