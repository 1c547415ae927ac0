//! Ids, amounts and times keep what was written and refuse what cannot be.

use gymhook_event::{Decimal, Id, IsoTime, UnixMillis};

#[test]
fn an_id_is_a_whole_number_or_text() {
    for whole in ["0", "7893459", "-5", "9223372036854775807", "-9223372036854775808"] {
        let id: Id = serde_json::from_str(whole).unwrap();
        assert_eq!(id.to_string(), whole);
        assert_eq!(id.as_i64(), whole.parse().ok());
        assert_eq!(serde_json::to_string(&id).unwrap(), whole);
        let text: Id = serde_json::from_str(&format!("\"{whole}\"")).unwrap();
        assert_eq!((text.to_string(), text.as_i64()), (id.to_string(), id.as_i64()));
        assert_ne!(text, id, "the spelling is part of the value");
        assert_eq!(serde_json::to_string(&text).unwrap(), format!("\"{whole}\""));
    }
    for text in ["007", "+7", "", "m_1", "1.0", "99999999999999999999"] {
        let id: Id = serde_json::from_str(&format!("\"{text}\"")).unwrap();
        assert_eq!((id.to_string().as_str(), id.as_i64()), (text, None));
    }
}

#[test]
fn an_id_is_what_its_number_spells() {
    for (json, spelled) in [
        ("1.0", "1"),
        ("42.000", "42"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("1.5e1", "15"),
        ("120e-1", "12"),
        ("-7.0", "-7"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e9", "0"),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("9007199254740993.0", "9007199254740993"),
        ("1e21", "1000000000000000000000"),
    ] {
        let id: Id = serde_json::from_str(json).unwrap();
        assert_eq!(id.to_string(), spelled, "{json}");
        assert_eq!(id.as_i64(), spelled.parse().ok(), "{json}");
        assert_eq!(serde_json::to_string(&id).unwrap(), json, "written as it was received");
        let nested: Vec<Id> = serde_json::from_str(&format!("[{json}]")).unwrap();
        assert_eq!(nested, [id]);
    }
}

#[test]
fn an_id_may_be_escaped() {
    let cases = [(r#""m\u0031\n""#, "m1\n"), (r#""\"""#, "\""), ("\"größe\"", "größe"), (r#""""#, "")];
    for (json, text) in cases {
        assert_eq!(serde_json::from_str::<Id>(json).unwrap(), Id::from(text), "{json}");
    }
    assert!(serde_json::from_str::<Id>(r#""\ud800""#).is_err(), "half of a surrogate pair");
}

/// Its JSON, which is then given up or becomes the text.
#[test]
fn an_id_is_read_with_one_allocation() {
    for json in ["7893459", "-5", "0", "\"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c\""] {
        let counted = allocation_counter::measure(|| {
            core::hint::black_box(serde_json::from_str::<Id>(json).unwrap());
        });
        assert_eq!(counted.count_total, 1, "{json}");
    }
    assert_eq!(size_of::<Id>(), size_of::<String>());
}

#[test]
fn an_id_is_never_rounded() {
    for refused in [
        "1.5",
        "1e-1",
        "10e-2",
        "0.1",
        "1e400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "true",
        "null",
        "[1]",
        "{}",
        r#"{"id":1}"#,
    ] {
        assert!(serde_json::from_str::<Id>(refused).is_err(), "{refused}");
        let nested = format!("[{refused}]");
        assert!(serde_json::from_str::<Vec<Id>>(&nested).is_err(), "{nested}");
    }
}

#[test]
fn an_amount_keeps_its_digits() {
    for text in ["0", "33.780", "-0.00", "1E+2", "0.1", "123456789012345678901234567890.123456789", "1e999"] {
        let amount: Decimal = serde_json::from_str(text).unwrap();
        assert_eq!(amount.as_str(), text);
        assert_eq!(serde_json::to_string(&amount).unwrap(), text);
        assert_eq!(text.parse::<Decimal>().as_ref(), Ok(&amount));
        let quoted = format!("\"{text}\"");
        let as_string: Decimal = serde_json::from_str(&quoted).unwrap();
        assert_eq!(as_string.as_str(), text);
        assert_eq!(serde_json::to_string(&as_string).unwrap(), quoted);
        assert_ne!(as_string, amount);
    }
    let escaped: Decimal = serde_json::from_str(r#""\u0031.50""#).unwrap();
    assert_eq!(escaped.as_str(), "1.50");
    assert_eq!(serde_json::from_str::<Decimal>("0.25").unwrap().as_f64(), Some(0.25));
    assert_eq!(serde_json::from_str::<Decimal>("1e999").unwrap().as_f64(), None);
    assert_ne!("1.0".parse::<Decimal>(), "1.00".parse::<Decimal>());
    assert_eq!(Decimal::from(-7).as_str(), "-7");
}

#[test]
fn an_amount_is_a_number() {
    for refused in
        ["", "+1", ".5", "1.", "01", "NaN", "Infinity", "1 ", " 1", "1,5", "0x1", "1e", "--1", "1\"", "-"]
    {
        assert!(refused.parse::<Decimal>().is_err(), "{refused}");
        let quoted = serde_json::to_string(refused).unwrap();
        assert!(serde_json::from_str::<Decimal>(&quoted).is_err(), "{quoted}");
    }
    for refused in ["true", "null", "[]", "{}"] {
        assert!(serde_json::from_str::<Decimal>(refused).is_err(), "{refused}");
    }
}

#[test]
fn milliseconds_end_with_the_calendar() {
    let last = UnixMillis::new(253_402_300_799_999).unwrap();
    assert_eq!(last.to_utc().map(|at| (at.year(), at.millisecond())), Some((9999, 999)));
    let at = last.to_utc().unwrap();
    assert_eq!(UnixMillis::try_from(at), Ok(last));
    assert_eq!(UnixMillis::new(253_402_300_800_000).unwrap().to_utc(), None);
    assert_eq!(UnixMillis::new(i64::MIN), None);
}

#[test]
fn text_that_is_no_time_is_only_text() {
    for text in [
        "",
        "yesterday",
        "2020-06-01",
        "2020-06-01T25:00:00Z",
        "2020-06-01T14:44:46+99:99",
        "２０２０",
        "T",
        "2020-06-01T14:44,5Z",
        "2020-06-01T14:44:46,Z",
        "2020-0601T14:44Z",
        "202006-01T1444Z",
        "2020-06-01TZ",
        "2020-02-30T14:44Z",
        "2020-06-01T14:60Z",
        "2020-06-01T1Z",
        "2020-06-01T14:44Zx",
        "2020-06-01T14:44+2",
        "2020-06-01T\u{e9}4:44Z",
        "+2020-06-01T14:44Z",
        "2020-06-01T14:44:46Z+02:00",
        "2020-06-01T",
    ] {
        assert_eq!(IsoTime::new(text).to_utc(), None, "{text}");
        assert_eq!(IsoTime::new(text).to_utc_assuming_utc(), None, "{text}");
    }
    for (text, utc) in [
        ("2020-06-01T16:44:46+0200", "2020-06-01 14:44:46.0 +00"),
        ("2020-06-01T16:44:46+02", "2020-06-01 14:44:46.0 +00"),
        ("2020-06-01T09:14:46-05:30", "2020-06-01 14:44:46.0 +00"),
        ("2020-06-01T14:44Z", "2020-06-01 14:44:00.0 +00"),
        ("20200601T144446Z", "2020-06-01 14:44:46.0 +00"),
        ("20200601T1444Z", "2020-06-01 14:44:00.0 +00"),
        ("20200601T164446.25+0200", "2020-06-01 14:44:46.25 +00"),
        ("2020-06-01T14:44:46,5Z", "2020-06-01 14:44:46.5 +00"),
        ("2020-06-01t14:44:46z", "2020-06-01 14:44:46.0 +00"),
    ] {
        assert_eq!(IsoTime::new(text).to_utc().map(|at| at.to_string()).as_deref(), Some(utc), "{text}");
        assert_eq!(IsoTime::new(text).to_utc_assuming_utc(), IsoTime::new(text).to_utc(), "{text}");
    }
    for text in ["20200601T144446", "2020-06-01T14:44", "2020-06-01T14:44:46,0"] {
        assert_eq!(IsoTime::new(text).to_utc(), None, "{text}");
        assert!(IsoTime::new(text).to_utc_assuming_utc().is_some(), "{text}");
    }
    let zoneless = IsoTime::new("2020-06-01T14:44:46.5");
    assert_eq!(zoneless.to_utc_assuming_utc(), IsoTime::new("2020-06-01T14:44:46.5Z").to_utc());
    assert!(zoneless.to_utc_assuming_utc().is_some());
    let edges = ["0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"];
    assert_eq!(IsoTime::new(edges[1]).to_utc(), None, "year 10000 in UTC");
    assert_eq!(IsoTime::new(edges[0]).to_utc().map(|at| at.year()), Some(-1));
}
