//! The workspace of `switchboard demo`: a busy bicycle shop.
//!
//! [`World::build`] creates a new workspace with past conversations, and [`traffic`] simulates activity in it. The
//! visitor of the demo can sign in as one of three agents: [`World::manager`], [`World::rep`] and [`World::rep2`]. The
//! simulation acts as the other agents. It does not act as these three and does not change their conversations.
//!
//! The command line chooses the database and starts the server.

pub mod traffic;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::domain::service_token::ServiceScopes;
use crate::domain::{Agent, AgentId, Plan};
use crate::http::pages::graphiql::Identity;
use crate::seed::Backdating;
use crate::seed::past::{self, DAY_MICROS, HOUR_MICROS, History, MINUTE_MICROS};
use crate::seed::staff::{self, Staff};
use crate::service::operator::import::PastConversation;
use crate::service::{Error, NewServiceToken, Services};
use crate::token::Caller;
use synthetic::{Ending, Speaker, Thread};

/// The name of the service that delivers customers' messages.
const SERVICE_NAME: &str = "Text gateway";
/// How long the demo's tokens are valid.
pub const TOKEN_TTL: Duration = Duration::from_secs(12 * 60 * 60);
/// The number of open, unassigned conversations. All are on the first phone number, where every agent can claim them.
pub const UNASSIGNED: usize = 8;
/// The number of open conversations with an owner.
pub const IN_PROGRESS: usize = 62;
/// The number of closed conversations.
pub const CLOSED: usize = 250;

/// A fixed seed: every demo has the same past, so the documentation can show it.
const PAST_RNG_SEED: u64 = 1_817;
/// The age of the oldest conversation.
const SPAN_MICROS: i64 = 14 * DAY_MICROS;
/// The maximum duration of a conversation. Longer ones are compressed in time.
const LONGEST_MICROS: i64 = 5 * DAY_MICROS;
/// The maximum number of threads to draw until one has the required status.
const DRAWS: usize = 1_000;
/// The percentage of closed conversations that never had an owner.
const CLOSED_UNOWNED_PERCENT: u32 = 6;

/// For each agent of [`synthetic::demo_team`]: access to the numbers Support, Billing and Sales, and the relative share
/// of the work.
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
/// The relative share of conversations on each phone number.
const NUMBER_WEIGHTS: [u32; 3] = [60, 22, 18];

/// The demo's workspace.
#[derive(Debug, Clone)]
pub struct World {
    pub staff: Staff,
    pub manager: Agent,
    pub rep: Agent,
    pub rep2: Agent,
}

/// The tokens of the three agents a visitor can sign in as, and of the service.
#[derive(Clone, serde::Serialize)]
pub struct Tokens {
    pub manager: String,
    pub rep: String,
    pub rep2: String,
    pub service: String,
}

/// The current status of a past conversation.
#[derive(Clone, Copy)]
enum PastStatus {
    Unassigned,
    InProgress,
    Closed,
}

impl World {
    /// Creates a new workspace with past conversations. `services` must use the clock of `backdating`.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn build(services: &Services, backdating: &Backdating) -> Result<Self, Error> {
        let back = backdating.set_back(SPAN_MICROS + DAY_MICROS);
        let has_access = |agent: usize, number: usize| ROSTER[agent].0[number];
        let enrolled = staff::enrol(services, synthetic::demo_team(), 0, Plan::Team, has_access);
        let (staff, _) = enrolled.await?;
        drop(back);
        let missing = || Error::BadInput("The demo's team needs a manager and two reps.".to_owned());
        let manager = staff.managers().next().cloned().ok_or_else(missing)?;
        let mut reps = staff.reps().cloned();
        let (rep, rep2) = (reps.next().ok_or_else(missing)?, reps.next().ok_or_else(missing)?);
        drop(reps);
        let world = Self { staff, manager, rep, rep2 };
        let past = world.past(backdating)?;
        services.import(world.staff.workspace.id, &world.staff.agents, past).await?;
        Ok(world)
    }

    /// The serial of the first customer without a past conversation.
    fn next_customer(&self) -> u64 {
        (UNASSIGNED + IN_PROGRESS + CLOSED) as u64
    }

    /// As [`tokens`], for the three agents that a visitor can sign in as.
    ///
    /// # Errors
    /// As [`tokens`].
    pub async fn tokens(&self, services: &Services) -> Result<Tokens, Error> {
        tokens(services, &self.staff, [&self.manager, &self.rep, &self.rep2]).await
    }

    /// The identities that GraphiQL offers, the manager first.
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

    /// Whether `agent` is one of the three agents a visitor can sign in as.
    pub fn is_visitor(&self, agent: AgentId) -> bool {
        [&self.manager, &self.rep, &self.rep2].iter().any(|visitor| visitor.id == agent)
    }

    fn past(&self, backdating: &Backdating) -> Result<Vec<PastConversation>, Error> {
        let mut rng = StdRng::seed_from_u64(PAST_RNG_SEED);
        let statuses = std::iter::repeat_n(PastStatus::Unassigned, UNASSIGNED)
            .chain(std::iter::repeat_n(PastStatus::InProgress, IN_PROGRESS))
            .chain(std::iter::repeat_n(PastStatus::Closed, CLOSED));
        let now = backdating.present();
        let mut past = Vec::with_capacity(UNASSIGNED + IN_PROGRESS + CLOSED);
        for (serial, status) in (0..).zip(statuses) {
            let number = match status {
                PastStatus::Unassigned => 0,
                _ => weighted(&mut rng, &NUMBER_WEIGHTS),
            };
            let number = self.staff.numbers[number].id;
            let owner = self.owner(&mut rng, number, status);
            let thread = draw(&mut rng, status);
            let history = History::generate(&mut rng, thread, &self.staff.agents_on(number), owner)
                .within(LONGEST_MICROS);
            let ended = now.plus_micros(-age_micros(&mut rng, status));
            let customer = synthetic::customer(&mut rng, serial);
            past.push(past::conversation(number, customer, history.ending(ended))?);
        }
        Ok(past)
    }

    /// Chooses the owner of a conversation on `number`, weighted by the agents' shares of the work.
    fn owner(
        &self,
        rng: &mut StdRng,
        number: crate::domain::PhoneNumberId,
        status: PastStatus,
    ) -> Option<AgentId> {
        let unowned = match status {
            PastStatus::Unassigned => 100,
            PastStatus::InProgress => 0,
            PastStatus::Closed => CLOSED_UNOWNED_PERCENT,
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

/// Signs the tokens of three agents, and issues one for a service that delivers messages.
///
/// # Errors
/// When a token cannot be signed, and errors of the database.
pub async fn tokens(
    services: &Services,
    staff: &Staff,
    [manager, rep, rep2]: [&Agent; 3],
) -> Result<Tokens, Error> {
    let now = services.clock().now();
    let sign = |caller: Caller| {
        services.keys().sign(caller, now, TOKEN_TTL).map_err(|error| Error::BadInput(error.to_string()))
    };
    let lifetime = i64::try_from(TOKEN_TTL.as_micros()).unwrap_or(i64::MAX);
    let service = NewServiceToken {
        name: SERVICE_NAME.to_owned(),
        scopes: ServiceScopes::DELIVER,
        expires_at: Some(now.plus_micros(lifetime)),
    };
    Ok(Tokens {
        manager: sign(staff.caller(manager))?,
        rep: sign(staff.caller(rep))?,
        rep2: sign(staff.caller(rep2))?,
        service: services.enrol_service(staff.workspace.id, service).await?.text,
    })
}

/// Draws a thread that can have this status.
fn draw(rng: &mut StdRng, status: PastStatus) -> Thread {
    let fits = |thread: &Thread| match status {
        PastStatus::Unassigned => {
            thread.ending == Ending::Waiting && thread.turns.iter().all(|turn| turn.from == Speaker::Customer)
        }
        PastStatus::InProgress => thread.ending != Ending::Closed,
        PastStatus::Closed => thread.ending == Ending::Closed,
    };
    for _ in 0..DRAWS {
        let thread = synthetic::thread(rng);
        if fits(&thread) {
            return thread;
        }
    }
    // Practically unreachable. The demo would have one conversation with another status.
    synthetic::thread(rng)
}

/// Draws the time since the conversation's last event.
fn age_micros(rng: &mut StdRng, status: PastStatus) -> i64 {
    match status {
        PastStatus::Unassigned => rng.random_range(MINUTE_MICROS..2 * HOUR_MICROS),
        // Most open conversations were active today.
        PastStatus::InProgress if rng.random_bool(0.7) => rng.random_range(MINUTE_MICROS..9 * HOUR_MICROS),
        PastStatus::InProgress => rng.random_range(9 * HOUR_MICROS..3 * DAY_MICROS),
        PastStatus::Closed => rng.random_range(10 * MINUTE_MICROS..8 * DAY_MICROS),
    }
}

/// Draws an index of `shares`, with a probability proportional to its share. Not all shares may be zero.
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
