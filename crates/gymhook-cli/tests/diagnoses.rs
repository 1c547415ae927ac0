//! What the diagnosis must find: requests that were spoilt as people spoil them, and the one hint that explains each.
//!
//! The signatures were computed with Python's `hmac`, `hashlib` and `base64`, not with this project's code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use assert_cmd::Command;
use serde_json::Value;

struct Spoilt {
    how: &'static str,
    platform: &'static str,
    headers: &'static [&'static str],
    body: &'static [u8],
    secret: &'static str,
    more: &'static [&'static str],
    /// The hint's code, and what it says to add to the command line.
    hint: (&'static str, Option<&'static str>),
}

fn judge(spoilt: &Spoilt, more: &[&str]) -> (i32, Value) {
    let mut command = Command::cargo_bin("gymhook").unwrap();
    command.args(["--json", "verify", spoilt.platform]).env_remove("GYMHOOK_SECRET");
    for header in spoilt.headers {
        command.args(["-H", header]);
    }
    command.args(spoilt.more).args(more).env("GYMHOOK_SECRET", spoilt.secret).write_stdin(spoilt.body);
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code().unwrap(),
        serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{}: {printed}", spoilt.how)),
    )
}

#[test]
fn what_would_have_matched_is_found() {
    for spoilt in SPOILT {
        let (status, record) = judge(spoilt, &[]);
        assert_eq!((status, &record["verdict"]), (1, &Value::from("refused")), "{}", spoilt.how);
        let hint = &record["hints"][0];
        assert_eq!(hint["code"], spoilt.hint.0, "{}: {record}", spoilt.how);
        assert_eq!(hint["arguments"].as_str(), spoilt.hint.1, "{}: {record}", spoilt.how);
        assert!(
            !record.to_string().contains(spoilt.secret.trim_matches(|c: char| c.is_whitespace() || c == '"'))
                || spoilt.secret.len() < 4,
            "{}: the secret is shown",
            spoilt.how
        );
    }
}

/// A hint that names options is followed, and the request is then accepted.
#[test]
fn who_follows_a_hint_is_accepted() {
    let mut followed = 0;
    for spoilt in SPOILT {
        let Some(arguments) = spoilt.hint.1.filter(|arguments| arguments.starts_with("--")) else { continue };
        let arguments: Vec<&str> = arguments.split(' ').collect();
        // An option given twice is an error; whatever else is changed, the request is judged by its own time.
        let kept = if spoilt.more.first() == arguments.first() { &[][..] } else { spoilt.more };
        let has_time = kept.contains(&"--now") || arguments.contains(&"--now");
        let now = ["--now", "2022-11-21T18:44:10Z"].into_iter().filter(|_| !has_time);
        let more: Vec<&str> = arguments.iter().copied().chain(now).collect();
        let tried = Spoilt { more: kept, ..*spoilt };
        let (_, record) = judge(&tried, &more);
        assert!(record["key"].is_string(), "{}: {record}", spoilt.how);
        followed += 1;
    }
    assert!(followed >= 8, "{followed} hints were followed");
}

const SPOILT: &[Spoilt] = &[
    Spoilt {
        how: "the secret was stored with a line end",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret\n\n",
        more: &[],
        hint: ("secret-line-end", None),
    },
    Spoilt {
        how: "with spaces around it",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: " point-signing-secret ",
        more: &[],
        hint: ("secret-white-space", None),
    },
    Spoilt {
        how: "in quotation marks",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "\"point-signing-secret\"",
        more: &[],
        hint: ("secret-quotes", None),
    },
    Spoilt {
        how: "whsec_ taken as text",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=00c218d493cc20286f2f415a7e1754751aeec3df5533218886b57d8c7d935d33"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY",
        more: &[],
        hint: ("secret-whsec", Some("--secret-format whsec")),
    },
    Spoilt {
        how: "the prefix left on a secret that is text",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=0d67bf309958f7cf8c49701bdb4d32a68d57c800bc80a0d064ddd0498cc5496a"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "whsec_abc-def-ghi-jkl!",
        more: &[],
        hint: ("secret-whsec-prefix", None),
    },
    Spoilt {
        how: "hexadecimal taken as text",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=00c218d493cc20286f2f415a7e1754751aeec3df5533218886b57d8c7d935d33"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "0102030405060708090a0b0c0d0e0f101112131415161718",
        more: &[],
        hint: ("secret-hex", Some("--secret-format hex")),
    },
    Spoilt {
        how: "base64 taken as text",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=00c218d493cc20286f2f415a7e1754751aeec3df5533218886b57d8c7d935d33"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY",
        more: &[],
        hint: ("secret-base64", Some("--secret-format base64")),
    },
    Spoilt {
        how: "text decoded as hexadecimal",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=d45814d38543ab6faaba48f95cddff4e8834f2c01c11ce3f3fa96512cc6ddb8b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "0102030405060708090a0b0c0d0e0f101112131415161718",
        more: &["--secret-format", "hex"],
        hint: ("secret-not-encoded", Some("--secret-format text")),
    },
    Spoilt {
        how: "the sender stored it with a line end",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=631e168e562f5909d3f31f62511fd6494b6accc42088809416eaaa47348f91a7"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("secret-of-the-sender", None),
    },
    Spoilt {
        how: "in another case",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=cba42d10991b35fa02193b9ed185049ce30fb752b045e441e7aeff85e6d09e81"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("secret-case", None),
    },
    Spoilt {
        how: "a line end behind the body",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}\n",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-line-end", None),
    },
    Spoilt {
        how: "a line end cut from the body",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=1c2c837c14d7dfdefc9ff28c69b0490feaefefb69bd1fdec05ca66c3c6a2f698"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-line-end", None),
    },
    Spoilt {
        how: "CRLF in the body became LF",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=dc5139e0e4d1f98072cc5f8d5958cb20ca2d1dc3d59278fdf855157475e2b4c3"],
        body: b"{\n  \"eventType\": \"workout.created\",\n  \"userId\": \"u-1\",\n  \"note\": \"a/b \xc3\xbc\",\n  \"payload\": [\n    {\n      \"id\": 1,\n      \"calories\": 412.50\n    }\n  ]\n}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-lf", None),
    },
    Spoilt {
        how: "LF in the body became CRLF",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=d4e1eca73f0e8f68532fabd2b551b90f7244586cc8697740ebba235155007adf"],
        body: b"{\r\n  \"eventType\": \"workout.created\",\r\n  \"userId\": \"u-1\",\r\n  \"note\": \"a/b \xc3\xbc\",\r\n  \"payload\": [\r\n    {\r\n      \"id\": 1,\r\n      \"calories\": 412.50\r\n    }\r\n  ]\r\n}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-crlf", None),
    },
    Spoilt {
        how: "written again by JavaScript",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=d4e1eca73f0e8f68532fabd2b551b90f7244586cc8697740ebba235155007adf"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-rewritten", None),
    },
    Spoilt {
        how: "signed by Python's json.dumps and written again",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=1918479adddd4fc6ff7f1c81e5c3c27c544084ef654217241ca83926177a5868"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-rewritten", None),
    },
    Spoilt {
        how: "signed by PHP's json_encode and written again",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=ec5adbe9a1ff024a9e5bea2a3d739df7774aeae3d74c8a672a09889336e176ef"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-rewritten", None),
    },
    Spoilt {
        how: "its UTF-8 read as Latin-1",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\x83\xc2\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-encoded-twice", None),
    },
    Spoilt {
        how: "a byte order mark in front",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"\xef\xbb\xbf{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("body-byte-order-mark", None),
    },
    Spoilt {
        how: "both a line end at the secret and at the body",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}\n",
        secret: "point-signing-secret ",
        more: &[],
        hint: ("secret-white-space", None),
    },
    Spoilt {
        how: "another platform's request",
        platform: "gympoint",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("other-platform", Some("point")),
    },
    Spoilt {
        how: "no dot between time and body",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=bb5d6aab1c3f46107928334acf4c01910cbcee0b14fc2deadb783d4861640aa0"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("other-algorithm", None),
    },
    Spoilt {
        how: "base64 where hex is expected",
        platform: "gympoint",
        headers: &["x-gympoint-signature: HingDiU8NSTcX2L6mpCIRI7hZWfZWo5INMhU5h4tVu4="],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("signature-encoding", Some("--encoding base64")),
    },
    Spoilt {
        how: "another header",
        platform: "gympoint",
        headers: &["x-gp-hmac: 1e29e00e253c3524dc5f62fa9a9088448ee16567d95a8e4834c854e61e2d56ee"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("signature-header", Some("--signature-header x-gp-hmac")),
    },
    Spoilt {
        how: "another prefix",
        platform: "gympoint",
        headers: &["x-gympoint-signature: hmac=1e29e00e253c3524dc5f62fa9a9088448ee16567d95a8e4834c854e61e2d56ee"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("signature-prefix", Some("--prefix hmac=")),
    },
    Spoilt {
        how: "SHA-1",
        platform: "gympoint",
        headers: &["x-gympoint-signature: b8b1870c4db43b022bbc2deaf7b25a7b5b74f849"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("other-algorithm", None),
    },
    Spoilt {
        how: "SHA-512",
        platform: "gympoint",
        headers: &["x-gympoint-signature: 9db17f158b8318d3515d90744b788f4880ba1a0051cfe8b02c232583cf7216730bbb2369e33b39d3dd4db06f5e2fcb8881b83e42a8e658fe66b8808577f9d428"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &[],
        hint: ("other-algorithm", None),
    },
    Spoilt {
        how: "MD5 with the secret first",
        platform: "perfectgym",
        headers: &["x-perfectgym-request: 0f8fad5b-d9cb-469f-a165-70867728950e", "x-perfectgym-signature: 7afadae814456c456acc7dc35cffed52"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "pgm",
        more: &[],
        hint: ("other-algorithm", None),
    },
    Spoilt {
        how: "MD5 without the colon",
        platform: "perfectgym",
        headers: &["x-perfectgym-request: 0f8fad5b-d9cb-469f-a165-70867728950e", "x-perfectgym-signature: 32768830eb395e0d69901f84cf2ec92a"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "pgm",
        more: &[],
        hint: ("other-algorithm", None),
    },
    Spoilt {
        how: "MD5 in base64",
        platform: "perfectgym",
        headers: &["x-perfectgym-request: 0f8fad5b-d9cb-469f-a165-70867728950e", "x-perfectgym-signature: ossFJ8xXFBIJX3cmicsFxw=="],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "pgm",
        more: &[],
        hint: ("signature-encoding", Some("--encoding base64")),
    },
    Spoilt {
        how: "MD5 with a line end",
        platform: "perfectgym",
        headers: &["x-perfectgym-request: 0f8fad5b-d9cb-469f-a165-70867728950e", "x-perfectgym-signature: a2cb0527cc571412095f772689cb05c7"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "pgm ",
        more: &[],
        hint: ("secret-white-space", None),
    },
    Spoilt {
        how: "a key in quotation marks",
        platform: "egym",
        headers: &["x-api-key: k-1"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "\"k-1\"",
        more: &[],
        hint: ("secret-quotes", None),
    },
    Spoilt {
        how: "a key in another header",
        platform: "egym",
        headers: &["x-egym-key: k-1"],
        body: b"{\"type\":\"TEST\"}",
        secret: "k-1",
        more: &[],
        hint: ("key-in-other-header", Some("--signature-header x-egym-key")),
    },
    Spoilt {
        how: "a key as a bearer token",
        platform: "egym",
        headers: &["authorization: Bearer k-1"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "k-1",
        more: &[],
        hint: ("key-in-other-header", None),
    },
    Spoilt {
        how: "quite another key",
        platform: "pg-next",
        headers: &["x-api-key: k-1"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "k-2",
        more: &[],
        hint: ("nothing-matched", None),
    },
    Spoilt {
        how: "seconds for milliseconds",
        platform: "point",
        headers: &["point-signature: t=1669056240,v1=3e6ffec59f1277eb913ed4ea910814bb0119f4fced18e5d8714cc5e039743c46"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &["--now", "2022-11-21T18:45:00Z"],
        hint: ("time-unit", Some("--unit s")),
    },
    Spoilt {
        how: "an old capture",
        platform: "point",
        headers: &["point-signature: t=1669056240352,v1=59ac7f7939152fec6aa2adf158427c492f4130c4bb66f4c4ff1f8a9ff96cf08b"],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "point-signing-secret",
        more: &["--now", "2026-01-01T00:00:00Z"],
        hint: ("old-capture", Some("--now 2022-11-21T18:44:00.352Z")),
    },
    Spoilt {
        how: "Standard Webhooks with the secret as text",
        platform: "standard-webhooks",
        headers: &["webhook-id: msg_1", "webhook-timestamp: 1669056240", "webhook-signature: v1,q5wrj+DSK/v+DkAe85YHpzGK+M7H4NFIS5LmVjQbXJc="],
        body: b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}",
        secret: "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY",
        more: &[],
        hint: ("secret-not-encoded", Some("--secret-format text")),
    },
];
