//! Does a comparison that decides on a secret take longer the more of a guess is right? dudect's test, for each comparison and
//! for two controls that leak: `cargo bench -p gymhook-benches --bench constant_time [-- WORD...]`.
//!
//! Two classes of forged requests are timed in random order: guesses that are right up to their last byte (of an API key, in
//! its first half), and guesses that are wrong from the first. Both are refused, and both look random. Welch's t between the two says how sure it is that they
//! differ: beyond ±5 there is a leak, and a run means something only if its controls are far beyond.
#![allow(clippy::expect_used, reason = "dudect's functions have no result to return")]

use core::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dudect_bencher::ctbench::{BenchMetadata, BenchName, BenchOpts, run_benches_console};
use dudect_bencher::rand::RngExt as _;
use dudect_bencher::{BenchRng, Class, CtRunner};
use gymhook::signature::{
    ApiKey, Key, Keyring, Secret, SignatureScheme, StandardWebhooks, Tolerance, Verifier, vendor,
};
use gymhook_benches::{Outcome, Wanted};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use time::UtcDateTime;

const BATCHES: usize = 4_000;
/// Prepared before any of them is timed, so that the preparation of one class cannot warm up or slow down its own timing.
const BATCH: usize = 128;
const NOW: UtcDateTime = UtcDateTime::UNIX_EPOCH;

fn main() -> Outcome<()> {
    let bench = |name, benchfn| BenchMetadata { name: BenchName(name), seed: None, benchfn };
    let mut benches = vec![
        bench("control: HMAC tag, early exit", control_tag),
        bench("control: API key, early exit", control_key),
        bench("gymhook: HMAC tag in hexadecimal", tag_in_hexadecimal),
        bench("gymhook: HMAC tag in base64", tag_in_base64),
        bench("gymhook: MD5 digest", md5_digest),
        bench("gymhook: API key, 1 key", one_api_key),
        bench("gymhook: API key, 1,000 keys", many_api_keys),
    ];
    let names: Vec<&str> = benches.iter().map(|bench| bench.name.0).collect();
    let wanted = Wanted::from_args(&[], |_| names)?;
    benches.retain(|bench| wanted.contains(bench.name.0));
    Ok(run_benches_console(BenchOpts::default(), benches)?)
}

/// A forged request.
struct Forgery {
    class: Class,
    headers: HeaderMap,
    body: [u8; 32],
}

fn tag_in_hexadecimal(runner: &mut CtRunner, random: &mut BenchRng) {
    let verifier = verifier(vendor::gympoint(), [random_text(random)]);
    let header = HeaderName::from_static("x-gympoint-signature");
    time_refusals(&verifier, runner, || {
        let body: [u8; 32] = random.random();
        let mut headers = verifier.signer().sign("", &body, NOW).expect("a valid key");
        let made = const_hex::decode_to_array(headers.get(&header).expect("signed")).expect("hexadecimal");
        let (class, guess) = guess::<32>(made, random);
        headers.insert(&header, HeaderValue::try_from(const_hex::encode(guess)).expect("hexadecimal"));
        Forgery { class, headers, body }
    });
}

fn tag_in_base64(runner: &mut CtRunner, random: &mut BenchRng) {
    let scheme = StandardWebhooks::new().with_tolerance(Tolerance::not_judged());
    let verifier = verifier(scheme, [random_text(random)]);
    time_refusals(&verifier, runner, || {
        let body: [u8; 32] = random.random();
        let mut headers = verifier.signer().sign("msg_1", &body, NOW).expect("a valid key");
        let value = headers.get(StandardWebhooks::SIGNATURE_HEADER).expect("signed").as_bytes();
        let made = STANDARD.decode(value.strip_prefix(b"v1,").expect("v1")).expect("base64");
        let (class, guess) = guess::<32>(made.try_into().expect("32 bytes"), random);
        let value = HeaderValue::try_from(format!("v1,{}", STANDARD.encode(guess))).expect("base64");
        headers.insert(StandardWebhooks::SIGNATURE_HEADER, value);
        Forgery { class, headers, body }
    });
}

fn md5_digest(runner: &mut CtRunner, random: &mut BenchRng) {
    let verifier = verifier(vendor::perfectgym(), [random_text(random)]);
    let header = HeaderName::from_static("x-perfectgym-signature");
    time_refusals(&verifier, runner, || {
        let mut headers = verifier.signer().sign(&random_text(random), b"", NOW).expect("a valid key");
        let made = const_hex::decode_to_array(headers.get(&header).expect("signed")).expect("hexadecimal");
        let (class, guess) = guess::<16>(made, random);
        headers.insert(&header, HeaderValue::try_from(const_hex::encode(guess)).expect("hexadecimal"));
        Forgery { class, headers, body: [0; 32] }
    });
}

fn one_api_key(runner: &mut CtRunner, random: &mut BenchRng) {
    api_key(1, runner, random);
}

fn many_api_keys(runner: &mut CtRunner, random: &mut BenchRng) {
    api_key(1_000, runner, random);
}

fn api_key(keys: usize, runner: &mut CtRunner, random: &mut BenchRng) {
    let secrets: Vec<String> = (0..keys).map(|_| random_text(random)).collect();
    let verifier = verifier(ApiKey::new(), secrets.iter().cloned());
    time_refusals(&verifier, runner, || {
        let known = secrets.get(random.random_range(0..keys)).expect("in range");
        let (class, guess) = guess_text(known, random);
        let value = HeaderValue::from_bytes(&guess).expect("printable");
        Forgery { class, headers: HeaderMap::from_iter([(ApiKey::HEADER, value)]), body: [0; 32] }
    });
}

/// The work of `tag_in_hexadecimal`, compared as a plain loop would.
fn control_tag(runner: &mut CtRunner, random: &mut BenchRng) {
    let keyed = Hmac::<Sha256>::new_from_slice(random_text(random).as_bytes()).expect("any length");
    let prepare = || {
        let body: [u8; 32] = random.random();
        let made = keyed.clone().chain_update(body).finalize().into_bytes().into();
        let (class, guess) = guess::<32>(made, random);
        (class, (body, const_hex::encode(guess)))
    };
    time_in_batches(runner, prepare, |(body, shown)| {
        let own = keyed.clone().chain_update(body).finalize().into_bytes();
        const_hex::decode_to_array::<_, 32>(shown).is_ok_and(|shown| equal_with_early_exit(&own, &shown))
    });
}

/// One known key, compared as a plain loop would.
fn control_key(runner: &mut CtRunner, random: &mut BenchRng) {
    let known = random_text(random);
    time_in_batches(
        runner,
        || guess_text(&known, random),
        |guess| equal_with_early_exit(known.as_bytes(), guess),
    );
}

fn time_refusals(verifier: &Verifier, runner: &mut CtRunner, mut forge: impl FnMut() -> Forgery) {
    let prepare = || {
        let Forgery { class, headers, body } = forge();
        assert!(verifier.verify(&headers, &body, NOW).is_err(), "a guess was right");
        (class, (headers, body))
    };
    time_in_batches(runner, prepare, |(headers, body)| verifier.verify(headers, body, NOW).is_err());
}

fn time_in_batches<T>(
    runner: &mut CtRunner,
    mut prepare: impl FnMut() -> (Class, T),
    timed: impl Fn(&T) -> bool,
) {
    for _ in 0..BATCHES {
        let batch: Vec<(Class, T)> = (0..BATCH).map(|_| prepare()).collect();
        for (class, input) in &batch {
            runner.run_one(*class, || timed(black_box(input)));
        }
    }
}

fn verifier(scheme: impl SignatureScheme + 'static, secrets: impl IntoIterator<Item = String>) -> Verifier {
    let secrets = secrets.into_iter().enumerate();
    let keys =
        secrets.map(|(number, secret)| Key::new(number.to_string(), Secret::new(secret).expect("not empty")));
    Verifier::new(scheme, Keyring::new(keys).expect("all different")).expect("fitting keys")
}

/// `made` with another last byte, or bytes that are wrong from the first on. Both are made for either class.
fn guess<const N: usize>(made: [u8; N], random: &mut BenchRng) -> (Class, [u8; N]) {
    let wrong = random.random_range(1..=u8::MAX);
    let mut nearly_right = made;
    nearly_right.iter_mut().rev().take(1).for_each(|last| *last ^= wrong);
    let mut all_wrong: [u8; N] = random.random();
    all_wrong.iter_mut().zip(made).take(1).for_each(|(first, right)| *first = right ^ wrong);
    choose([nearly_right, all_wrong], random)
}

/// As [`guess`], for text, and only the first half is right: the rest makes each guess a new one, as it is in the other class.
/// The one byte that is wrong for certain is no hexadecimal digit.
fn guess_text(known: &str, random: &mut BenchRng) -> (Class, [u8; 32]) {
    let half_right = format!("{}!{}", known.get(..16).unwrap_or_default(), random_text(random));
    let all_wrong = format!("!{}", random_text(random));
    let [half_right, all_wrong] =
        [half_right, all_wrong].map(|text| text.as_bytes().first_chunk().copied().unwrap_or([0; 32]));
    choose([half_right, all_wrong], random)
}

fn choose<T>(guesses: [T; 2], random: &mut BenchRng) -> (Class, T) {
    let [left, right] = guesses;
    if random.random() { (Class::Left, left) } else { (Class::Right, right) }
}

/// 32 characters.
fn random_text(random: &mut BenchRng) -> String {
    const_hex::encode(random.random::<[u8; 16]>())
}

#[inline(never)]
fn equal_with_early_exit(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| black_box(one) == other)
}
