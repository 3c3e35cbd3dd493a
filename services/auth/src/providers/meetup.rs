//! `meetup`

use super::profile::Profile;

pub(super) static MEETUP: Profile = Profile {
    name: "meetup",
    url: "https://api.meetup.com/2/member/self",
    id_member: "id",
    refusal: "Meetup auth is invalid for this user.",
};
