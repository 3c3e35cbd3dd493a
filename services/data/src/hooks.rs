//! Hooks: who is asked, by HTTP, before or after something happens to objects of a class.
//!
//! They are part of the snapshot of the schema, so that a new one is known everywhere as soon as a new class is.

mod ask;
mod call;
mod registry;

use std::{collections::HashMap, sync::Arc};

use crate::store::Hook;

/// What may happen, and may be asked or told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Moment {
    /// `beforeLogin`
    BeforeLogin,
    /// `afterLogin`
    AfterLogin,
    /// `afterLogout`
    AfterLogout,
    /// `beforePasswordResetRequest`
    BeforePasswordResetRequest,
    /// `beforeSave`
    BeforeSave,
    /// `afterSave`
    AfterSave,
    /// `beforeDelete`
    BeforeDelete,
    /// `afterDelete`
    AfterDelete,
    /// `beforeFind`
    BeforeFind,
    /// `afterFind`
    AfterFind,
    /// `beforeConnect`
    BeforeConnect,
    /// `beforeSubscribe`
    BeforeSubscribe,
    /// `afterEvent`
    AfterEvent,
}

/// Every hook at one moment.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    /// By class; a class has few.
    classes: HashMap<String, Vec<(Moment, Arc<str>)>>,
    /// Whether any of them is about reads.
    ask_about_reads: bool,
}

impl Moment {
    /// All of them.
    const ALL: [Self; 13] = [
        Self::BeforeLogin,
        Self::AfterLogin,
        Self::AfterLogout,
        Self::BeforePasswordResetRequest,
        Self::BeforeSave,
        Self::AfterSave,
        Self::BeforeDelete,
        Self::AfterDelete,
        Self::BeforeFind,
        Self::AfterFind,
        Self::BeforeConnect,
        Self::BeforeSubscribe,
        Self::AfterEvent,
    ];

    /// Parse's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BeforeLogin => "beforeLogin",
            Self::AfterLogin => "afterLogin",
            Self::AfterLogout => "afterLogout",
            Self::BeforePasswordResetRequest => "beforePasswordResetRequest",
            Self::BeforeSave => "beforeSave",
            Self::AfterSave => "afterSave",
            Self::BeforeDelete => "beforeDelete",
            Self::AfterDelete => "afterDelete",
            Self::BeforeFind => "beforeFind",
            Self::AfterFind => "afterFind",
            Self::BeforeConnect => "beforeConnect",
            Self::BeforeSubscribe => "beforeSubscribe",
            Self::AfterEvent => "afterEvent",
        }
    }

    /// What Parse calls so.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|moment| moment.name() == name)
    }

    /// Whether there can be a hook for a class; if not, why.
    ///
    /// # Errors
    /// What Parse Server says of a class that has no such trigger.
    pub(crate) fn check_class(self, class_name: &str) -> Result<(), &'static str> {
        match (self, class_name) {
            (Self::BeforeSave, "_PushStatus") => Err("Only afterSave is allowed on _PushStatus"),
            (Self::BeforeLogin | Self::AfterLogin | Self::BeforePasswordResetRequest, name) if name != "_User" => {
                Err("Only the _User class is allowed for the beforeLogin, afterLogin, and beforePasswordResetRequest \
                     triggers")
            }
            (Self::AfterLogout, name) if name != "_Session" => {
                Err("Only the _Session class is allowed for the afterLogout trigger.")
            }
            (moment, "_Session") if moment != Self::AfterLogout => {
                Err("Only the afterLogout trigger is allowed for the _Session class.")
            }
            _ => Ok(()),
        }
    }
}

impl Hooks {
    /// The hooks of the database. Of two for the same, which another server may have stored, the later one counts; what a class
    /// cannot have is left alone.
    pub(crate) fn new(stored: Vec<Hook>) -> Self {
        let mut classes: HashMap<String, Vec<(Moment, Arc<str>)>> = HashMap::new();
        for hook in stored {
            let moment = Moment::from_name(&hook.trigger_name);
            let Some(moment) = moment.filter(|moment| moment.check_class(&hook.class_name).is_ok()) else { continue };
            let of_class = classes.entry(hook.class_name).or_default();
            of_class.retain(|(known, _)| *known != moment);
            of_class.push((moment, hook.url.into()));
        }
        let is_about_reads = |moment: &Moment| matches!(moment, Moment::BeforeFind | Moment::AfterFind);
        let ask_about_reads = classes.values().flatten().any(|(moment, _)| is_about_reads(moment));
        Self { classes, ask_about_reads }
    }

    /// Whether there is none at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Whether anybody is asked before or after reads.
    pub(crate) fn ask_about_reads(&self) -> bool {
        self.ask_about_reads
    }

    /// Whom to ask.
    pub(crate) fn url(&self, class_name: &str, moment: Moment) -> Option<&Arc<str>> {
        let of_class = self.classes.get(class_name)?;
        of_class.iter().find(|(known, _)| *known == moment).map(|(_, url)| url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(class_name: &str, trigger_name: &str, url: &str) -> Hook {
        Hook { class_name: class_name.to_owned(), trigger_name: trigger_name.to_owned(), url: url.to_owned() }
    }

    fn url<'h>(hooks: &'h Hooks, class_name: &str, moment: Moment) -> Option<&'h str> {
        hooks.url(class_name, moment).map(|url| &**url)
    }

    #[test]
    fn every_moment_has_a_name_of_its_own() {
        for moment in Moment::ALL {
            assert_eq!(Moment::from_name(moment.name()), Some(moment));
        }
        assert_eq!(Moment::from_name("toString"), None);
    }

    #[test]
    fn a_hook_is_found_by_class_and_moment() {
        assert!(Hooks::default().is_empty());
        let hooks = Hooks::new(vec![
            hook("Game", "beforeSave", "http://a"),
            hook("Game", "afterSave", "http://b"),
            hook("Game", "beforeSave", "http://c"),
        ]);
        assert!(!hooks.is_empty() && !hooks.ask_about_reads());
        assert!(Hooks::new(vec![hook("Game", "afterFind", "http://a")]).ask_about_reads());
        assert_eq!(url(&hooks, "Game", Moment::BeforeSave), Some("http://c"));
        assert_eq!(url(&hooks, "Game", Moment::AfterSave), Some("http://b"));
        assert_eq!(url(&hooks, "Game", Moment::AfterDelete), None);
        assert_eq!(url(&hooks, "Team", Moment::BeforeSave), None);
    }

    #[test]
    fn what_a_class_cannot_have_is_never_asked() {
        let stored = [
            ("Game", "onSave"),
            ("_PushStatus", "beforeSave"),
            ("Game", "beforeLogin"),
            ("_User", "afterLogout"),
            ("_Session", "beforeSave"),
        ];
        let hooks = stored.map(|(class_name, trigger_name)| hook(class_name, trigger_name, "http://a"));
        assert!(Hooks::new(hooks.to_vec()).is_empty());
        for (class_name, moment) in [
            ("_PushStatus", Moment::AfterSave),
            ("_User", Moment::BeforeLogin),
            ("_Session", Moment::AfterLogout),
            ("@File", Moment::BeforeSave),
        ] {
            assert_eq!(moment.check_class(class_name), Ok(()), "{class_name}");
        }
    }
}
