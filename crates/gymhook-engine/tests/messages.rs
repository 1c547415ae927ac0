//! Every message of these errors, as a person reads it: what happened, where, what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gymhook::event::Kind;
use gymhook::signature::KeyringError;
use gymhook_engine::store::{StoreError, Unstorable};
use gymhook_engine::{
    AcceptError, DeliveryId, EndpointId, FilterError, ReadAgainError, SettingsError, SubscriptionError,
};

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
            "delivery 00000000-0000-0000-0000-000000000007 was accepted before with the same key and another body: \
             compare both, one of them may be forged",
        ),
        (
            AcceptError::Gone { inbox: EndpointId::from_u128(1) }.to_string(),
            "there is no inbox 00000000-0000-0000-0000-000000000001 in this store: it was deleted; open one under \
             another id, or stop receiving",
        ),
        (AcceptError::Store(StoreError::Full).to_string(), "the disk is full: make room, nothing was lost"),
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
fn why_a_subscription_was_not_written() {
    let subscription = EndpointId::from_u128(1);
    let filter = |problem| SubscriptionError::Filter { subscription, problem }.to_string();
    let written = || "member.craeted".to_owned();
    assert_reads([
        (
            SubscriptionError::Deleted { subscription }.to_string(),
            "subscription 00000000-0000-0000-0000-000000000001 was deleted: make a new one under another id",
        ),
        (
            SubscriptionError::Direction { subscription }.to_string(),
            "subscription 00000000-0000-0000-0000-000000000001 goes the other way, since an inbox receives and all others are sent to: take another id",
        ),
        (
            SubscriptionError::Key(KeyringError::Empty).to_string(),
            "the new key cannot be used: the keyring is empty: nothing could ever be verified with it",
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
            "the disk is full: make room, nothing was lost",
        ),
        (
            SubscriptionError::Unknown { subscription }.to_string(),
            "there is no subscription 00000000-0000-0000-0000-000000000001: it was deleted, or never made",
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
             sent: name a type; for every type leave the list out",
        ),
        (
            filter(FilterError::NotOneType { filter: "member.*".to_owned() }),
            "subscription 00000000-0000-0000-0000-000000000001: event filter \"member.*\" is no single type: a URL can be set \
             for one type only",
        ),
    ]);
}
