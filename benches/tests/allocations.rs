//! What a contender may allocate is a promise, so it is tested; what it takes in nanoseconds is only measured.

#[test]
fn no_contender_allocates_more_than_it_may() {
    let mut judged = 0;
    for group in contenders::all() {
        let group = group.unwrap();
        for contender in group.contenders() {
            let made = allocation_counter::measure(|| contender.repeat(1)).count_total;
            if let Some(most) = contender.most_allocations() {
                let who = format!("{}, {} bytes, {}", group.name(), group.body_bytes(), contender.name());
                assert!(made <= most, "{who}: {made} allocations, at most {most} allowed");
                judged += 1;
            }
        }
    }
    assert!(judged >= 20, "five schemes at four sizes each");
}
