//! Who asks, as it may be shown.

use std::fmt;

use crate::v1::RequestContext;

/// Without the token, headers and what clients send along for triggers.
impl fmt::Debug for RequestContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequestContext")
            .field("app_id", &self.app_id)
            .field("privilege", &self.privilege())
            .field("user_id", &self.user_id)
            .field("roles", &self.roles)
            .field("installation_id", &self.installation_id)
            .field("request_id", &self.request_id)
            .field("client_ip", &self.client_ip)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let secret = bytes::Bytes::from_static(b"secret");
        let context = RequestContext {
            app_id: "app".to_owned(),
            session_token: "secret".to_owned(),
            headers: secret.clone(),
            cloud_context: secret,
            ..RequestContext::default()
        };
        let shown = format!("{context:?}");
        assert!(shown.contains("app") && !shown.contains("secret"), "{shown}");
    }
}
