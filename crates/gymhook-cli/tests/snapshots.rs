//! Every page in `tests/cmd` is a session at a terminal: what was typed, and what was printed.

#[test]
fn every_session_prints_what_its_page_says() {
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        .env("COLUMNS", "100")
        .env("TZ", "UTC")
        .env("NO_COLOR", "1");
}
