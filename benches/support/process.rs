//! What the kernel counts of a process.

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

fn ticks(pid: &str, times: usize) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is the program's name in parentheses; the 14th is the first of the times.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(times).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * MS_PER_TICK
}
