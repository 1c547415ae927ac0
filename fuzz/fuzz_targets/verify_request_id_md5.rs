#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gymhook_conformance::fuzz::verify("request-id-md5", data));
