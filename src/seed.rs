//! Creates synthetic workspaces of any size. The same random seed creates the same workspaces.
//!
//! [`synthetic`] generates people and messages; this module turns them into agents, phone numbers and
//! conversations in the database. [`past`] creates the conversations and [`staff`] the people; `demo` uses both, too.
//! Everything is written through [`Services`], so all rules apply.
//!
//! Only ids and times differ between runs.

pub mod past;
pub mod staff;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::clock::{Clock, Timestamp};
use crate::domain::input::E164;
use crate::domain::{AgentId, Plan};
use crate::service::operator::import::PastConversation;
use crate::service::{Error, Services};
use past::{DAY_MICROS, History, MINUTE_MICROS};
use staff::Staff;
use synthetic::Ending;

/// The minimum number of agents: a manager and two reps, for whom tokens are printed.
pub const MIN_AGENTS: usize = 3;
/// The number of conversations per import transaction.
const CHUNK: usize = 200;
/// The age of the oldest conversation.
const SPAN_MICROS: i64 = 90 * DAY_MICROS;
/// How much older the workspace is than its first conversation.
const FOUNDED_BEFORE_MICROS: i64 = DAY_MICROS;
/// The percentage of waiting conversations that have no owner.
const UNOWNED_WAITING_PERCENT: u32 = 30;
/// The percentage of other conversations that have no owner.
const UNOWNED_PERCENT: u32 = 10;

/// What to create. The numbers except `workspaces` are per workspace.
#[derive(Debug, Clone, Copy)]
pub struct SeedPlan {
    /// At least [`MIN_AGENTS`].
    pub agents: usize,
    /// At least one.
    pub numbers: usize,
    pub conversations: usize,
    pub workspaces: usize,
    pub rng_seed: u64,
}

/// What was created.
#[derive(Debug, Clone)]
pub struct Seeded {
    /// In order of creation.
    pub workspaces: Vec<Staff>,
}

/// A clock that can be set back while past events are written.
///
/// The log never goes back in time, so a workspace that is created today cannot contain yesterday's events. Start the
/// services with [`Backdating::clock`], and set the clock back while the workspace is created.
#[derive(Debug, Clone)]
pub struct Backdating {
    present: Clock,
    /// Microseconds.
    back_by: Arc<AtomicI64>,
}

impl Backdating {
    /// Creates a clock that follows `present` until it is set back.
    pub fn new(present: Clock) -> Self {
        Self { present, back_by: Arc::default() }
    }

    /// The clock to start services with.
    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Clock::from_fn(move || this.present.now().plus_micros(-this.back_by.load(Ordering::Relaxed)))
    }

    /// The actual current time, also while the clock is set back.
    pub fn present(&self) -> Timestamp {
        self.present.now()
    }

    /// Sets the clock back until the returned guard is dropped.
    #[must_use]
    pub fn set_back(&self, micros: i64) -> SetBack {
        self.back_by.store(micros, Ordering::Relaxed);
        SetBack(self.back_by.clone())
    }
}

/// Guard that keeps the clock set back until it is dropped.
#[derive(Debug)]
pub struct SetBack(Arc<AtomicI64>);

impl Drop for SetBack {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Creates new workspaces. Existing ones are not changed. `services` must use the clock of `backdating`. `progress`
/// receives the number of conversations written so far and their total.
///
/// # Errors
/// [`Error::BadInput`] when the plan has too few agents or no phone number; errors of the database. What was written
/// before an error is kept.
pub async fn seed(
    services: &Services,
    backdating: &Backdating,
    plan: SeedPlan,
    progress: impl Fn(usize, usize),
) -> Result<Seeded, Error> {
    if plan.agents < MIN_AGENTS || plan.numbers == 0 {
        return Err(Error::BadInput(format!(
            "A workspace needs at least {MIN_AGENTS} agents and 1 phone number."
        )));
    }
    let total = plan.workspaces.saturating_mul(plan.conversations);
    let mut workspaces = Vec::with_capacity(plan.workspaces);
    // Index 0 belongs to the demo.
    let mut team_index = 1;
    for at in 0..plan.workspaces {
        let mut rng = StdRng::seed_from_u64(plan.rng_seed.wrapping_add(at as u64));
        let team = synthetic::team(&mut rng, plan.agents, plan.numbers, at + 1);
        let access = access_table(&mut rng, &team);
        let back = backdating.set_back(SPAN_MICROS + FOUNDED_BEFORE_MICROS);
        let enrolled =
            staff::enrol(services, team, team_index, Plan::Team, |agent, number| access[agent][number]);
        let (staff, next_index) = enrolled.await?;
        drop(back);
        team_index = next_index;
        let before = at * plan.conversations;
        write_conversations(services, backdating, &mut rng, &staff, plan.conversations, |done| {
            progress(before + done, total);
        })
        .await?;
        workspaces.push(staff);
    }
    Ok(Seeded { workspaces })
}

/// Access by agent and phone number. Managers can access every number, reps the first number and some others.
fn access_table(rng: &mut impl Rng, team: &synthetic::Team) -> Vec<Vec<bool>> {
    /// The average number of phone numbers that a rep can access in addition to the first.
    const FURTHER_NUMBERS: f64 = 2.0;
    let share = (FURTHER_NUMBERS / team.numbers.len() as f64).min(0.6);
    let rows = team.agents.iter().map(|agent| {
        let all = agent.role == synthetic::Role::Manager;
        (0..team.numbers.len()).map(|number| all || number == 0 || rng.random_bool(share)).collect()
    });
    rows.collect()
}

/// Imports conversations in chunks. Each chunk has its own span of time, which keeps the log in order of time.
async fn write_conversations(
    services: &Services,
    backdating: &Backdating,
    rng: &mut StdRng,
    staff: &Staff,
    conversations: usize,
    progress: impl Fn(usize),
) -> Result<(), Error> {
    let chunks = conversations.div_ceil(CHUNK).max(1) as i64;
    // One minute of tolerance, so that rounding does not put the newest event into the future.
    let begin = backdating.present().plus_micros(-SPAN_MICROS - MINUTE_MICROS);
    let width = SPAN_MICROS / chunks;
    let mut serials = 0..conversations as u64;
    for chunk in 0..chunks {
        let from = begin.plus_micros(chunk * width);
        let serials_of_chunk = serials.by_ref().take(CHUNK);
        let past: Result<Vec<PastConversation>, Error> =
            serials_of_chunk.map(|serial| conversation(rng, staff, serial, from, width)).collect();
        services.import(staff.workspace.id, &staff.agents, past?).await?;
        progress(usize::try_from(serials.start).unwrap_or(conversations));
    }
    Ok(())
}

/// Creates a conversation between `from` and `width` microseconds later.
fn conversation(
    rng: &mut StdRng,
    staff: &Staff,
    serial: u64,
    from: Timestamp,
    width: i64,
) -> Result<PastConversation, Error> {
    let number = rng.random_range(0..staff.numbers.len());
    let agents = staff.agents_on(staff.numbers[number].id);
    let thread = synthetic::thread(rng);
    let unowned = match thread.ending {
        Ending::Waiting => UNOWNED_WAITING_PERCENT,
        Ending::Answered | Ending::Closed => UNOWNED_PERCENT,
    };
    let owner: Option<AgentId> =
        (rng.random_range(0..100) >= unowned).then(|| agents[rng.random_range(0..agents.len())].id);
    let history = History::generate(rng, thread, &agents, owner).within(width - 1);
    let slack = width - 1 - history.length_micros();
    let began = from.plus_micros(rng.random_range(0..=slack.max(0)));
    let customer = synthetic::customer(rng, serial);
    past::conversation(staff.numbers[number].id, customer, history.beginning(began))
}

/// Parses a phone number that `synthetic` generated.
pub(crate) fn e164(number: &str) -> Result<E164, Error> {
    E164::parse(number)
        .ok_or_else(|| Error::BadInput(format!("{number} is not a phone number in E.164 format.")))
}

#[cfg(test)]
mod tests;
