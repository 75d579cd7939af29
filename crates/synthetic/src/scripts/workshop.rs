//! Appointments, and questions about bikes, rentals and opening hours.

use super::super::threads::Topic;
use super::{NUDGES, Script, THANKS, WELCOME, them, them_maybe, us, us_maybe};

pub(super) const SCRIPTS: &[Script] = &[
    Script {
        topic: Topic::Scheduling,
        weight: 5,
        steps: &[
            them(&[
                "Can I bring my {bike} in on {day}? The {part} is making a noise",
                "Do you have a slot for a tune up this week? {day} would be ideal",
                "Is it possible to get the {part} fixed same day?",
                "Booking for {count} bikes please, {day} if you can",
                "Could someone pick up the {bike} from {street}? I can't ride it like this.",
                "can i come by this week to have the {part} checked",
                "Hoping to get fitted for a new {bike}. When's a quiet time?",
                "Your site says fully booked till {other_day}. Is there a cancellation list?",
                "My {part} needs adjusting again, when could you fit me in?",
                "I'd like to book the {bike} in for its yearly service. {day} or later?",
                "First service for a {color} {bike} I bought from you, any time {day}?",
            ]),
            them_maybe(&[
                "Mornings are best for me",
                "It's the {color} one you serviced last year",
                "any time after {time} works",
                "sorry, {other_day} would be fine too",
            ]),
            us(&[
                "Hi! We have {day} at {time} or {other_day} at {other_time}. Which suits you?",
                "Sure, let me look at the calendar... {day}, {other_time}?",
                "We can squeeze you in on {day}. Does {other_time} work?",
                "Happy to help! {day} is pretty open, what time would you like?",
            ]),
            them(&[
                "{day} {other_time} works",
                "{day} please, {other_time}",
                "Perfect, {other_time} and I'll be there",
                "{other_time} is good. Can my partner drop it off for me?",
                "Yes, {day}. As late as possible please",
            ]),
            us(&[
                "Booked! See you {day}. Please take off bags and computers before you bring it.",
                "You're down for {day}. We'll text you the day before.",
                "Done, {day} at {other_time}. The person who brings it just needs your name.",
                "All set for {day}! We'll have the stand ready.",
            ]),
            them_maybe(&[
                "Great, see you then",
                "That works, thank you!",
                "👍👍",
                "ok booked in my calendar",
                "You're lifesavers, thanks",
            ]),
            us_maybe(&["See you soon!", "Perfect. Have a good one till then!", "👍 Until then!"]),
            them_maybe(&[
                "Running 10 min late!",
                "I'm outside, is the side door open?",
                "Almost there. Where do I park?",
            ]),
            us_maybe(&[
                "No stress, we're here!",
                "Come on in, there's a bay behind the shop too.",
                "See you in a minute!",
            ]),
        ],
    },
    Script {
        topic: Topic::Scheduling,
        weight: 2,
        steps: &[
            them(&[
                "I need to move my {day} {time} appointment to {other_day}",
                "I have {time} on {day} with you but my kid is sick. Can we reschedule?",
                "Can't make {day} after all, is {other_day} possible?",
                "so sorry, stuck at work. could we do {other_day} instead of {day}",
                "Could I come {other_time} instead of {time} on {day}?",
                "Please cancel {day} {time}, the {bike} got stolen 😢",
            ]),
            us(&[
                "No problem, these things happen. I've moved things around for you.",
                "Thanks for telling us in time! Done.",
                "Oh no! Of course, the slot is free again. Just text us when you want a new one.",
            ]),
            them(&[
                "You're great, thank you",
                "Thanks for being so easy about it",
                "ok thanks, sorry again!",
                "🙏🙏",
            ]),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::Scheduling,
        weight: 2,
        steps: &[
            them(&[
                "Do you do mobile repairs? Stuck at {street} with a broken {part}",
                "Flat tire on my {bike} near {street}. Can anyone help?",
                "My {bike} won't shift and I have a race on {day}. Help!!",
                "the {part} came off while riding. I'm ok but how soon can you take it",
            ]),
            them_maybe(&[
                "I'm ok, just cold",
                "There are {count} of us",
                "please hurry, it's starting to rain",
            ]),
            us(&[
                "Oh dear, glad you're ok! Our van can be there around {other_time}.",
                "We can send someone. Are you somewhere safe?",
                "Please don't ride it. Bring it in any time today and we'll put it first.",
            ]),
            them(&[
                "Yes, waiting in the cafe",
                "Amazing. I'm the one in the {color} jacket",
                "On my way, pushing it",
                "ok how much would that be",
            ]),
            us(&[
                "On our way. {smaller} for the call-out, the rest depends on the {part}.",
                "Great, hang in there!",
                "See you in a bit. Coffee's on.",
            ]),
            them_maybe(&[
                "He just got here, thank you thank you",
                "That was fast 🙏",
                "Fixed in ten minutes, you saved my day",
            ]),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::Question,
        weight: 3,
        steps: &[
            them(&[
                "Do you have the {item} in {color}?",
                "Do you still sell that {color} {item}, size {size}?",
                "Is the {color} {bike} in the window still there? Size {size}",
                "Will a {item} fit on my {bike}? Seat tube's pretty thin.",
                "Looking for a {item} that fits a {bike}, got anything?",
                "do u have a {color} {bike} for someone who's 5'9\"",
                "Three questions:\n1. do you have a {item} in stock\n2. would it fit a {bike}\n3. can I get it by {day}",
            ]),
            us(&[
                "We do! Come by and try, the {color} ones are at the front.",
                "Yes! There's one left. Shall I keep it for you?",
                "Short answer: yes. Long answer: send me a photo and I'll tell you more 😄",
                "I think so, let me run down and look. Yes, it's here, {amount}.",
            ]),
            them(&[
                "Nice. Can you hold it till {day}?",
                "Great, I'll drop in around {other_time}",
                "Oh perfect, keep it for me please",
                "Great! I'll be there {day}",
            ]),
            us(&[
                "Put aside with your number on it.",
                "See you soon! Ask for the front desk.",
                "It's yours. We fit it for free, too.",
            ]),
            them_maybe(&["cool cool", "Lovely, thank you", "You just made my week", "👍"]),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::Question,
        weight: 3,
        steps: &[
            them(&[
                "Are you open on {day}?",
                "Do you rent out bikes for a weekend? We'd need {count}, one a {bike}",
                "Do you fit child seats on a {bike}?",
                "Can I test ride a {color} {bike} without booking?",
                "do u sell gift cards",
                "Can I just walk in with a {bike} at {time} on {day}?",
                "Do you take old {bike} parts? I have {count} boxes of them",
                "Is there a {day} ride from your shop? A friend mentioned one",
                "Do you teach how to change a {part}? I'd love a class",
            ]),
            us(&[
                "Hi! Yes, we do. We're here 10 to 6 on weekdays and 10 to 4 on weekends.",
                "Sure! Just come by any time before 6, no need to book.",
                "We do indeed 😊 Anything special you have in mind?",
            ]),
            them(&[
                "Great, I'll drop in on {day}",
                "Good to know, thanks!",
                "Nice. Does it cost anything?",
                "Perfect, there will be {count} of us",
            ]),
            us_maybe(&[
                "See you then! Ask for the front desk.",
                "Looking forward to it!",
                "No charge for regulars 😄",
            ]),
        ],
    },
    Script {
        topic: Topic::Question,
        weight: 1,
        steps: &[
            them(&[
                "How often should I oil the chain? It squeaks when it's wet out",
                "Which {item} would you get for a {bike}?",
                "My {part} clicks but only uphill. Something to worry about?",
                "How much air should go in the tires of a {bike}? My pump shows two scales",
                "is it bad to leave a {bike} out in the rain for {count} days",
            ]),
            us(&[
                "Good question! Our mechanic says: little and often, and keep it dry. Come by and we'll show you.",
                "Depends on how much you ride. Send us a photo and we'll tell you more!",
                "Nothing to worry about, but bring it by and we'll have a quick look for free.",
            ]),
            them(&["Great advice, thanks", "ok will do 👍", "Ha, that's what my dad said too. Thank you"]),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::Question,
        weight: 1,
        steps: &[
            them(&[
                "Found a {color} {bike} near {street}, it has your sticker on it. Do you know whose it is?",
                "Someone stole my {bike} last night 😢 {color}, size {size}. Could you keep an eye out?",
                "Did I leave a {color} {item} at your counter on {day}?",
            ]),
            them_maybe(NUDGES),
            us(&[
                "Thank you for letting us know! Is there a number under the frame? We can look it up.",
                "Oh no, I'm so sorry. Send us a photo and we'll tell everybody here.",
                "Let me look in the lost and found...",
            ]),
            them(&[
                "Ends in {order} I think, hard to read",
                "Sure. Here's how to spot it:\n- {color} frame\n- scratched {part}\n- {item} on the back",
                "Thanks, I'd be so relieved",
            ]),
            us(&[
                "That's a match, I'll call the owner. You've made someone's day!",
                "Got it, it's on our board. Fingers crossed 🤞",
                "We have it! It's at the desk, under {order}.",
            ]),
            them_maybe(THANKS),
        ],
    },
];
