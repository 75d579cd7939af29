//! Tests that the generated data is repeatable, varied, bounded, unique and fictitious.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else {
        return false;
    };
    (2..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}

/// The output of all functions for one seed, in a fixed order.
fn everything(seed: u64) -> String {
    let rng = &mut rng(seed);
    let mut output = vec![format!("{:?}", team(rng, 20, 4, 3))];
    for serial in 0..50 {
        output.push(format!("{:?}", customer(rng, serial)));
        let thread = thread(rng);
        output.push(follow_up(rng, None));
        output.push(reply(rng, &thread.turns[0].body));
        output.push(format!("{thread:?} {} {:?}", opening(rng), next_activity(rng, 5)));
    }
    output.join("\n")
}

#[test]
fn the_same_seed_generates_the_same_and_another_does_not() {
    assert_eq!(everything(7), everything(7));
    assert_ne!(everything(7), everything(8));
}

#[test]
fn a_thousand_threads_begin_in_hundreds_of_ways() {
    let rng = &mut rng(1);
    let firsts: HashSet<String> = (0..1_000).map(|_| thread(rng).turns[0].body.clone()).collect();
    assert!(firsts.len() > 850, "{}", firsts.len());
    let openings: HashSet<String> = (0..1_000).map(|_| opening(rng)).collect();
    assert!(openings.len() > 850, "{}", openings.len());
}

#[test]
fn every_thread_begins_with_the_customer_and_matches_its_ending() {
    let rng = &mut rng(2);
    let mut lengths = HashSet::new();
    let mut topics = HashSet::new();
    let mut endings: HashMap<Ending, usize> = HashMap::new();
    for _ in 0..5_000 {
        let thread = thread(rng);
        assert!((1..=12).contains(&thread.turns.len()));
        assert_eq!(thread.turns[0].from, Speaker::Customer);
        assert_eq!(thread.turns[0].after_minutes, 0);
        let last = thread.turns.last().map(|turn| turn.from);
        match thread.ending {
            Ending::Waiting => assert_eq!(last, Some(Speaker::Customer)),
            Ending::Answered => assert_eq!(last, Some(Speaker::Team)),
            Ending::Closed => {}
        }
        lengths.insert(thread.turns.len());
        topics.insert(thread.topic);
        *endings.entry(thread.ending).or_default() += 1;
    }
    assert_eq!(topics, HashSet::from(Topic::ALL));
    assert!(lengths.contains(&1) && lengths.len() >= 8, "{lengths:?}");
    assert!(endings.values().all(|&count| count > 1_000), "{endings:?}");
}

#[test]
fn every_text_is_short_filled_and_free_of_links() {
    let rng = &mut rng(3);
    let mut bodies = Vec::new();
    for _ in 0..1_000 {
        bodies.extend(thread(rng).turns.into_iter().map(|turn| turn.body));
        let asked = opening(rng);
        let answered = reply(rng, &asked);
        bodies.push(follow_up(rng, Some(&answered)));
        bodies.extend([asked, answered, follow_up(rng, None), texts_back(rng)]);
    }
    for body in &bodies {
        let chars = body.chars().count();
        assert!((1..=BODY_CHARS_MAX).contains(&chars), "{body:?}");
        assert!(!body.trim().is_empty(), "{body:?}");
        assert!(!body.contains(['{', '}']), "an unknown placeholder in {body:?}");
        assert!(!body.contains("http") && !body.contains("www."), "{body:?}");
        assert!(!body.chars().any(|c| c.is_control() && c != '\n'), "{body:?}");
    }
    assert!(bodies.iter().any(|body| body.contains('\n')), "no message has several lines");
    assert!(bodies.iter().any(|body| body.contains('🙏')), "no emoji");
    assert!(bodies.iter().any(|body| body.contains("ます")), "no Japanese");
    assert!(bodies.iter().any(|body| body.contains("ال")), "no Arabic");
}

#[test]
fn every_line_of_every_script_fits_in_a_text() {
    let slots = slots::Placeholders::draw(&mut rng(4));
    for script in scripts::all() {
        let first = &script.steps[0];
        assert!(
            first.from == Speaker::Customer
                && first.occurrence == scripts::Occurrence::Always
                && script.weight > 0
        );
        assert!(script.steps.len() <= 12);
        let answered = |step: &scripts::Step| {
            step.from == Speaker::Team && step.occurrence == scripts::Occurrence::Always
        };
        assert!(script.steps.iter().any(answered), "the team may not answer {}", first.lines[0]);
        for line in script.steps.iter().flat_map(|step| step.lines) {
            let text = slots.fill(line);
            assert!(!text.contains(['{', '}']), "an unknown placeholder in {line:?}");
            assert!(text.chars().count() < BODY_CHARS_MAX - 40, "{line:?}");
        }
    }
    let lone = [phrases::OWN_ACCORD, phrases::RETURNING, phrases::NUDGES, phrases::ACKNOWLEDGEMENTS];
    let lone = lone.into_iter().flatten();
    let rules = answers::REPLIES.iter().chain(phrases::FOLLOW_UPS);
    for line in rules.flat_map(|rule| rule.lines).chain(lone) {
        assert!(!slots.fill(line).contains(['{', '}']), "an unknown placeholder in {line:?}");
    }
}

#[test]
fn an_unknown_placeholder_is_not_changed() {
    let slots = slots::Placeholders::draw(&mut rng(4)).echoing("order 12345 please");
    assert_eq!(slots.fill("{nothing} #{order} {"), "{nothing} #12345 {");
}

#[test]
fn an_answer_mentions_the_day_and_time_of_the_question() {
    let rng = &mut rng(5);
    for _ in 0..200 {
        let answer = reply(rng, "Could I book a tune up on Thursday?");
        assert!(answer.contains("Thursday"), "{answer:?}");
        let answer = reply(rng, "Saturday please, 11:45 am");
        assert!(answer.contains("Saturday"), "{answer:?}");
        assert!(!answer.contains(" at ") || answer.contains("11:45 am"), "{answer:?}");
        let answer = reply(rng, "Perfect, thank you");
        assert!(phrases::WELCOME.contains(&answer.as_str()), "{answer:?}");
        let answer = reply(rng, "これはいくらですか");
        assert!(!answer.is_ascii(), "{answer:?}");
    }
}

#[test]
fn a_message_from_a_script_is_answered_by_the_script() {
    let rng = &mut rng(15);
    let slots = slots::Placeholders::draw(rng);
    let script = scripts::all().find(|script| script.topic == Topic::WrongNumber).unwrap();
    let (asked, answers) = (&script.steps[0], &script.steps[1]);
    for line in asked.lines {
        let answer = reply(rng, &slots.fill(line));
        assert!(answers.lines.contains(&answer.as_str()), "{line:?}: {answer:?}");
    }
}

#[test]
fn a_customer_without_an_answer_asks_again() {
    let rng = &mut rng(6);
    let asked: HashSet<String> = (0..500).map(|_| follow_up(rng, None)).collect();
    assert!(asked.contains("Any news?") && asked.len() > 40, "{}", asked.len());
    let answered: HashSet<String> = (0..500).map(|_| follow_up(rng, Some("It's ready for you!"))).collect();
    assert!(answered.contains("On my way!") && !answered.contains("Any news?"));
}

#[test]
fn customers_numbers_are_unique_valid_and_never_415() {
    let sparse = (0..60).map(|bit| (1_u64 << bit) + 1_000_000).filter(|&n| n < 100_000_000_000);
    let mut seen = HashSet::new();
    for serial in (0..150_000).chain(840_000..870_000).chain(sparse) {
        let number = customer_number(serial);
        assert!(is_e164(&number), "{number}");
        assert!(!number.starts_with("+1415"), "{number}");
        assert!(seen.insert(number), "serial {serial} has the number of another serial");
    }
    for serial in (0..5_000).chain(118_000..125_000) {
        let number = workspace_number(serial);
        assert!(is_e164(&number) && !number.starts_with("+1415"), "{number}");
        assert!(seen.insert(number), "workspace serial {serial} has the number of another serial");
    }
    assert!(is_e164(&customer_number(u64::MAX)) && is_e164(&workspace_number(u64::MAX)));
}

#[test]
fn customers_have_names_of_many_scripts_or_none() {
    let rng = &mut rng(9);
    let customers: Vec<Customer> = (0..2_000).map(|serial| customer(rng, serial)).collect();
    let names: HashSet<&str> = customers.iter().filter_map(|c| c.name.as_deref()).collect();
    assert!(names.len() > 700, "{}", names.len());
    assert!(customers.iter().any(|customer| customer.name.is_none()));
    for script in ["é", "ł", "ا", "а", "田", "김", "म"] {
        assert!(names.iter().any(|name| name.contains(script)), "no name with {script}");
    }
    assert_eq!(customers[7].number, customer_number(7));
}

#[test]
fn the_demo_team_is_always_the_same() {
    let team = demo_team();
    assert_eq!(team, demo_team());
    assert_eq!(team.agents[0].role, Role::Manager);
    let managers: Vec<&str> = team.managers().map(|agent| agent.name.as_str()).collect();
    let reps: Vec<&AgentProfile> = team.reps().collect();
    assert_eq!(managers[0], "Ines Duarte");
    assert_eq!((reps[0].name.as_str(), reps[0].experienced), ("Theo Lindqvist", true));
    assert_eq!((reps[1].name.as_str(), reps[1].experienced), ("Priya Raman", false));
    let labels: Vec<&str> = team.numbers.iter().map(|number| number.label.as_str()).collect();
    assert_eq!(labels, ["Support", "Billing", "Sales"]);
    let moved = demo_team().renumbered(9);
    assert_eq!(moved.agents, team.agents);
    assert!(moved.numbers.iter().all(|number| !team.numbers.contains(number)));
}

#[test]
fn teams_of_any_size_share_no_name_email_or_number() {
    let rng = &mut rng(10);
    let mut emails = HashSet::new();
    let mut numbers = HashSet::new();
    let mut workspaces = HashSet::new();
    for (index, (agents, count)) in [(1, 1), (8, 3), (200, 30), (0, 0), (40, 200)].into_iter().enumerate() {
        let team = team(rng, agents, count, index);
        assert_eq!((team.agents.len(), team.numbers.len()), (agents, count));
        assert!(workspaces.insert(team.workspace.clone()));
        assert!(agents == 0 || team.agents[0].role == Role::Manager);
        let mut labels = HashSet::new();
        for profile in &team.numbers {
            assert!(is_e164(&profile.number) && labels.insert(&profile.label), "{profile:?}");
            assert!(numbers.insert(profile.number.clone()), "{profile:?}");
        }
        for agent in &team.agents {
            assert!(agent.email.is_ascii() && agent.email.ends_with(".example"), "{agent:?}");
            assert!(emails.insert(agent.email.clone()), "{agent:?}");
        }
    }
}

/// Plays `count` activities with only a count of unassigned conversations, and
/// returns the lowest and the highest count in the second half.
fn play(rng: &mut StdRng, mut unassigned: usize, count: usize) -> (usize, usize) {
    let (mut least, mut most) = (usize::MAX, 0);
    for at in 0..count {
        match next_activity(rng, unassigned).0 {
            Activity::NewCustomer | Activity::AgentUnassigns => unassigned += 1,
            Activity::AgentClaims | Activity::ManagerAssigns => unassigned = unassigned.saturating_sub(1),
            _ => {}
        }
        if at >= count / 2 {
            (least, most) = (least.min(unassigned), most.max(unassigned));
        }
    }
    (least, most)
}

#[test]
fn the_unassigned_list_neither_empties_nor_grows_without_limit() {
    for (seed, start) in [(11, 0), (12, 10), (13, 150)] {
        let (least, most) = play(&mut rng(seed), start, 10_000);
        assert!(most <= 40, "grew to {most}");
        assert!(most - least >= 8, "stayed between {least} and {most}");
    }
}

#[test]
fn every_kind_of_activity_occurs_and_pauses_are_one_to_four_seconds() {
    let rng = &mut rng(14);
    let mut kinds = HashSet::new();
    for _ in 0..2_000 {
        let (activity, pause) = next_activity(rng, 8);
        assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_secs(4), "{pause:?}");
        kinds.insert(activity);
    }
    assert_eq!(kinds, HashSet::from(Activity::ALL));
}
