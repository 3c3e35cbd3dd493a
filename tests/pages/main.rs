//! Links in mails and the pages they lead to: the same requests to Parse Server and to us; a person with a browser; and whether
//! an answer tells who is known.

mod browser;
mod hidden;
mod links;
mod routes;
mod site;
