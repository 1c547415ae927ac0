//! Prints a line, and ends: the floor for starting a program.

fn main() {
    println!("a line");
}
