//! What must not compile.

#[test]
fn the_compiler_refuses_a_weaker_proof_and_a_talkative_secret() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
