//! The table names every option there is, and is sound.

use std::collections::BTreeSet;

use super::*;
use crate::config::options::{self, OptionSpec, State};

/// Top-level options of Parse Server 9.10.
const PARSE_SERVER: &str = include_str!("parse_server_options.txt");

#[test]
fn every_option_of_parse_server_is_in_the_table_with_its_variable() {
    for line in PARSE_SERVER.lines() {
        let (name, variable) = line.split_once(' ').unwrap();
        let Some((group, member)) = name.split_once('.') else {
            let option = options::find(name).unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(option.env[0], variable, "{name}");
            continue;
        };
        let group = options::find(group).unwrap();
        assert!(group.member(member).is_some(), "{name} is missing");
    }
}

#[test]
fn names_and_variables_are_unique() {
    let mut names = BTreeSet::new();
    for option in options::all() {
        assert!(names.insert(option.name), "{} twice", option.name);
        assert!(!option.env.is_empty(), "{} has no variable", option.name);
        for variable in option.env {
            assert!(names.insert(variable), "{variable} twice");
        }
        sound(option);
    }
}

fn sound(option: &OptionSpec) {
    if let Some(default) = option.default_value() {
        assert_eq!(value::from_json(option, &default), Ok(default), "default of {}", option.name);
    }
    if let State::NotImplemented(harmless) = option.state {
        for text in harmless {
            serde_json::from_str::<Json>(text).unwrap();
        }
    }
    assert!(option.meaning.ends_with('.'), "meaning of {}", option.name);
    let mut names = BTreeSet::new();
    for member in option.members {
        assert!(names.insert(member.name), "{}.{} twice", option.name, member.name);
        sound(member);
    }
}

#[test]
fn defaults_of_the_2_3_9_readme_win() {
    let config = config(&[]);
    assert!(config.objects.allow_client_class_creation);
    assert_eq!(config.sessions.length, Duration::from_secs(31_536_000));
    assert_eq!((config.http.port, config.http.mount_path.as_str()), (1337, "/parse"));
    assert_eq!(config.http.max_upload_size, 20 << 20);
    assert!(config.database.uri.is_none());
}

#[test]
fn help_names_every_option_and_variable() {
    let Launch::Print(help) = launch(&["--help", "--wrong"], &[]).unwrap() else { panic!() };
    for option in options::all() {
        assert!(help.contains(&format!("\n  --{} ", option.name)), "{}", option.name);
        assert!(help.contains(option.meaning), "{}", option.name);
        for variable in option.env {
            assert!(help.contains(&format!("    $ {variable}='{}'\n", option.name)), "{variable}");
        }
    }
    assert!(help.contains("Configure From Environment:"));
}

#[test]
fn version_is_printed() {
    let Launch::Print(version) = launch(&["--version"], &[]).unwrap() else { panic!() };
    assert_eq!(version, format!("parsefleet {}\n", env!("CARGO_PKG_VERSION")));
}
