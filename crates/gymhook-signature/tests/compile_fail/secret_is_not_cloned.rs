use gymhook_signature::Secret;

fn copy(secret: &Secret) -> Secret {
    secret.clone()
}

fn main() {}
