use gymhook_signature::Secret;

fn print(secret: &Secret) -> String {
    secret.to_string()
}

fn main() {}
