//! The world that `switchboard demo` shows: a bicycle shop in the middle of its day.
//!
//! [`World::build`] writes a workspace of its own with its past, [`traffic`] keeps it alive. Three of its people
//! are whoever tries the demo: [`World::manager`], [`World::rep`] and [`World::rep2`]. Everybody else is
//! played by the traffic, which leaves those three, and what they own, in peace.
//!
//! Where it is stored and how it is served is the command line's business.

pub mod traffic;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::domain::{Agent, AgentId, Plan};
use crate::http::pages::graphiql::Identity;
use crate::seed::Backdating;
use crate::seed::past::{self, DAY_MICROS, HOUR_MICROS, MINUTE_MICROS, Tale};
use crate::seed::staff::{self, Staff};
use crate::service::operator::import::PastConversation;
use crate::service::{Error, Services};
use crate::token::{Caller, TokenError};
use synthetic::{Ending, Speaker, Thread};

/// How long the demo's tokens hold.
pub const TOKEN_TTL: Duration = Duration::from_secs(12 * 60 * 60);
/// Open conversations that nobody owns, all on the first number, where everybody can claim them.
pub const UNASSIGNED: usize = 8;
/// Conversations that somebody owns and that are open.
pub const IN_PROGRESS: usize = 62;
/// Conversations that are closed.
pub const CLOSED: usize = 250;

/// The same past each time, so that the documentation can show it.
const PAST_RNG_SEED: u64 = 1_817;
/// No conversation began earlier than this before now.
const SPAN_MICROS: i64 = 14 * DAY_MICROS;
/// A conversation that took longer is told faster.
const LONGEST_MICROS: i64 = 5 * DAY_MICROS;
/// How many threads are drawn until one fits.
const DRAWS: usize = 1_000;
/// Of a hundred closed conversations, so many never had an owner.
const CLOSED_UNOWNED_PERCENT: u32 = 6;

/// Who of [`synthetic::demo_team`] has which numbers (Support, Billing, Sales), and how much of the work.
const ROSTER: [([bool; 3], u32); 8] = [
    ([true, true, true], 1),  // Ines Duarte, signed in
    ([true, true, true], 1),  // Samuel Achebe-Ortiz
    ([true, true, true], 4),  // Theo Lindqvist, signed in
    ([true, true, false], 3), // Priya Raman, signed in
    ([true, true, false], 7), // Żaneta Wójcik
    ([true, false, true], 6), // Mei
    ([true, true, true], 2),  // Théa Béranger
    ([false, true, true], 3), // Юлия Соколова
];
/// How much of the work comes in on each number.
const NUMBER_WEIGHTS: [u32; 3] = [60, 22, 18];

/// The demo's workspace.
#[derive(Debug, Clone)]
pub struct World {
    pub staff: Staff,
    pub manager: Agent,
    pub rep: Agent,
    pub rep2: Agent,
}

/// The tokens of those whom one can be.
#[derive(Clone, serde::Serialize)]
pub struct Tokens {
    pub manager: String,
    pub rep: String,
    pub rep2: String,
    pub service: String,
}

/// Which past is wanted.
#[derive(Clone, Copy)]
enum Standing {
    Unassigned,
    InProgress,
    Closed,
}

impl World {
    /// Writes a new workspace with its past. `services` were started with the clock of `backdating`.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn build(services: &Services, backdating: &Backdating) -> Result<Self, Error> {
        let back = backdating.set_back(SPAN_MICROS + DAY_MICROS);
        let has_access = |agent: usize, number: usize| ROSTER[agent].0[number];
        let enrolled = staff::enrol(services, synthetic::demo_team(), 0, Plan::Team, has_access);
        let (staff, _) = enrolled.await?;
        drop(back);
        let missing = || Error::BadInput("The demo's team has a manager and two reps.".to_owned());
        let manager = staff.managers().next().cloned().ok_or_else(missing)?;
        let mut reps = staff.reps().cloned();
        let (rep, rep2) = (reps.next().ok_or_else(missing)?, reps.next().ok_or_else(missing)?);
        drop(reps);
        let world = Self { staff, manager, rep, rep2 };
        let past = world.past(backdating)?;
        services.import(world.staff.workspace.id, &world.staff.agents, past).await?;
        Ok(world)
    }

    /// The first customer's serial whom the past does not know.
    fn next_customer(&self) -> u64 {
        (UNASSIGNED + IN_PROGRESS + CLOSED) as u64
    }

    /// Signs everybody in whom one can be.
    ///
    /// # Errors
    /// When the tokens cannot be signed.
    pub fn tokens(&self, services: &Services) -> Result<Tokens, TokenError> {
        tokens(services, &self.staff, [&self.manager, &self.rep, &self.rep2])
    }

    /// Those three for GraphiQL's switch, the manager first.
    pub fn identities(&self, tokens: &Tokens) -> Vec<Identity> {
        let labelled = [
            (&self.manager, "manager", &tokens.manager),
            (&self.rep, "rep", &tokens.rep),
            (&self.rep2, "rep", &tokens.rep2),
        ];
        let identity = |(agent, role, token): (&Agent, &str, &String)| Identity {
            label: format!("{} ({role})", agent.name),
            token: token.clone(),
        };
        labelled.into_iter().map(identity).collect()
    }

    /// Whether `agent` is one of the three whom one can be.
    pub fn is_signed_in(&self, agent: AgentId) -> bool {
        [&self.manager, &self.rep, &self.rep2].iter().any(|visitor| visitor.id == agent)
    }

    fn past(&self, backdating: &Backdating) -> Result<Vec<PastConversation>, Error> {
        let mut rng = StdRng::seed_from_u64(PAST_RNG_SEED);
        let standings = std::iter::repeat_n(Standing::Unassigned, UNASSIGNED)
            .chain(std::iter::repeat_n(Standing::InProgress, IN_PROGRESS))
            .chain(std::iter::repeat_n(Standing::Closed, CLOSED));
        let now = backdating.present();
        let mut past = Vec::with_capacity(UNASSIGNED + IN_PROGRESS + CLOSED);
        for (serial, standing) in (0..).zip(standings) {
            let number = match standing {
                Standing::Unassigned => 0,
                _ => weighted(&mut rng, &NUMBER_WEIGHTS),
            };
            let number = self.staff.numbers[number].id;
            let owner = self.owner(&mut rng, number, standing);
            let thread = draw(&mut rng, standing);
            let tale = Tale::tell(&mut rng, thread, &self.staff.crew(number), owner).within(LONGEST_MICROS);
            let ended = now.plus_micros(-age_micros(&mut rng, standing));
            let customer = synthetic::customer(&mut rng, serial);
            past.push(past::conversation(number, customer, tale.ending(ended))?);
        }
        Ok(past)
    }

    /// Who is to own a conversation on `number`, by how much of the work each has.
    fn owner(
        &self,
        rng: &mut StdRng,
        number: crate::domain::PhoneNumberId,
        standing: Standing,
    ) -> Option<AgentId> {
        let unowned = match standing {
            Standing::Unassigned => 100,
            Standing::InProgress => 0,
            Standing::Closed => CLOSED_UNOWNED_PERCENT,
        };
        if rng.random_range(0..100) < unowned {
            return None;
        }
        let agents = self.staff.agents.iter().zip(ROSTER);
        let (able, shares): (Vec<AgentId>, Vec<u32>) = agents
            .filter(|(agent, _)| self.staff.access.contains(&(agent.id, number)))
            .map(|(agent, (_, share))| (agent.id, share))
            .unzip();
        Some(able[weighted(rng, &shares)])
    }
}

/// Signs three agents and the workspace's service in.
///
/// # Errors
/// When the tokens cannot be signed.
pub fn tokens(
    services: &Services,
    staff: &Staff,
    [manager, rep, rep2]: [&Agent; 3],
) -> Result<Tokens, TokenError> {
    let now = services.clock().now();
    let sign = |caller: Caller| services.keys().sign(caller, now, TOKEN_TTL);
    Ok(Tokens {
        manager: sign(staff.caller(manager))?,
        rep: sign(staff.caller(rep))?,
        rep2: sign(staff.caller(rep2))?,
        service: sign(staff.service())?,
    })
}

/// A thread that can stand so.
fn draw(rng: &mut StdRng, standing: Standing) -> Thread {
    let fits = |thread: &Thread| match standing {
        Standing::Unassigned => {
            thread.ending == Ending::Waiting && thread.turns.iter().all(|turn| turn.from == Speaker::Customer)
        }
        Standing::InProgress => thread.ending != Ending::Closed,
        Standing::Closed => thread.ending == Ending::Closed,
    };
    for _ in 0..DRAWS {
        let thread = synthetic::thread(rng);
        if fits(&thread) {
            return thread;
        }
    }
    // Not in a thousand lifetimes; the demo would have one conversation that stands otherwise.
    synthetic::thread(rng)
}

/// How long ago the last thing happened.
fn age_micros(rng: &mut StdRng, standing: Standing) -> i64 {
    match standing {
        Standing::Unassigned => rng.random_range(MINUTE_MICROS..2 * HOUR_MICROS),
        // Most of what is open is of today.
        Standing::InProgress if rng.random_bool(0.7) => rng.random_range(MINUTE_MICROS..9 * HOUR_MICROS),
        Standing::InProgress => rng.random_range(9 * HOUR_MICROS..3 * DAY_MICROS),
        Standing::Closed => rng.random_range(10 * MINUTE_MICROS..8 * DAY_MICROS),
    }
}

/// A place in `shares`, each as likely as its share. They are not all zero.
fn weighted(rng: &mut StdRng, shares: &[u32]) -> usize {
    let mut left = rng.random_range(0..shares.iter().sum::<u32>().max(1));
    shares
        .iter()
        .position(|share| match left.checked_sub(*share) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
