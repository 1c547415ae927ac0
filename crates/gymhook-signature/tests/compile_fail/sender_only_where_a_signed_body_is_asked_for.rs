use gymhook_signature::{BodySigned, SenderOnly, Verified};

fn refund(_payment: &Verified<u64, BodySigned>) {}

fn handle(hint: &Verified<u64, SenderOnly>) {
    refund(hint);
}

fn main() {}
