//! What a new password has to be like (`passwordPolicy`).

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_runtime::config::PasswordPolicy;
use serde_json::{Map, Value as Json};

use super::Passwords;
use crate::clock;

/// A password that somebody chose.
pub(crate) struct NewPassword<'a> {
    pub(crate) password: &'a str,
    /// The user's name as it is going to be.
    pub(crate) username: Option<&'a str>,
    /// The hash of the present password.
    pub(crate) present: Option<&'a str>,
    /// Hashes of earlier ones, the oldest first.
    pub(crate) earlier: &'a [String],
}

impl Passwords {
    /// Whether the policy takes the password.
    ///
    /// # Errors
    /// 142 for what it refuses.
    pub(crate) async fn check(&self, policy: &PasswordPolicy, new: &NewPassword<'_>) -> Result<()> {
        self.check_strength(policy, new).await?;
        self.check_history(policy, new).await
    }

    /// The columns that a user with this password has: its hash, and what the policy keeps.
    pub(crate) async fn columns(&self, policy: &PasswordPolicy, new: &NewPassword<'_>) -> Result<Map<String, Json>> {
        let mut columns = Map::new();
        columns.insert("_hashed_password".to_owned(), self.hash(new.password).await?.into());
        if policy.max_age.is_some() {
            columns.insert("_password_changed_at".to_owned(), clock::to_json(clock::now()));
        }
        if policy.history > 0
            && let Some(present) = new.present
        {
            let kept = policy.history.saturating_sub(2);
            let earlier = &new.earlier[..new.earlier.len().min(policy.history)];
            let mut history: Vec<&str> =
                earlier[earlier.len().saturating_sub(kept)..].iter().map(String::as_str).collect();
            history.push(present);
            columns.insert("_password_history".to_owned(), history.into());
        }
        Ok(columns)
    }

    async fn check_strength(&self, policy: &PasswordPolicy, new: &NewPassword<'_>) -> Result<()> {
        if let Some(pattern) = &policy.pattern
            && !self.fits(new.password, pattern).await?
        {
            return Err(refused(policy.unfit()));
        }
        let username = new.username.filter(|name| policy.refuse_username && !name.is_empty());
        if username.is_some_and(|name| new.password.contains(name)) {
            return Err(refused(policy.holds_username()));
        }
        Ok(())
    }

    /// Neither the present password nor one of the last so many.
    async fn check_history(&self, policy: &PasswordPolicy, new: &NewPassword<'_>) -> Result<()> {
        if policy.history == 0 {
            return Ok(());
        }
        let earlier = new.earlier.iter().take(policy.history - 1).map(String::as_str);
        for hash in earlier.chain(new.present) {
            if self.matches(new.password, Some(hash)).await? {
                return Err(refused(&policy.used_before()));
            }
        }
        Ok(())
    }
}

fn refused(text: &str) -> ParseError {
    ParseError::new(ErrorCode::ValidationError, text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use regress::Regex;

    use super::*;

    fn of(password: &str) -> NewPassword<'_> {
        NewPassword { password, username: Some("anna"), present: None, earlier: &[] }
    }

    async fn refusal(policy: &PasswordPolicy, new: &NewPassword<'_>) -> Option<String> {
        Passwords::new(1).check(policy, new).await.err().map(|error| format!("{} {}", error.code as i32, error.message))
    }

    #[tokio::test]
    async fn a_password_has_to_match_the_pattern() {
        let pattern = Some(Regex::new("^(?=.*[a-z])(?=.*[0-9]).{8,}$").unwrap());
        let policy = PasswordPolicy { pattern, ..PasswordPolicy::default() };
        assert_eq!(refusal(&policy, &of("short1")).await, Some(format!("142 {}", policy.unfit())));
        assert_eq!(refusal(&policy, &of("long enough 1")).await, None);
        let policy = PasswordPolicy { validation_error: Some("No.".to_owned()), ..policy };
        assert_eq!(refusal(&policy, &of("short1")).await, Some("142 No.".to_owned()));
    }

    #[tokio::test]
    async fn a_password_does_not_hold_the_name() {
        let policy = PasswordPolicy { refuse_username: true, ..PasswordPolicy::default() };
        let text = "142 Password cannot contain your username.".to_owned();
        assert_eq!(refusal(&policy, &of("xannax")).await, Some(text));
        assert_eq!(refusal(&policy, &of("xAnnax")).await, None);
    }

    #[tokio::test]
    async fn as_many_are_remembered_as_parse_server_does() {
        let passwords = Passwords::new(1);
        let hash = async |text: &str| passwords.hash(text).await.unwrap();
        let (one, two, three) = (hash("one").await, hash("two").await, hash("three").await);
        for (history, kept) in
            [(1, vec![&three]), (2, vec![&three]), (3, vec![&two, &three]), (4, vec![&one, &two, &three])]
        {
            let policy = PasswordPolicy { history, ..PasswordPolicy::default() };
            let earlier = [one.clone(), two.clone()];
            let new = NewPassword { present: Some(&three), earlier: &earlier, ..of("four") };
            let columns = passwords.columns(&policy, &new).await.unwrap();
            assert_eq!(columns["_password_history"], serde_json::json!(kept), "{history}");
        }
        let policy = PasswordPolicy { history: 3, ..PasswordPolicy::default() };
        let earlier = [one, two];
        for password in ["one", "two", "three"] {
            let new = NewPassword { present: Some(&three), earlier: &earlier, ..of(password) };
            let text = "142 New password should not be the same as last 3 passwords.".to_owned();
            assert_eq!(refusal(&policy, &new).await, Some(text), "{password}");
        }
    }
}
