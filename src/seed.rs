//! Synthetic workspaces of any size, the same for the same seed of the random numbers.
//!
//! What people say and who they are comes from [`crate::synthetic`]; here it is turned into agents, numbers
//! and conversations that a store accepts. [`past`] makes the conversations, [`staff`] the people; both serve
//! `demo` too. Everything is written through [`Services`], by the rules that bind everybody.
//!
//! Ids and instants differ from run to run, everything else does not.

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
use past::{DAY_MICROS, MINUTE_MICROS, Tale};
use staff::Staff;
use synthetic::Ending;

/// The fewest agents of a workspace: a manager and two reps, whose tokens are handed out.
pub const MIN_AGENTS: usize = 3;
/// The conversations that one transaction imports.
const CHUNK: usize = 200;
/// The conversations lie within this long before now.
const SPAN_MICROS: i64 = 90 * DAY_MICROS;
/// The workspace is this much older than its first conversation.
const FOUNDED_BEFORE_MICROS: i64 = DAY_MICROS;
/// Of a hundred conversations that nobody has answered, so many have no owner.
const UNOWNED_WAITING_PERCENT: u32 = 30;
/// Of a hundred others, so many have no owner.
const UNOWNED_PERCENT: u32 = 10;

/// What to write. Every figure but `workspaces` is for each of them.
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

/// What was written.
#[derive(Debug, Clone)]
pub struct Seeded {
    /// In the order in which they were made.
    pub workspaces: Vec<Staff>,
}

/// A clock that can be set back while a past is written.
///
/// The log never goes back in time, so a workspace that is founded today has no history of yesterday: services
/// that write a past are started with [`Backdating::clock`], and set back while they do.
#[derive(Debug, Clone)]
pub struct Backdating {
    present: Clock,
    /// Microseconds.
    back_by: Arc<AtomicI64>,
}

impl Backdating {
    /// Shows what `present` shows until it is set back.
    pub fn new(present: Clock) -> Self {
        Self { present, back_by: Arc::default() }
    }

    /// The clock to start services with.
    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Clock::from_fn(move || this.present.now().plus_micros(-this.back_by.load(Ordering::Relaxed)))
    }

    /// The present instant, however far the clock is set back.
    pub fn present(&self) -> Timestamp {
        self.present.now()
    }

    /// Sets the clock back until what is returned is dropped.
    #[must_use]
    pub fn set_back(&self, micros: i64) -> SetBack {
        self.back_by.store(micros, Ordering::Relaxed);
        SetBack(self.back_by.clone())
    }
}

/// While it lives, a clock is set back.
#[derive(Debug)]
pub struct SetBack(Arc<AtomicI64>);

impl Drop for SetBack {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Writes workspaces of their own, whatever else is stored. `services` were started with the clock of
/// `backdating`; `progress` is told how many conversations of all are written.
///
/// # Errors
/// [`Error::BadInput`] when the plan has too few agents or no number; what the database fails with. What was
/// written until then stays.
pub async fn seed(
    services: &Services,
    backdating: &Backdating,
    plan: SeedPlan,
    progress: impl Fn(usize, usize),
) -> Result<Seeded, Error> {
    if plan.agents < MIN_AGENTS || plan.numbers == 0 {
        return Err(Error::BadInput(format!("A workspace needs {MIN_AGENTS} agents and a number.")));
    }
    let total = plan.workspaces.saturating_mul(plan.conversations);
    let mut workspaces = Vec::with_capacity(plan.workspaces);
    // Index 0 is the demo's.
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

/// Who can access what: managers everything, the first two reps the first number and perhaps others, and so on.
fn access_table(rng: &mut impl Rng, team: &synthetic::Team) -> Vec<Vec<bool>> {
    /// However many numbers there are, a rep has about this many beside the first.
    const FURTHER_NUMBERS: f64 = 2.0;
    let share = (FURTHER_NUMBERS / team.numbers.len() as f64).min(0.6);
    let rows = team.agents.iter().map(|agent| {
        let all = agent.role == synthetic::Role::Manager;
        (0..team.numbers.len()).map(|number| all || number == 0 || rng.random_bool(share)).collect()
    });
    rows.collect()
}

/// Imports in chunks, each within a span of time of its own, so that the log is in order of time.
async fn write_conversations(
    services: &Services,
    backdating: &Backdating,
    rng: &mut StdRng,
    staff: &Staff,
    conversations: usize,
    progress: impl Fn(usize),
) -> Result<(), Error> {
    let chunks = conversations.div_ceil(CHUNK).max(1) as i64;
    // What is newest is not in the future, whatever rounding does.
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

/// One conversation between `from` and `width` microseconds later.
fn conversation(
    rng: &mut StdRng,
    staff: &Staff,
    serial: u64,
    from: Timestamp,
    width: i64,
) -> Result<PastConversation, Error> {
    let number = rng.random_range(0..staff.numbers.len());
    let crew = staff.crew(staff.numbers[number].id);
    let thread = synthetic::thread(rng);
    let unowned = match thread.ending {
        Ending::Waiting => UNOWNED_WAITING_PERCENT,
        Ending::Answered | Ending::Closed => UNOWNED_PERCENT,
    };
    let owner: Option<AgentId> =
        (rng.random_range(0..100) >= unowned).then(|| crew[rng.random_range(0..crew.len())].id);
    let tale = Tale::tell(rng, thread, &crew, owner).within(width - 1);
    let slack = width - 1 - tale.length_micros();
    let began = from.plus_micros(rng.random_range(0..=slack.max(0)));
    let customer = synthetic::customer(rng, serial);
    past::conversation(staff.numbers[number].id, customer, tale.beginning(began))
}

/// A number that `synthetic` made.
pub(crate) fn e164(number: &str) -> Result<E164, Error> {
    E164::parse(number).ok_or_else(|| Error::BadInput(format!("{number} is not in E.164.")))
}

#[cfg(test)]
mod tests;
