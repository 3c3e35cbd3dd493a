//! Parse Server and Parsefleet on one database at the same time: whoever is a user of one is a user of the other, with password,
//! session and identities; and what one knows of a user's log-ins, address and passwords counts on the other.

mod identities;
mod links;
mod lockout;
mod passwords;
mod town;
