//! Compares the result with every other possible set of moves.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn agent(n: usize) -> AgentId {
    AgentId(Uuid::from_u128(0xa0 + n as u128))
}

fn number(n: usize) -> PhoneNumberId {
    PhoneNumberId(Uuid::from_u128(0xb0 + n as u128))
}

fn conversation(n: usize) -> ConversationId {
    ConversationId(Uuid::from_u128(0xc0 + n as u128))
}

fn member(n: usize, receives: bool, numbers: impl IntoIterator<Item = usize>, fixed: usize) -> Member {
    let phone_number_ids = numbers.into_iter().map(number).collect();
    Member { agent_id: agent(n), receives, phone_number_ids, fixed }
}

fn holding(n: usize, owner: usize, on: usize, answered: bool, active_at: i64) -> Holding {
    Holding {
        conversation_id: conversation(n),
        owner: agent(owner),
        phone_number_id: number(on),
        answered,
        last_activity_at: Timestamp::from_micros(active_at),
    }
}

/// The highest load, the number of moves, the number of moves of answered conversations, and the sum of the moved
/// conversations' ranks. Lower is better.
type Worth = (usize, usize, usize, usize);

/// The worth of a result in which the agents in `at` own the holdings.
fn worth(members: &[Member], holdings: &[Holding], at: &[AgentId]) -> Worth {
    let mut order: Vec<usize> = (0..holdings.len()).collect();
    order.sort_by_key(|n| (holdings[*n].last_activity_at, holdings[*n].conversation_id));
    let load =
        |member: &Member| member.fixed + at.iter().filter(|holder| **holder == member.agent_id).count();
    let moved: Vec<usize> = (0..holdings.len()).filter(|n| at[*n] != holdings[*n].owner).collect();
    let ranks = moved.iter().map(|n| order.iter().position(|other| other == n).unwrap()).sum();
    let answered = moved.iter().filter(|n| holdings[**n].answered).count();
    (members.iter().map(load).max().unwrap_or_default(), moved.len(), answered, ranks)
}

fn may_hold(member: &Member, holding: &Holding) -> bool {
    let can = member.receives && member.phone_number_ids.contains(&holding.phone_number_id);
    member.agent_id == holding.owner || can
}

/// The best worth of all possible results.
fn best(members: &[Member], holdings: &[Holding], at: &mut Vec<AgentId>) -> Worth {
    let Some(next) = holdings.get(at.len()) else { return worth(members, holdings, at) };
    let mut found = None;
    for member in members.iter().filter(|member| may_hold(member, next)) {
        at.push(member.agent_id);
        let this = best(members, holdings, at);
        at.pop();
        found = Some(found.map_or(this, |known: Worth| known.min(this)));
    }
    found.unwrap()
}

fn after(holdings: &[Holding], shifts: &[Shift]) -> Vec<AgentId> {
    let to = |holding: &Holding| {
        let shift = shifts.iter().find(|shift| shift.conversation_id == holding.conversation_id);
        shift.map_or(holding.owner, |shift| shift.to)
    };
    holdings.iter().map(to).collect()
}

fn teams() -> impl Strategy<Value = (Vec<Member>, Vec<Holding>)> {
    let members = prop::collection::vec(
        (prop::bool::weighted(0.85), prop::collection::btree_set(0_usize..3, 0..=3), 0_usize..3),
        1..=4,
    );
    members.prop_flat_map(|members| {
        let owners = members.len();
        let members: Vec<Member> = members
            .into_iter()
            .enumerate()
            .map(|(n, (receives, numbers, fixed))| member(n, receives, numbers, fixed))
            .collect();
        // The first agent owns most conversations, so that there is something to level.
        let owner = prop_oneof![2 => Just(0), 1 => 0..owners];
        let holdings = prop::collection::vec((owner, 0_usize..3, any::<bool>(), 0_i64..4), 0..=7);
        (Just(members), holdings).prop_map(|(members, holdings)| {
            let holdings = holdings.into_iter().enumerate();
            let holdings = holdings.map(|(n, (owner, on, answered, at))| holding(n, owner, on, answered, at));
            (members, holdings.collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_other_way_to_move_is_better((members, holdings) in teams()) {
        let shifts = rebalance(&members, &holdings);
        for shift in &shifts {
            let moved = holdings.iter().find(|it| it.conversation_id == shift.conversation_id).unwrap();
            let to = members.iter().find(|it| it.agent_id == shift.to).unwrap();
            prop_assert_eq!(moved.owner, shift.from);
            prop_assert!(shift.to != shift.from && may_hold(to, moved), "{:?}", shift);
        }
        let ours = worth(&members, &holdings, &after(&holdings, &shifts));
        prop_assert_eq!(ours, best(&members, &holdings, &mut Vec::new()));
    }
}

#[test]
fn a_conversation_is_passed_on_where_the_one_with_room_lacks_access() {
    let members = [member(0, true, [0], 0), member(1, true, [0, 1], 0), member(2, true, [1], 0)];
    let holdings: Vec<Holding> = (0..4)
        .map(|n| holding(n, 0, 0, false, n as i64))
        .chain((4..6).map(|n| holding(n, 1, 1, false, n as i64)))
        .collect();
    let shifts = rebalance(&members, &holdings);
    assert_eq!(worth(&members, &holdings, &after(&holdings, &shifts)).0, 2);
    assert_eq!(
        shifts.len(),
        4,
        "two move from the first agent to the second, two from the second to the third: {shifts:?}"
    );
}

#[test]
fn the_largest_plan_is_levelled() {
    let members: Vec<Member> = (0..MAX_AGENTS).map(|n| member(n, true, [n % 5, (n + 1) % 5], 0)).collect();
    let holdings: Vec<Holding> =
        (0..MAX_WEIGHED).map(|n| holding(n, n % 3, n % 5, n % 7 == 0, (n % 900) as i64)).collect();
    let shifts = rebalance(&members, &holdings);
    let (peak, moves) = worth_of_many(&members, &holdings, &shifts);
    assert_eq!(peak, MAX_WEIGHED / MAX_AGENTS);
    assert_eq!(
        moves,
        MAX_WEIGHED - 3 * peak,
        "every move takes one conversation from one of the three owners"
    );
}

/// The highest load and the number of moves, in linear time.
fn worth_of_many(members: &[Member], holdings: &[Holding], shifts: &[Shift]) -> (usize, usize) {
    let mut loads: HashMap<AgentId, usize> = members.iter().map(|it| (it.agent_id, it.fixed)).collect();
    holdings.iter().for_each(|it| *loads.get_mut(&it.owner).unwrap() += 1);
    for shift in shifts {
        *loads.get_mut(&shift.from).unwrap() -= 1;
        *loads.get_mut(&shift.to).unwrap() += 1;
    }
    (loads.into_values().max().unwrap(), shifts.len())
}
