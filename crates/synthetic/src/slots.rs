//! Values for the placeholders of scripts: order numbers, bikes, days, amounts.
//!
//! A template names a placeholder in braces, as in `is order #{order} ready?`.
//! One [`Placeholders`] is used for a whole thread, so that all its messages
//! refer to the same order and the same bike.

use rand::Rng;

use super::pick;

/// The values of one conversation.
pub(super) struct Placeholders {
    order: String,
    item: &'static str,
    part: &'static str,
    bike: &'static str,
    color: &'static str,
    size: &'static str,
    day: String,
    other_day: &'static str,
    time: String,
    other_time: String,
    amount: String,
    smaller: String,
    about: String,
    street: String,
    count: String,
}

impl Placeholders {
    /// Draws the values of a new conversation.
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        let day = rng.random_range(0..DAYS.len());
        let other_day = (day + rng.random_range(1..DAYS.len())) % DAYS.len();
        let hour = rng.random_range(8..13_u32);
        let later = hour + rng.random_range(2..6_u32);
        let dollars = rng.random_range(38..420_u32);
        let smaller = rng.random_range(8..dollars / 2 + 2);
        Self {
            order: rng.random_range(10_240..98_900_u32).to_string(),
            item: pick(rng, ITEMS),
            part: pick(rng, PARTS),
            bike: pick(rng, BIKES),
            color: pick(rng, COLORS),
            size: pick(rng, SIZES),
            day: DAYS[day].to_owned(),
            other_day: DAYS[other_day],
            time: clock_time(rng, hour),
            other_time: clock_time(rng, later),
            amount: format!("${dollars}.{}", pick(rng, CENTS)),
            smaller: format!("${smaller}"),
            about: format!("${}", dollars.next_multiple_of(10)),
            street: format!("{} {}", rng.random_range(2..190_u32), pick(rng, STREETS)),
            count: rng.random_range(2..7_u32).to_string(),
        }
    }

    /// Takes the order number, day and time from `text`, if it mentions them, so
    /// that an answer matches the question.
    pub(super) fn echoing(mut self, text: &str) -> Self {
        if let Some(order) = order_number(text) {
            self.order = order.to_owned();
        }
        if let Some(time) = time_named(text) {
            self.time.clone_from(&time);
            self.other_time = time;
        }
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        if let Some(day) = words.into_iter().find_map(day_named) {
            self.day = day.to_owned();
        }
        self
    }

    /// The value of the placeholder `name`; `None` if it does not exist.
    fn value(&self, name: &str) -> Option<&str> {
        Some(match name {
            "order" => &self.order,
            "item" => self.item,
            "part" => self.part,
            "bike" => self.bike,
            "color" => self.color,
            "size" => self.size,
            "day" => &self.day,
            "other_day" => self.other_day,
            "time" => &self.time,
            "other_time" => &self.other_time,
            "amount" => &self.amount,
            "smaller" => &self.smaller,
            "about" => &self.about,
            "street" => &self.street,
            "count" => &self.count,
            _ => return None,
        })
    }

    /// Replaces the placeholders in `template`. Unknown ones are not changed.
    pub(super) fn fill(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len() + 24);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let placeholder = after.split_once('}').and_then(|(name, tail)| Some((self.value(name)?, tail)));
            rest = match placeholder {
                Some((value, tail)) => {
                    filled.push_str(value);
                    tail
                }
                None => {
                    filled.push('{');
                    after
                }
            };
        }
        filled.push_str(rest);
        filled
    }
}

/// The first run of exactly five digits in `text`, the length of an order number.
fn order_number(text: &str) -> Option<&str> {
    text.split(|letter: char| !letter.is_ascii_digit()).find(|digits| digits.len() == 5)
}

/// The day that `word` names, in full or abbreviated (`tues`).
fn day_named(word: &str) -> Option<&'static str> {
    // "sat" and "sun" are also ordinary words.
    if word.len() < 3 || ["sat", "sun"].contains(&word) {
        return None;
    }
    DAYS.into_iter().find(|day| day.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}

/// The first time of day in `text`, as written: `9:30`, `4pm`, `10:15 am`.
fn time_named(text: &str) -> Option<String> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()))
        .collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let clock = word.trim_end_matches("am").trim_end_matches("pm");
        let half = words.get(at + 1).filter(|next| ["am", "pm"].contains(next));
        let (hour, minutes) = clock.split_once(':').unwrap_or((clock, "00"));
        let is_time = hour.parse::<u32>().is_ok_and(|hour| (1..=12).contains(&hour))
            && minutes.parse::<u32>().is_ok_and(|minutes| minutes < 60)
            && (clock.contains(':') || clock != *word || half.is_some());
        is_time.then(|| match half {
            Some(half) if clock == *word => format!("{word} {half}"),
            _ => (*word).to_owned(),
        })
    })
}

/// Formats `hour`, from 0 to 23, in one of the ways in which people write it.
fn clock_time(rng: &mut impl Rng, hour: u32) -> String {
    let twelve = if hour > 12 { hour - 12 } else { hour };
    let half = if hour < 12 { "am" } else { "pm" };
    match rng.random_range(0..4_u32) {
        0 => format!("{twelve}:30"),
        1 => format!("{twelve}:15 {half}"),
        2 => format!("{twelve} {half}"),
        _ => format!("{twelve}{half}"),
    }
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Goods. Each is singular and begins with a consonant, so that `the {item} is`
/// and `a {item}` are both correct. The same holds for the lists below.
const ITEMS: &[&str] = &[
    "rear light",
    "commuter helmet",
    "kids' balance bike",
    "pannier bag",
    "floor pump",
    "phone mount",
    "child seat",
    "rain jacket",
    "folding lock",
    "bike rack",
    "pair of winter gloves",
    "saddle",
    "front basket",
    "mudguard set",
    "dynamo light",
    "trailer hitch",
    "grip set",
    "repair stand",
    "bottle cage",
    "frame bag",
    "spare battery",
    "charger",
    "bell",
    "pair of cycling shoes",
];
const PARTS: &[&str] = &[
    "back brake",
    "front brake",
    "chain",
    "front derailleur",
    "rear derailleur",
    "bottom bracket",
    "rear wheel",
    "front wheel",
    "headset",
    "left pedal",
    "shifter",
    "kickstand",
    "fork",
    "hub",
    "dropper post",
    "brake cable",
    "motor",
];
const BIKES: &[&str] = &[
    "road bike",
    "gravel bike",
    "cargo bike",
    "city bike",
    "folding bike",
    "tandem",
    "mountain bike",
    "Dutch bike",
    "hybrid",
    "fixie",
    "recumbent",
    "kids' bike",
    "commuter bike",
    "step-through",
    "touring bike",
    "BMX",
];
const COLORS: &[&str] =
    &["green", "navy", "matte black", "red", "cream", "purple", "teal", "silver", "yellow", "grey"];
const SIZES: &[&str] = &["XS", "S", "M", "L", "XL", "42", "54", "56"];
const CENTS: &[&str] = &["00", "50", "95", "99", "25", "40"];
const STREETS: &[&str] = &[
    "Alder Row",
    "Larch St",
    "Mill Lane",
    "Orchard Ave",
    "Canal Walk",
    "Juniper Ct",
    "Quarry Rd",
    "Station Terrace",
    "Old Ferry Rd",
    "Windmill Hill",
    "Foundry Yard",
    "Heron Close",
];
