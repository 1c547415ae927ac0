//! Run by `tests/sixth_vendor.rs` in a copy of the libraries that has a sixth vendor: every public list must name it.

#[cfg(test)]
mod tests {
    use gymhook::event::{AnyNotification, DecodeError, Kind, Notification as _, Vendor, samples};
    use gymhook::send::EventFilter;
    use gymhook::signature::{Keyring, Secret};
    use gymhook::{Provider, Receiver};

    const BODY: &str = r#"{"event":"turnstile.passed","member":4711}"#;

    #[test]
    fn every_list_of_vendors_names_the_sixth_at_its_end() {
        let names = ["gympoint", "egym", "perfectgym", "pg-next", "point", "acme"];
        assert!(Vendor::ALL.iter().map(|vendor| vendor.as_str()).eq(names));
        assert!(Provider::all().map(|provider| provider.vendor().as_str()).eq(names));
        let mut sampled: Vec<_> = samples().map(|sample| sample.vendor.as_str()).collect();
        sampled.dedup();
        assert_eq!(sampled, names);
    }

    #[test]
    fn the_messages_that_offer_a_choice_offer_it() {
        let choices = names_joined();
        let refused = "nobody".parse::<Vendor>().unwrap_err().to_string();
        assert!(refused.ends_with(&choices), "{refused}");
        let refused = DecodeError::UnknownVendor.to_string();
        assert!(refused.ends_with(&choices), "{refused}");
    }

    fn names_joined() -> String {
        Vendor::ALL.iter().map(|vendor| vendor.as_str()).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn it_is_found_by_name_read_filtered_and_received() {
        let acme: Vendor = "acme".parse().unwrap();
        assert_eq!(acme, Vendor::ACME);
        assert_eq!(acme.event_types(), ["turnstile.passed"]);
        assert_eq!(acme.kind_of("turnstile.passed"), Some(Kind::CheckIn));
        let notification = AnyNotification::decode(acme, BODY.as_bytes()).unwrap();
        assert!(matches!(notification, AnyNotification::Acme(_)));
        assert_eq!(EventFilter::from("turnstile.passed").check("acme"), Ok(()));

        let keyring = || Keyring::single("main", Secret::new("a secret of 128 random bits").unwrap()).unwrap();
        let receiver = Receiver::new(&Provider::of(acme).unwrap(), keyring()).unwrap();
        let now = time::UtcDateTime::UNIX_EPOCH;
        let headers = receiver.verifier().signer().sign("", BODY.as_bytes(), now).unwrap();
        let verified = receiver.receive(&headers, BODY, now).unwrap();
        assert_eq!(verified.value().events().next().unwrap().subject.to_string(), "member 4711");
    }
}
