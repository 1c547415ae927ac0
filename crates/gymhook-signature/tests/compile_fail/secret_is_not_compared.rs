use gymhook_signature::Secret;

fn compare(one: &Secret, other: &Secret) -> bool {
    one == other
}

fn main() {}
