//! Secrets from the environment and from files, as a program reads them when it starts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use gymhook::secret_source::{
    LineEnd, MAX_FILE_BYTES, SecretFormat, SecretPlace, SecretSourceError, from_env, from_file,
};
use gymhook::signature::SecretError;
use tempfile::TempDir;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, content: &[u8]) -> PathBuf {
        let path = self.0.path().join("secret");
        fs::write(&path, content).unwrap();
        path
    }
}

#[test]
fn a_file_is_read_in_each_format() {
    let files = Files::new();
    for (format, content) in [
        (SecretFormat::Text, "foobar\n"),
        (SecretFormat::Hex, "666f6f626172\r\n"),
        (SecretFormat::Base64, "Zm9vYmFy\n"),
        (SecretFormat::Whsec, "whsec_Zm9vYmFy"),
    ] {
        let path = files.write(content.as_bytes());
        let loaded = from_file(&path, format).unwrap();
        assert_eq!(loaded.secret().expose_secret(), b"foobar", "{format:?}");
        assert_eq!(loaded.place(), &SecretPlace::File(path));
        assert_eq!(loaded.line_end_cut().is_some(), content.ends_with('\n'));
    }
    let loaded = from_file(files.write(&[0xff, 0x00, b'\n']), SecretFormat::Text).unwrap();
    assert_eq!(loaded.into_secret().expose_secret(), [0xff, 0x00], "bytes need not be text");
}

#[test]
fn what_cannot_be_read_names_the_file() {
    let files = Files::new();
    let missing = files.0.path().join("missing");
    let error = from_file(&missing, SecretFormat::Text).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("file {missing:?} cannot be read (entity not found): check its path and who may read it")
    );
    let directory = from_file(files.0.path(), SecretFormat::Text).unwrap_err();
    assert!(matches!(directory, SecretSourceError::FileUnreadable { .. }), "{directory}");
    for empty in ["", "\n", "\r\n"] {
        let error = from_file(files.write(empty.as_bytes()), SecretFormat::Text).unwrap_err();
        assert!(matches!(error, SecretSourceError::Unusable { problem: SecretError::Empty, .. }), "{error}");
    }
    let error = from_file(files.write(&[0xff, 0xfe]), SecretFormat::Hex).unwrap_err();
    assert!(matches!(error, SecretSourceError::NotText { .. }), "{error}");
    assert!(from_file(files.write(&[b'a'; MAX_FILE_BYTES]), SecretFormat::Text).is_ok());
    let error = from_file(files.write(&[b'a'; MAX_FILE_BYTES + 1]), SecretFormat::Text).unwrap_err();
    assert!(matches!(error, SecretSourceError::FileTooLong { .. }), "{error}");
}

/// The environment of this process is not changed: this very test runs once more as a child that has the variables.
#[test]
fn a_variable_is_read_or_named() {
    if std::env::var_os("GYMHOOK_TEST_SECRET").is_none() {
        let missing = from_env("GYMHOOK_TEST_SECRET", SecretFormat::Text).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "environment variable GYMHOOK_TEST_SECRET is not set: set it to the secret, or correct its name"
        );
        assert!(from_env("", SecretFormat::Text).is_err() && from_env("a=b\0", SecretFormat::Text).is_err());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_variable_is_read_or_named"])
            .env("GYMHOOK_TEST_SECRET", "foobar\r\n")
            .env("GYMHOOK_TEST_EMPTY", "")
            .status();
        assert!(child.unwrap().success());
        return;
    }
    let loaded = from_env("GYMHOOK_TEST_SECRET", SecretFormat::Text).unwrap();
    assert_eq!(loaded.secret().expose_secret(), b"foobar");
    assert_eq!(loaded.line_end_cut(), Some(LineEnd::CrLf));
    let empty = from_env("GYMHOOK_TEST_EMPTY", SecretFormat::Text).unwrap_err();
    assert_eq!(
        empty.to_string(),
        "environment variable GYMHOOK_TEST_EMPTY: the secret is empty: an empty key would let anybody sign; is the setting present?"
    );
}
