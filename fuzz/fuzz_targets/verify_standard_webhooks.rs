#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gymhook_conformance::fuzz::verify("standard-webhooks", data));
