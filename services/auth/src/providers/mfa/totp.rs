//! Time-based one-time codes (RFC 6238), of four to ten digits: more than libraries allow.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use parsefleet_runtime::config::providers::OtpAlgorithm;

use super::same;

/// How codes are made.
pub(super) struct Totp {
    pub(super) algorithm: OtpAlgorithm,
    pub(super) digits: u32,
    /// Seconds of a step.
    pub(super) period: u64,
}

impl Totp {
    /// The step that the code is of: this one, the one before, or the one after.
    pub(super) fn matched_step(&self, key: &[u8], code: &str, now: u64) -> Option<u64> {
        let key = hmac::Key::new(self.algorithm(), key);
        let step = now / self.period;
        let mut matched = None;
        for candidate in step.saturating_sub(1)..=step + 1 {
            if same(&self.code(&key, candidate), code) {
                matched = Some(candidate);
            }
        }
        matched
    }

    fn code(&self, key: &hmac::Key, step: u64) -> String {
        let tag = hmac::sign(key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
        let number =
            bytes[offset..offset + 4].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)) & 0x7fff_ffff;
        format!("{:0width$}", number % 10_u64.pow(self.digits), width = self.digits as usize)
    }

    fn algorithm(&self) -> hmac::Algorithm {
        match self.algorithm {
            OtpAlgorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            OtpAlgorithm::Sha224 => hmac::HMAC_SHA224,
            OtpAlgorithm::Sha256 => hmac::HMAC_SHA256,
            OtpAlgorithm::Sha384 => hmac::HMAC_SHA384,
            OtpAlgorithm::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// Bytes that are written in base 32, in any case, with blanks and padding or without.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer, mut held) = (Vec::new(), 0_u32, 0);
    for char in text.chars().filter(|char| *char != ' ').collect::<String>().trim_end_matches('=').chars() {
        let value = match char.to_ascii_uppercase() {
            letter @ 'A'..='Z' => u32::from(letter) - u32::from('A'),
            digit @ '2'..='7' => u32::from(digit) - u32::from('2') + 26,
            _ => return None,
        };
        buffer = buffer << 5 | value;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((buffer >> held & 0xff) as u8);
            buffer &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::{OtpAlgorithm, Totp, decode};

    /// Appendix B of RFC 6238.
    #[test]
    fn makes_the_codes_of_the_standard() {
        for (algorithm, key, expected) in [
            (OtpAlgorithm::Sha1, "12345678901234567890", ["94287082", "07081804", "65353130"]),
            (OtpAlgorithm::Sha256, "12345678901234567890123456789012", ["46119246", "68084774", "77737706"]),
            (
                OtpAlgorithm::Sha512,
                "1234567890123456789012345678901234567890123456789012345678901234",
                ["90693936", "25091201", "47863826"],
            ),
        ] {
            let totp = Totp { algorithm, digits: 8, period: 30 };
            for (time, code) in [59, 1_111_111_109, 20_000_000_000].into_iter().zip(expected) {
                assert_eq!(totp.matched_step(key.as_bytes(), code, time), Some(time / 30), "{algorithm:?} at {time}");
                assert_eq!(totp.matched_step(key.as_bytes(), code, time + 30), Some(time / 30), "one step late");
                assert_eq!(totp.matched_step(key.as_bytes(), code, time + 60), None, "two steps late");
            }
        }
    }

    #[test]
    fn codes_have_four_to_ten_digits() {
        for digits in 4..=10 {
            let totp = Totp { algorithm: OtpAlgorithm::Sha1, digits, period: 30 };
            let key = aws_lc_rs::hmac::Key::new(totp.algorithm(), b"12345678901234567890");
            assert_eq!(totp.code(&key, 1).len(), digits as usize);
        }
    }

    #[test]
    fn base_32_is_read_as_people_write_it() {
        assert_eq!(decode("GEZDGNBVGY3TQOJQ"), Some(b"1234567890".to_vec()));
        assert_eq!(decode("gezd gnbv gy3t qojq===="), Some(b"1234567890".to_vec()));
        assert_eq!(decode("MY======"), Some(b"f".to_vec()));
        assert_eq!(decode("GEZDGNBVGY3TQOJ1"), None);
    }
}
