use gymhook_signature::Secret;

fn serialise(secret: &Secret) -> String {
    serde_json::to_string(secret).unwrap()
}

fn main() {}
