//! Which addresses will the engine never send to?
//!
//! `cargo run --release --example forbidden_addresses` prints the table, checks all 4,294,967,296 IPv4 addresses and the edges of
//! every IPv6 block, and compares each result with a copy of IANA's registries that was made by hand and is read by another
//! library. It ends with the totals, and with exit status 1 if there is any difference.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stderr};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use comfy_table::CellAlignment;
use gymhook_engine::http::{forbidden_because, special_blocks};
use gymhook_examples::table;
use ipnet::IpNet;

const REGISTRIES: &str = include_str!("../crates/gymhook-engine/tests/http_transport/special_addresses.txt");

/// What was found: how many addresses each block is the reason for, and who disagrees with the registries.
#[derive(Default)]
struct Findings {
    judged: u64,
    refused_for: BTreeMap<IpNet, u64>,
    differences: u64,
    first_differences: Vec<IpAddr>,
}

impl Findings {
    fn differs(&mut self, address: IpAddr) {
        self.differences += 1;
        if self.first_differences.len() < 10 {
            self.first_differences.push(address);
        }
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let registries: Vec<IpNet> = REGISTRIES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::parse)
        .collect::<Result<_, _>>()?;

    let started = Instant::now();
    let mut findings = judge_all_of_ipv4(&merged_ipv4(&registries))?;
    let took = started.elapsed();
    let edges = judge_edges_of_ipv6(&registries, &mut findings);

    println!("{}\n", blocks(&findings.refused_for));
    let refused: u64 = findings.refused_for.values().sum();
    let sent_to = findings.judged - refused;
    println!("IPv4: {} addresses in {took:.1?}: {refused} refused, {sent_to} sent to", findings.judged);
    println!("IPv6: {edges} addresses at the edges of blocks");
    println!("{} differences from the registries {:?}", findings.differences, findings.first_differences);
    Ok(if findings.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn blocks(refused_for: &BTreeMap<IpNet, u64>) -> comfy_table::Table {
    let mut rows = table(&["block", "what it is", "source", "IPv4 addresses refused for it"]);
    for block in special_blocks() {
        let refused = match block.network {
            IpNet::V4(_) => refused_for.get(&block.network).copied().unwrap_or_default().to_string(),
            IpNet::V6(_) => "-".to_owned(),
        };
        rows.add_row([block.network.to_string(), block.name.to_owned(), block.source.to_owned(), refused]);
    }
    if let Some(column) = rows.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    rows
}

/// The registries' IPv4 blocks as numbers, in order and without overlaps.
fn merged_ipv4(registries: &[IpNet]) -> Vec<RangeInclusive<u32>> {
    let networks = registries.iter().filter_map(|block| match block {
        IpNet::V4(block) => Some(*block),
        IpNet::V6(_) => None,
    });
    let merged = ipnet::Ipv4Net::aggregate(&networks.collect());
    merged.iter().map(|block| u32::from(block.network())..=u32::from(block.broadcast())).collect()
}

/// Every address, a first octet at a time on every processor.
fn judge_all_of_ipv4(registries: &[RangeInclusive<u32>]) -> Result<Findings, Box<dyn Error>> {
    let (next, findings) = (AtomicU32::new(0), Mutex::new(Findings::default()));
    let judge = || {
        loop {
            let octet = next.fetch_add(1, Ordering::Relaxed);
            if octet > 255 {
                return;
            }
            let one = judge_octet(octet, registries);
            let Ok(mut all) = findings.lock() else { return };
            all.judged += one.judged;
            all.differences += one.differences;
            all.first_differences.extend(one.first_differences);
            for (block, count) in one.refused_for {
                *all.refused_for.entry(block).or_default() += count;
            }
            progress(all.judged);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(judge);
        }
    });
    eprintln!();
    Ok(findings.into_inner()?)
}

fn progress(judged: u64) {
    let percent = judged * 100 / (1 << 32);
    eprint!("\r{percent:>3} % of all IPv4 addresses judged");
    let _ = stderr().flush();
}

fn judge_octet(octet: u32, registries: &[RangeInclusive<u32>]) -> Findings {
    let mut findings = Findings::default();
    let mut ahead = registries.iter().skip_while(|range| *range.end() < octet << 24).peekable();
    for bits in octet << 24..=(octet << 24 | 0x00ff_ffff) {
        ahead.next_if(|range| *range.end() < bits);
        let expected = ahead.peek().is_some_and(|range| range.contains(&bits));
        let address = IpAddr::V4(Ipv4Addr::from(bits));
        let because = forbidden_because(address);
        if because.is_some() != expected {
            findings.differs(address);
        }
        findings.judged += 1;
        if let Some(block) = because {
            *findings.refused_for.entry(block.network).or_default() += 1;
        }
    }
    findings
}

/// The first and the last address of every block of either table, and their neighbours.
fn judge_edges_of_ipv6(registries: &[IpNet], findings: &mut Findings) -> u64 {
    let mut judged = 0;
    for block in registries.iter().copied().chain(special_blocks().map(|block| block.network)) {
        let IpNet::V6(block) = block else { continue };
        let (first, last) = (u128::from(block.network()), u128::from(block.broadcast()));
        for bits in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
            let address = IpAddr::V6(Ipv6Addr::from(bits));
            let expected = registries.iter().any(|block| block.contains(&address.to_canonical()));
            if forbidden_because(address).is_some() != expected {
                findings.differs(address);
            }
            judged += 1;
        }
    }
    judged
}
