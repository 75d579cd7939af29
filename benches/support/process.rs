//! What the kernel counts of a process.

use std::collections::HashMap;
use std::fs;

/// The kernel's unit of processor time, the same on every Linux.
const MS_PER_TICK: f64 = 10.0;

/// How long all threads of a process ran so far, in milliseconds, in steps of 10; 0 when it is gone.
pub fn cpu_ms(pid: u32) -> f64 {
    ticks(&pid.to_string(), 2)
}

/// The memory that a process holds (RSS), in KiB; 0 when it is gone.
pub fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// How long all processes of a program ran so far, those that have ended meanwhile among them, in milliseconds:
/// `postgres` for a PostgreSQL server with all its backends.
pub fn cpu_ms_of_all(program: &str) -> f64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let named = processes.filter_map(|entry| entry.file_name().into_string().ok()).filter(|pid| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == program)
    });
    // Of those that have ended the parent holds the times, in two more fields.
    named.map(|pid| ticks(&pid, 4)).sum()
}

/// As [`cpu_ms`], with all processes that it has started, and those that they have.
pub fn cpu_ms_of_family(pid: u32) -> f64 {
    let parents: Vec<(u32, u32)> = processes().filter_map(|id| Some((id, parent(id)?))).collect();
    let mut family = vec![pid];
    let mut seen = 0;
    while let Some(&elder) = family.get(seen) {
        family.extend(parents.iter().filter(|(_, parent)| *parent == elder).map(|(child, _)| child));
        seen += 1;
    }
    family.into_iter().map(cpu_ms).sum()
}

/// How long each connection to one database has run so far in PostgreSQL, in milliseconds, by process: whatever else
/// the server does is left out. Empty when it runs elsewhere.
pub fn cpu_ms_of_backends(database: &str) -> HashMap<u32, f64> {
    // As `postgres: USER DATABASE HOST(PORT) STATE`.
    let word = format!(" {database} ");
    let title = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let backends = processes().filter(|pid| {
        let title = title(pid);
        title.starts_with("postgres: ") && title.contains(&word)
    });
    backends.map(|pid| (pid, cpu_ms(pid))).collect()
}

/// What those that are there `after` have run since `before`.
pub fn spent(before: &HashMap<u32, f64>, after: &HashMap<u32, f64>) -> f64 {
    after.iter().map(|(pid, ms)| ms - before.get(pid).unwrap_or(&0.0)).sum()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

fn ticks(pid: &str, times: usize) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses; the 14th is the first of the times.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(times).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * MS_PER_TICK
}
