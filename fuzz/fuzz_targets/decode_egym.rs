#![no_main]

use gymhook_event::Vendor;

libfuzzer_sys::fuzz_target!(|data: &[u8]| gymhook_conformance::fuzz::decode(Vendor::EGYM, data));
