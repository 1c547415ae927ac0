//! Prints how many allocations each contender makes for one task: a line of `group`, body bytes, contender and count, between tabs.

use gymhook_benches::Outcome;

fn main() -> Outcome<()> {
    for group in gymhook_benches::all() {
        let group = group?;
        for contender in group.contenders() {
            let made = allocation_counter::measure(|| contender.repeat(1)).count_total;
            println!("{}\t{}\t{}\t{made}", group.name(), group.body_bytes(), contender.name());
        }
    }
    Ok(())
}
