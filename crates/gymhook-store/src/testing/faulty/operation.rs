//! `Operation`: the operations of a store that may fail, and `When`: before or after they take effect.

macro_rules! operations {
    ($($operation:ident $method:ident $name:literal)*) => {
        /// An operation of a [`Store`](crate::Store).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $(
                #[doc = concat!("[`Store::", stringify!($method), "`](crate::Store::", stringify!($method), ").")]
                $operation,
            )*
        }

        impl Operation {
            /// All operations, in the trait's order.
            pub const ALL: &[Self] = &[$(Self::$operation),*];

            /// Its name in kebab case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$operation => $name,)*
                }
            }
        }
    };
}

operations! {
    Now now "now"
    PutSubscription put_subscription "put-subscription"
    Subscription subscription "subscription"
    Subscriptions subscriptions "subscriptions"
    DeleteSubscription delete_subscription "delete-subscription"
    Enqueue enqueue "enqueue"
    Command command "command"
    Redeliver redeliver "redeliver"
    Lease lease "lease"
    OtherWorkers other_workers "other-workers"
    Announce announce "announce"
    Commit commit "commit"
    Fetch fetch "fetch"
    TakeOver take_over "take-over"
    WorkArrived work_arrived "work-arrived"
    Delivery delivery "delivery"
    Deliveries deliveries "deliveries"
    Body body "body"
    Attempts attempts "attempts"
    Stats stats "stats"
    EndpointStats endpoint_stats "endpoint-stats"
    Purge purge "purge"
    ClaimNotices claim_notices "claim-notices"
    AcknowledgeNotices acknowledge_notices "acknowledge-notices"
    CheckWritable check_writable "check-writable"
    PutApiKey put_api_key "put-api-key"
    RotateApiKey rotate_api_key "rotate-api-key"
    RevokeApiKey revoke_api_key "revoke-api-key"
    ApiKey api_key "api-key"
    ApiKeyByDigest api_key_by_digest "api-key-by-digest"
    ApiKeys api_keys "api-keys"
    AppendToJournal append_to_journal "append-to-journal"
    Journal journal "journal"
}

impl Operation {
    /// The operation with this name in kebab case; `None` if there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.as_str() == name)
    }
}

/// On which side of a call.
///
/// Exhaustive on purpose: there is nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// The call is not made.
    Before,
    /// The call was made and succeeded, and its result is lost. A call that fails anyway does not get there.
    After,
}

impl When {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::Before, Self::After];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }

    /// The side with this name; `None` if there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|when| when.as_str() == name)
    }
}
