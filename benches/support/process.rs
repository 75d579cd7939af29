//! CPU times and memory of processes, from `/proc`.

use std::collections::HashMap;
use std::fs;

/// `/proc` counts CPU times in ticks of 1/100 second (`USER_HZ`), whatever the frequency of the kernel's timer.
const MS_PER_TICK: f64 = 10.0;

/// The CPU time of all threads of a process in milliseconds, in steps of 10; 0 when the process has ended.
pub fn cpu_ms(pid: u32) -> f64 {
    sum_cpu_ms(&pid.to_string(), 2)
}

/// The resident memory (RSS) of a process in KiB; 0 when the process has ended.
pub fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The CPU time in milliseconds of all processes of a program, including child processes that have ended. Use
/// `postgres` for a PostgreSQL server with all its backends.
pub fn cpu_ms_of_all(program: &str) -> f64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let named = processes.filter_map(|entry| entry.file_name().into_string().ok()).filter(|pid| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == program)
    });
    // `cutime` and `cstime` are the times of the children that have ended.
    named.map(|pid| sum_cpu_ms(&pid, 4)).sum()
}

/// The sum of [`cpu_ms`] over a process and all its descendants.
pub fn cpu_ms_of_family(pid: u32) -> f64 {
    let parents: Vec<(u32, u32)> = processes().filter_map(|id| Some((id, parent(id)?))).collect();
    let mut family = vec![pid];
    let mut visited = 0;
    while let Some(&member) = family.get(visited) {
        family.extend(parents.iter().filter(|(_, parent)| *parent == member).map(|(child, _)| child));
        visited += 1;
    }
    family.into_iter().map(cpu_ms).sum()
}

/// The CPU time in milliseconds of each PostgreSQL backend that is connected to a database, by process id. Empty when
/// PostgreSQL runs on another machine.
pub fn cpu_ms_of_backends(database: &str) -> HashMap<u32, f64> {
    // A backend's process title is `postgres: USER DATABASE HOST(PORT) STATE`.
    let name = format!(" {database} ");
    let title = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let backends = processes().filter(|pid| {
        let title = title(pid);
        title.starts_with("postgres: ") && title.contains(&name)
    });
    backends.map(|pid| (pid, cpu_ms(pid))).collect()
}

/// The CPU time since `before` of the backends in `after`.
pub fn cpu_ms_between(before: &HashMap<u32, f64>, after: &HashMap<u32, f64>) -> f64 {
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

/// The sum of the first `times` of `utime`, `stime`, `cutime` and `cstime`, in milliseconds.
fn sum_cpu_ms(pid: &str, times: usize) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Field 2 is the program's name in parentheses, which can contain spaces. `utime` is field 14.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(times).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * MS_PER_TICK
}
