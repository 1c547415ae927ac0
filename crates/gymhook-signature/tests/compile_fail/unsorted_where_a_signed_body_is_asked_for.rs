use gymhook_signature::{BodySigned, Verified};

fn refund(_payment: &Verified<u64, BodySigned>) {}

fn handle(verified: &Verified<u64>) {
    refund(verified);
}

fn main() {}
