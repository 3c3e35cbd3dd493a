//! `/serverInfo`: what the Dashboard may offer. Its shape is Parse Server's; it promises only what is here.

use bytes::Bytes;
use serde_json::json;

use crate::{app::App, privilege::MasterReader, render::Reply};

/// The version of Parse Server whose API this is.
const PARSE_SERVER_VERSION: &str = "9.10.0";

pub(super) fn get(app: &App, _: &MasterReader) -> Reply {
    let features = json!({
        "globalConfig": { "create": true, "read": true, "update": true, "delete": true },
        "hooks": { "create": false, "read": false, "update": false, "delete": false },
        "cloudCode": { "jobs": false },
        "logs": { "level": false, "size": false, "order": false, "until": false, "from": false },
        "push": {
            "immediatePush": false,
            "scheduledPush": false,
            "storedPushData": false,
            "pushAudiences": false,
            "localization": false,
        },
        "schemas": {
            "addField": true,
            "removeField": true,
            "addClass": true,
            "removeClass": true,
            "clearAllDataFromClass": true,
            "exportClass": false,
            "editClassLevelPermissions": true,
            "editPointerPermissions": true,
        },
        "settings": { "securityCheck": app.config.security.enable_check },
    });
    let info = json!({ "features": features, "parseServerVersion": PARSE_SERVER_VERSION });
    Reply::ok(Bytes::from(info.to_string()))
}
