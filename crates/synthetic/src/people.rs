//! The shop's team and its customers.

use std::collections::HashSet;

use rand::Rng;
use unicode_normalization::UnicodeNormalization;

use super::names::{any_name, latin_name};
use super::numbers::{customer_number, team_serial, workspace_number};
use super::pick;

/// A workspace to create: its name, agents and phone numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub workspace: String,
    /// Managers first. The first agent is always a manager.
    pub agents: Vec<AgentProfile>,
    pub numbers: Vec<NumberProfile>,
}

/// An agent to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentProfile {
    pub name: String,
    /// The job title that the assignment menu shows after the name. Most agents have one.
    pub title: Option<String>,
    /// Unique among all teams, in a domain under `.example`.
    pub email: String,
    pub role: Role,
    /// Whether a rep may claim under the hybrid assignment model.
    pub experienced: bool,
}

/// An agent's role. A separate type keeps this module independent of the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Manager,
    Rep,
}

/// A shared phone number to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberProfile {
    /// In E.164 format; unique among all teams.
    pub number: String,
    pub label: String,
}

/// A customer of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// `None` when the shop knows only the number.
    pub name: Option<String>,
    /// In E.164 format; unique for each serial.
    pub number: String,
}

impl Team {
    /// The managers, in order.
    pub fn managers(&self) -> impl Iterator<Item = &AgentProfile> {
        self.agents.iter().filter(|agent| agent.role == Role::Manager)
    }

    /// The reps, in order.
    pub fn reps(&self) -> impl Iterator<Item = &AgentProfile> {
        self.agents.iter().filter(|agent| agent.role == Role::Rep)
    }

    /// The same team with the phone numbers of the team `index`.
    ///
    /// Use this for a second [`demo_team`] in the same database.
    #[must_use]
    pub fn renumbered(mut self, index: usize) -> Self {
        for (at, profile) in self.numbers.iter_mut().enumerate() {
            profile.number = workspace_number(team_serial(index, at));
        }
        self
    }
}

/// The demo's team: always the same two managers, six reps and three numbers.
///
/// Visitors of the demo can sign in as Ines Duarte (manager), Theo Lindqvist
/// (experienced rep) or Priya Raman (new rep). The team has the phone numbers of
/// index 0. So `seed` starts at index 1, because both may share a database.
#[must_use]
pub fn demo_team() -> Team {
    const MANAGERS: [(&str, &str, &str); 2] =
        [("Ines Duarte", "Shop Manager", "ines"), ("Samuel Achebe-Ortiz", "Service Lead", "samuel")];
    const REPS: [(&str, Option<&str>, &str, bool); 6] = [
        ("Theo Lindqvist", Some("Senior Support Rep"), "theo", true),
        ("Priya Raman", Some("Support Rep"), "priya", false),
        ("Żaneta Wójcik", Some("Billing Specialist"), "zaneta", true),
        ("田中 芽衣 (Mei)", Some("Sales Rep"), "mei", true),
        ("Théa Béranger", Some("Workshop Scheduler"), "thea", false),
        ("Юлия Соколова", None, "yulia", false),
    ];
    let email = |local: &str| format!("{local}@larkwheel.example");
    let managers = MANAGERS.iter().map(|&(name, title, local)| AgentProfile {
        name: name.to_owned(),
        title: Some(title.to_owned()),
        email: email(local),
        role: Role::Manager,
        experienced: true,
    });
    let reps = REPS.iter().map(|&(name, title, local, experienced)| AgentProfile {
        name: name.to_owned(),
        title: title.map(str::to_owned),
        email: email(local),
        role: Role::Rep,
        experienced,
    });
    Team {
        workspace: "Larkwheel Bicycles".to_owned(),
        agents: managers.chain(reps).collect(),
        numbers: numbers(0, 3),
    }
}

/// Generates the team `index` with exactly `agents` agents and `numbers` phone
/// numbers.
///
/// One agent in eight is a manager, at least the first. Teams with different
/// `index` do not share a workspace name, e-mail address or phone number.
#[must_use]
pub fn team(rng: &mut impl Rng, agents: usize, numbers: usize, index: usize) -> Team {
    let workspace =
        format!("{}{} {} {index}", pick(rng, SHOP_HEADS), pick(rng, SHOP_TAILS), pick(rng, TRADES));
    let managers = agents.div_ceil(8);
    let mut locals = HashSet::with_capacity(agents);
    let agents = (0..agents)
        .map(|at| {
            let role = if at < managers { Role::Manager } else { Role::Rep };
            agent(rng, role, index, &mut locals)
        })
        .collect();
    Team { workspace, agents, numbers: self::numbers(index, numbers) }
}

/// Generates a new customer.
///
/// The phone number depends only on `serial` (see [`customer_number`]). 75 % of
/// the customers have a name.
#[must_use]
pub fn customer(rng: &mut impl Rng, serial: u64) -> Customer {
    let name = rng.random_bool(0.75).then(|| any_name(rng));
    Customer { name, number: customer_number(serial) }
}

/// Generates an agent of team `index`. `locals` are the local parts of the e-mail
/// addresses that the team uses already.
fn agent(rng: &mut impl Rng, role: Role, index: usize, locals: &mut HashSet<String>) -> AgentProfile {
    let name = if rng.random_bool(0.9) { latin_name(rng) } else { any_name(rng) };
    let base = mail_local(&name);
    let mut local = base.clone();
    let mut next = 2;
    while !locals.insert(local.clone()) {
        local = format!("{base}{next}");
        next += 1;
    }
    let titles = match role {
        Role::Manager => MANAGER_TITLES,
        Role::Rep => REP_TITLES,
    };
    AgentProfile {
        name,
        title: rng.random_bool(0.85).then(|| pick(rng, titles).to_owned()),
        email: format!("{local}@team-{index}.example"),
        role,
        experienced: role == Role::Manager || rng.random_bool(0.5),
    }
}

/// The local part of an e-mail address: `zoe.lefevre` for `Zoé Lefèvre`, or
/// `agent` when the name has no Latin letters.
fn mail_local(name: &str) -> String {
    let words = name.split_whitespace().map(|word| {
        word.nfd()
            .flat_map(char::to_lowercase)
            .filter_map(|letter| match letter {
                'ł' => Some('l'),
                'ø' => Some('o'),
                'đ' | 'ð' => Some('d'),
                'ß' => Some('s'),
                'ı' => Some('i'),
                'æ' => Some('a'),
                'þ' => Some('t'),
                _ => letter.is_ascii_alphanumeric().then_some(letter),
            })
            .collect::<String>()
    });
    let local = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(".");
    if local.is_empty() { "agent".to_owned() } else { local }
}

/// The first `count` phone numbers of team `index`, with unique labels.
fn numbers(index: usize, count: usize) -> Vec<NumberProfile> {
    (0..count)
        .map(|at| {
            let label = LABELS[at % LABELS.len()];
            let round = at / LABELS.len() + 1;
            NumberProfile {
                number: workspace_number(team_serial(index, at)),
                label: if round == 1 { label.to_owned() } else { format!("{label} {round}") },
            }
        })
        .collect()
}

const LABELS: [&str; 8] =
    ["Support", "Billing", "Sales", "Workshop", "Returns", "Rentals", "Deliveries", "After hours"];

const SHOP_HEADS: &[&str] = &[
    "Amber", "Bramble", "Copper", "Dapple", "Ember", "Fern", "Gossamer", "Hazel", "Juniper", "Kestrel",
    "Linden", "Marigold", "Nettle", "Otter", "Pebble", "Quill", "Russet", "Saffron", "Thistle", "Willow",
];
const SHOP_TAILS: &[&str] =
    &["wheel", "spoke", "crank", "saddle", "sprocket", "lantern", "bell", "gear", "pedal", "rim"];
const TRADES: &[&str] = &["Bicycles", "Cycles", "Bike Works", "Bike Rentals", "Cargo Bikes"];

const MANAGER_TITLES: &[&str] =
    &["Shop Manager", "Service Lead", "Support Manager", "Team Lead", "Head of Customer Care"];
const REP_TITLES: &[&str] = &[
    "Support Rep",
    "Senior Support Rep",
    "Billing Specialist",
    "Sales Rep",
    "Workshop Scheduler",
    "Mechanic",
    "Returns Desk",
    "Deliveries",
    "Front Desk",
    "Weekend Support",
];
