//! What was measured, as Markdown for people and as JSON for programs.

use std::fmt;

use serde_json::{Map, Value, json};

use super::contenders::Figures;
use crate::support::table::Table;

/// A comparison: who, and what it came to.
pub struct Section {
    pub key: &'static str,
    pub title: String,
    pub rows: Vec<(String, Figures)>,
}

impl Section {
    pub fn of(&self, name: &str) -> Option<&Figures> {
        self.rows.iter().find(|(other, _)| other == name).map(|(_, figures)| figures)
    }
}

#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// A row of the promises.
pub struct Goal {
    pub key: &'static str,
    pub what: &'static str,
    pub unit: &'static str,
    pub bound: Bound,
    /// NaN when it was not measured.
    pub figure: f64,
}

impl Goal {
    fn limit(&self) -> f64 {
        match self.bound {
            Bound::AtMost(limit) | Bound::AtLeast(limit) => limit,
        }
    }

    /// `None` when it was not measured.
    fn is_met(&self) -> Option<bool> {
        (!self.figure.is_nan()).then_some(match self.bound {
            Bound::AtMost(limit) => self.figure <= limit,
            Bound::AtLeast(limit) => self.figure >= limit,
        })
    }
}

pub struct Report {
    pub machine: Value,
    /// What it was told to do.
    pub settings: Value,
    pub sections: Vec<Section>,
    pub goals: Vec<Goal>,
}

impl Report {
    pub fn json(&self) -> Value {
        let sections = self.sections.iter().map(|section| {
            let rows = section.rows.iter().map(|(name, figures)| (name.clone(), figures.json()));
            (section.key.to_owned(), Value::Object(rows.collect()))
        });
        let goals = self.goals.iter().map(|goal| {
            let (bound, limit) = match goal.bound {
                Bound::AtMost(limit) => ("atMost", limit),
                Bound::AtLeast(limit) => ("atLeast", limit),
            };
            let value = json!({
                "what": goal.what, "unit": goal.unit, bound: limit, "figure": goal.figure, "met": goal.is_met(),
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
        let mut table = Table::new(["what", "target", "figure", "figure ÷ target", "met"]);
        for goal in &self.goals {
            let sign = match goal.bound {
                Bound::AtMost(_) => '≤',
                Bound::AtLeast(_) => '≥',
            };
            table.row([
                goal.what.to_owned(),
                format!("{sign} {} {}", short(goal.limit()), goal.unit),
                format!("{} {}", short(goal.figure), goal.unit),
                short(goal.figure / goal.limit()),
                goal.is_met().map_or("–", |met| if met { "yes" } else { "NO" }).to_owned(),
            ]);
        }
        writeln!(f, "{table}")
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        let mut table = Table::new(["", "a second", "p50", "p99", "CPU: server", "PostgreSQL", "client"]);
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

/// Three figures that count; whole numbers with their thousands apart.
fn short(figure: f64) -> String {
    if figure.is_nan() {
        return "–".to_owned();
    }
    let decimals = match figure.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{figure:.decimals$}");
    if decimals > 0 {
        let shortened = text.trim_end_matches('0').trim_end_matches('.');
        return if shortened.is_empty() { text } else { shortened.to_owned() };
    }
    let mut apart = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}
