//! The results, as Markdown and as JSON.

use std::fmt;

use serde_json::{Map, Value, json};

use super::contenders::Measurement;
use crate::support::table::Table;

/// A comparison: the contenders and their results.
pub struct Section {
    pub key: &'static str,
    pub title: String,
    pub rows: Vec<(String, Measurement)>,
}

impl Section {
    pub fn of(&self, name: &str) -> Option<&Measurement> {
        self.rows.iter().find(|(other, _)| other == name).map(|(_, measurement)| measurement)
    }
}

#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// A performance target.
pub struct Goal {
    pub key: &'static str,
    pub what: &'static str,
    pub unit: &'static str,
    pub bound: Bound,
    /// NaN when not measured.
    pub measured: f64,
}

impl Goal {
    fn limit(&self) -> f64 {
        match self.bound {
            Bound::AtMost(limit) | Bound::AtLeast(limit) => limit,
        }
    }

    /// `None` when not measured.
    fn is_met(&self) -> Option<bool> {
        (!self.measured.is_nan()).then_some(match self.bound {
            Bound::AtMost(limit) => self.measured <= limit,
            Bound::AtLeast(limit) => self.measured >= limit,
        })
    }
}

pub struct Report {
    pub machine: Value,
    /// The options of the run.
    pub settings: Value,
    pub sections: Vec<Section>,
    pub goals: Vec<Goal>,
}

impl Report {
    pub fn json(&self) -> Value {
        let sections = self.sections.iter().map(|section| {
            let rows = section.rows.iter().map(|(name, measurement)| (name.clone(), measurement.json()));
            (section.key.to_owned(), Value::Object(rows.collect()))
        });
        let goals = self.goals.iter().map(|goal| {
            let (bound, limit) = match goal.bound {
                Bound::AtMost(limit) => ("atMost", limit),
                Bound::AtLeast(limit) => ("atLeast", limit),
            };
            let value = json!({
                "what": goal.what, "unit": goal.unit, bound: limit, "figure": goal.measured, "met": goal.is_met(),
            });
            (goal.key.to_owned(), value)
        });
        json!({
            "machine": self.machine,
            "settings": self.settings,
            "sections": sections.collect::<Map<_, _>>(),
            "goals": goals.collect::<Map<_, _>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            write!(f, "{section}")?;
        }
        writeln!(f, "### Targets\n")?;
        let mut table = Table::new(["what", "target", "result", "result ÷ target", "met"]);
        for goal in &self.goals {
            let sign = match goal.bound {
                Bound::AtMost(_) => '≤',
                Bound::AtLeast(_) => '≥',
            };
            table.row([
                goal.what.to_owned(),
                format!("{sign} {} {}", short(goal.limit()), goal.unit),
                format!("{} {}", short(goal.measured), goal.unit),
                short(goal.measured / goal.limit()),
                goal.is_met().map_or("–", |met| if met { "yes" } else { "NO" }).to_owned(),
            ]);
        }
        writeln!(f, "{table}")
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        let mut table = Table::new(["", "per second", "p50", "p99", "CPU: server", "PostgreSQL", "client"]);
        let ms = |ms: f64| if ms.is_nan() { "–".to_owned() } else { format!("{ms:.3} ms") };
        for (name, it) in &self.rows {
            table.row([
                name.clone(),
                short(it.per_second),
                ms(it.p50_ms),
                ms(it.p99_ms),
                ms(it.server_ms),
                ms(it.database_ms),
                ms(it.client_ms),
            ]);
        }
        writeln!(f, "{table}")
    }
}

/// Formats three significant digits, with separators between thousands.
fn short(number: f64) -> String {
    if number.is_nan() {
        return "–".to_owned();
    }
    let decimals = match number.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{number:.decimals$}");
    if decimals > 0 {
        let shortened = text.trim_end_matches('0').trim_end_matches('.');
        return if shortened.is_empty() { text } else { shortened.to_owned() };
    }
    let mut separated = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            separated.push(',');
        }
        separated.push(digit);
    }
    separated
}
