//! `phantauth`

use super::profile::Profile;

pub(super) static PHANTAUTH: Profile = Profile {
    name: "phantauth",
    url: "https://phantauth.net/auth/userinfo",
    id_member: "sub",
    refusal: "PhantAuth auth is invalid for this user.",
};
