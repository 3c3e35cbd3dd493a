//! `/serverInfo`: what the Dashboard may offer. Its shape is Parse Server's; it promises only what is here.

use bytes::Bytes;

use crate::{privilege::MasterReader, render::Reply};

/// `parseServerVersion` is the version of Parse Server whose API this is.
const INFO: &str = concat!(
    r#"{"features":{"globalConfig":{"create":false,"read":false,"update":false,"delete":false},"#,
    r#""hooks":{"create":false,"read":false,"update":false,"delete":false},"#,
    r#""cloudCode":{"jobs":false},"#,
    r#""logs":{"level":false,"size":false,"order":false,"until":false,"from":false},"#,
    r#""push":{"immediatePush":false,"scheduledPush":false,"storedPushData":false,"pushAudiences":false,"#,
    r#""localization":false},"#,
    r#""schemas":{"addField":false,"removeField":false,"addClass":false,"removeClass":false,"#,
    r#""clearAllDataFromClass":false,"exportClass":false,"editClassLevelPermissions":false,"#,
    r#""editPointerPermissions":false},"#,
    r#""settings":{"securityCheck":false}},"parseServerVersion":"9.10.0"}"#,
);

pub(super) fn get(_: &MasterReader) -> Reply {
    Reply::ok(Bytes::from_static(INFO.as_bytes()))
}
