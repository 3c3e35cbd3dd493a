//! Sessions: opened, used, ended.

mod open;
mod resolve;
mod row;
mod upgrade;
mod write;

pub(crate) use self::{
    open::{NewSession, Origin},
    row::SessionRow,
};
