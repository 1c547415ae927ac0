//! The draw: fixed for good, and well mixed.

use gymhook_retry::{AttemptNumber, draw};

use crate::attempt;

/// Computed by a separate implementation of FNV-1a and SplitMix64, itself checked against their published values.
#[test]
fn the_function_is_the_documented_one() {
    assert_eq!(draw("", AttemptNumber::FIRST), 0xde9c_7b03_a9c8_4fc0);
    assert_eq!(draw("dlv_01", AttemptNumber::FIRST), 0x2d25_1c64_2bad_0248);
    assert_eq!(draw("dlv_01", attempt(2)), 0x10a6_34aa_d251_6230);
    assert_eq!(draw([0x00, 0xff, 0x80], AttemptNumber::MAX), 0x7f0d_e08b_4dcc_5290);
}

/// Consecutive attempts, and ids that differ in their last digit, flip about half of the 64 bits.
#[test]
fn neighbours_are_unlike() {
    let mut flipped = 0;
    for id in 0..1_000_u32 {
        let base = draw(format!("dlv_{id:04}"), AttemptNumber::FIRST);
        let next_attempt = draw(format!("dlv_{id:04}"), attempt(2));
        let next_id = draw(format!("dlv_{:04}", id + 1), AttemptNumber::FIRST);
        flipped += (base ^ next_attempt).count_ones() + (base ^ next_id).count_ones();
    }
    // 128,000 coin flips: mean 64,000, standard deviation 179.
    assert!((63_000..=65_000).contains(&flipped), "{flipped} of 128,000 bits flipped");
}

/// Each bit is a fair coin over the ids of a batch.
#[test]
fn every_bit_is_fair() {
    for bit in 0..64 {
        let ones =
            (0..10_000_u32).filter(|id| draw(id.to_be_bytes(), AttemptNumber::FIRST) >> bit & 1 == 1).count();
        // 10,000 flips: standard deviation 50; 64 bits at five of them.
        assert!((4_750..=5_250).contains(&ones), "bit {bit} is set {ones} times in 10,000");
    }
}
