//! Which service decides about writes of which class: the one table of it.

/// The service that owns a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Auth,
    Push,
    Data,
}

/// The owner of a class. Reads of every class go to data.
pub(crate) fn owner_of(class: &str) -> Owner {
    match class {
        "_User" | "_Session" | "_Role" => Owner::Auth,
        "_Installation" | "_PushStatus" | "_Audience" => Owner::Push,
        _ => Owner::Data,
    }
}
