//! Every message of these errors, as a person reads it: what happened, where, what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::time::Duration;

use gymhook::event::{DecodeError, Kind};
use gymhook::signature::KeyringError;
use gymhook_engine::store::{ApiKeyRights, Refused, StoreError, UnreadableRow, Unstorable};
use gymhook_engine::{
    AcceptError, ApiKeyError, DeliveryId, EndpointId, FilterError, NotPublished, NotReady, ReadAgainError,
    ReadItemError, SecretCipherError, SettingsError, SubscriptionError, TestAnswer, TestFailure, ViewError,
    WorkerState,
};
use gymhook_retry::Fault;

fn assert_reads(table: impl IntoIterator<Item = (String, &'static str)>) {
    for (message, expected) in table {
        assert_eq!(message, expected);
        assert!(!message.ends_with('.') && !message.starts_with(char::is_uppercase), "{message}");
    }
}

#[test]
fn why_a_notification_was_not_accepted() {
    let delivery = DeliveryId::from_u128(7);
    let unstorable = |field, problem| AcceptError::Unstorable { field, problem }.to_string();
    assert_reads([
        (
            AcceptError::Conflict { delivery }.to_string(),
            "delivery 00000000-0000-0000-0000-000000000007 was accepted before with the same id and another body: \
             compare both, one of them may be forged",
        ),
        (
            AcceptError::Gone { inbox: EndpointId::from_u128(1) }.to_string(),
            "there is no inbox 00000000-0000-0000-0000-000000000001 in this store: it was deleted; open one under \
             another id, or stop receiving",
        ),
        (
            AcceptError::Store(StoreError::Full).to_string(),
            "the disk is full: free some space; nothing was lost",
        ),
        (
            unstorable("event type", Unstorable::Nul),
            "the notification cannot be stored: its event type has a NUL character (U+0000), which not every database keeps",
        ),
        (
            unstorable("body", Unstorable::TooLong { bytes: 9, limit: 8 }),
            "the notification cannot be stored: its body has 9 bytes: at most 8 can be stored",
        ),
        (
            ReadAgainError::NotKept { delivery }.to_string(),
            "delivery 00000000-0000-0000-0000-000000000007 is no unreadable one of this inbox: it was read already or \
             purged, or the id is another's",
        ),
    ]);
}

#[test]
fn why_an_item_was_not_read() {
    let other = ReadItemError::OtherVendor { vendor: "pg-next".to_owned(), reads: "egym".to_owned() };
    assert_reads([
        (
            ReadItemError::NotProved.to_string(),
            "it was accepted without a proof: only dangerous_read_unverified reads it",
        ),
        (other.to_string(), "it is from pg-next, and was to be read as egym"),
        (
            ReadItemError::UnknownVendor.to_string(),
            "its platform was not kept: read it as the type of the one that sends to this inbox",
        ),
        (ReadItemError::Unreadable(DecodeError::Empty.into()).to_string(), "empty: there is no JSON in it"),
    ]);
}

#[test]
fn why_a_subscription_was_not_written() {
    let subscription = EndpointId::from_u128(1);
    let filter = |problem| SubscriptionError::Filter { subscription, problem }.to_string();
    let written = || "member.craeted".to_owned();
    assert_reads([
        (
            SubscriptionError::Deleted { subscription }.to_string(),
            "subscription 00000000-0000-0000-0000-000000000001 was deleted: create a new one with another id",
        ),
        (
            SubscriptionError::Direction { subscription }.to_string(),
            "subscription 00000000-0000-0000-0000-000000000001 has the other direction, since an inbox receives and every other subscription is sent to: use another id",
        ),
        (
            SubscriptionError::Inbox { subscription, setting: "URL" }.to_string(),
            "subscription 00000000-0000-0000-0000-000000000001 is an inbox: it is handled here, and has no URL",
        ),
        (
            SubscriptionError::Key(KeyringError::Empty).to_string(),
            "the new key cannot be used: the keyring is empty: add at least one key",
        ),
        (
            SubscriptionError::Refused { subscription, problem: "there is no platform \"acme\"".to_owned() }
                .to_string(),
            "subscription 00000000-0000-0000-0000-000000000001 cannot be sent to: there is no platform \"acme\"",
        ),
        (
            SubscriptionError::Settings(SettingsError::Unreadable {
                subscription,
                problem: "no JSON".to_owned(),
            })
            .to_string(),
            "the settings of subscription 00000000-0000-0000-0000-000000000001 cannot be read: no JSON",
        ),
        (
            SubscriptionError::Store(StoreError::Full).to_string(),
            "the disk is full: free some space; nothing was lost",
        ),
        (
            SubscriptionError::Unknown { subscription }.to_string(),
            "there is no subscription 00000000-0000-0000-0000-000000000001: it was deleted, or never created",
        ),
        (
            SubscriptionError::Unstorable { field: "event type", problem: Unstorable::Nul }.to_string(),
            "the test event cannot be stored: its event type has a NUL character (U+0000), which not every database keeps",
        ),
        (
            filter(FilterError::NotSent {
                filter: written(),
                platform: "gympoint".to_owned(),
                nearest: Some("member.created"),
            }),
            "subscription 00000000-0000-0000-0000-000000000001: gympoint has no event that fits \"member.craeted\" \
             (did you mean \"member.created\"?): write \"unlisted:\" before a type that is newer than this crate",
        ),
        (
            filter(FilterError::KindsUnknown { kind: Kind::CheckIn, platform: "acme".to_owned() }),
            "subscription 00000000-0000-0000-0000-000000000001: the kinds of platform \"acme\" are not known, so check-in \
             can match nothing: name its types instead",
        ),
        (
            filter(FilterError::NoFilter),
            "subscription 00000000-0000-0000-0000-000000000001: the list of event filters is empty, so nothing would ever be \
             sent: name a type; to match every type, omit the list",
        ),
        (
            filter(FilterError::NotOneType { filter: "member.*".to_owned() }),
            "subscription 00000000-0000-0000-0000-000000000001: event filter \"member.*\" is not a single type: a URL can be set \
             for one type only",
        ),
    ]);
}

#[test]
fn why_an_event_was_not_enqueued() {
    let delivery = DeliveryId::from_u128(7);
    let refused = |refused: Refused| NotPublished::from(refused).to_string();
    assert_reads([
        (
            NotPublished::OtherPlatform { platform: "point".to_owned() }.to_string(),
            "there is no body for a subscription to \"point\": add one with Publication::and",
        ),
        (
            refused(Refused::Conflict { delivery }),
            "delivery 00000000-0000-0000-0000-000000000007 already exists with another body, endpoint or purpose",
        ),
        (
            refused(Refused::Repeat { delivery }),
            "it repeats delivery 00000000-0000-0000-0000-000000000007, which was enqueued before with the same body",
        ),
        (
            refused(Refused::UnknownEndpoint { endpoint: EndpointId::from_u128(1) }),
            "there is no subscription 00000000-0000-0000-0000-000000000001",
        ),
        (
            refused(Refused::Unstorable { delivery, field: "origin", problem: Unstorable::Nul }),
            "delivery 00000000-0000-0000-0000-000000000007 cannot be stored: its origin has a NUL character (U+0000), \
             which not every database keeps",
        ),
    ]);
}

#[test]
fn why_a_test_failed_or_was_not_sent() {
    let subscription = EndpointId::from_u128(1);
    let no_answer = |detail: Option<&str>| {
        TestFailure::NoAnswer { fault: Fault::Timeout, detail: detail.map(str::to_owned) }.to_string()
    };
    assert_reads([
        (
            SubscriptionError::NoTestEvent { subscription, platform: "point".to_owned() }.to_string(),
            "subscription 00000000-0000-0000-0000-000000000001: no test event of \"point\" is known, so name the event \
             to send",
        ),
        (
            TestFailure::Answered(TestAnswer { status: 418, body: Some("Jane Doe".to_owned()) }).to_string(),
            "the endpoint answered with 418",
        ),
        (no_answer(None), "no answer (timeout)"),
        (no_answer(Some("no whole answer in time")), "no answer (timeout): no whole answer in time"),
        (TestFailure::Cancelled.to_string(), "the test was cancelled"),
        (TestFailure::Unknown.to_string(), "the outcome of the test is unknown: test again"),
    ]);
}

#[test]
fn what_else_an_engine_says() {
    let source = SecretCipherError { problem: "the key service is away".to_owned() };
    let subscription = EndpointId::from_u128(1);
    let worker = |state| NotReady::Worker { state }.to_string();
    assert_reads([
        (source.to_string(), "the secrets cannot be encrypted or decrypted: the key service is away"),
        (
            SettingsError::SecretCipher { subscription, source }.to_string(),
            "subscription 00000000-0000-0000-0000-000000000001: the secrets cannot be encrypted or decrypted: the key service is away",
        ),
        (ApiKeyError::Label { problem: Unstorable::Empty }.to_string(), "the API key's label is empty"),
        (ApiKeyError::Owner { problem: Unstorable::Empty }.to_string(), "the API key's gym is empty"),
        (
            ViewError::NotAllowed { needs: ApiKeyRights::Retry }.to_string(),
            "this API key's rights are not enough: use one with the rights \"retry\" or more",
        ),
        (
            ViewError::NotAllowed { needs: ApiKeyRights::Write }.to_string(),
            "this API key's rights are not enough: use one with the rights \"write\"",
        ),
        (
            ViewError::OtherGym { gym: "wien".to_owned() }.to_string(),
            "this view does not reach gym \"wien\": use an API key of that gym, or one that is owned by all",
        ),
        (
            ViewError::from(StoreError::Full).to_string(),
            "the disk is full: free some space; nothing was lost",
        ),
        (
            NotReady::from(StoreError::Full).to_string(),
            "the store cannot be written to: the disk is full: free some space; nothing was lost",
        ),
        (worker(WorkerState::Stopping), "the worker is shutting down"),
        (worker(WorkerState::Stopped), "the worker has ended: start a new engine"),
        (UnreadableRow::CheckSum.to_string(), "the row does not match its checksum"),
        (UnreadableRow::Column { column: "state" }.to_string(), "the column state has an invalid value"),
    ]);
}

#[test]
fn what_a_store_says() {
    let problem = || "PROBLEM".to_owned();
    let table = [
        (
            StoreError::Busy { retry_after: Duration::from_secs(2) },
            "the store is busy: the maximum number of calls is waiting; try again in 2 s",
        ),
        (StoreError::Closed, "the store is closed"),
        (
            StoreError::Conflict { what: "an API key with this digest" },
            "an API key with this digest already exists",
        ),
        (
            StoreError::Damaged { problem: problem() },
            "the store is damaged: PROBLEM; restore it from a backup",
        ),
        (StoreError::Full, "the disk is full: free some space; nothing was lost"),
        (StoreError::Internal { problem: problem() }, "a fault inside the store: PROBLEM; please report it"),
        (StoreError::Invalid { problem: problem() }, "PROBLEM"),
        (StoreError::ReadOnly { problem: problem() }, "the store cannot be written to: PROBLEM"),
        (
            StoreError::Replaced { problem: problem() },
            "PROBLEM: shut this process down cleanly, put the file back (or restore it from a backup), and start again",
        ),
        (
            StoreError::Schema { found: 9, known: 2 },
            "the tables have version 9, and this program knows versions up to 2: use a newer program",
        ),
        (StoreError::Unavailable { problem: problem() }, "the database is not available: PROBLEM"),
    ];
    for (error, message) in table {
        assert_eq!(error.to_string(), message);
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn what_a_file_that_cannot_be_opened_says() {
    use gymhook_engine::store::SqliteStore;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let said = |path: &std::path::Path| SqliteStore::open(path).unwrap_err().to_string();
    let text = at("text.db");
    std::fs::write(&text, "this is no database, and it is longer than a header").unwrap();
    assert_eq!(
        said(&text),
        format!(
            "the store is damaged: file is not a database: {}; it was overwritten, or the path is wrong; \
             restore it from a backup",
            text.display()
        )
    );
    let locked = at("locked.db");
    drop(SqliteStore::open(&locked).unwrap());
    let other = rusqlite::Connection::open(&locked).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(
        said(&locked),
        format!(
            "the database is not available: database is locked: {}; another connection has held its lock for 10 s: \
             find the program that holds it, and end its transaction",
            locked.display()
        )
    );
}
