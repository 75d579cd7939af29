//! Orders, deliveries and returns.

use super::super::threads::Topic;
use super::{NUDGES, Script, THANKS, WELCOME, them, them_maybe, us, us_maybe, us_more};

pub(super) const SCRIPTS: &[Script] = &[
    Script {
        topic: Topic::OrderStatus,
        weight: 6,
        steps: &[
            them(&[
                "Any update on order #{order}?",
                "Is the {color} {item} I ordered in yet?",
                "Tracking for {order} hasn't moved since {day}. Is it lost?",
                "When will the {item} be back in stock? I'm on the waiting list",
                "I ordered a {bike} in {size} {count} weeks ago, do you have a date for me?",
                "wheres my {item}",
                "Will order #{order} get here before {day}? It's a birthday present 🎁",
            ]),
            them_maybe(&[
                "I'm at work until {other_time} so text is best",
                "It's under my wife's name I think",
                "the confirmation mail says {day}",
                "Address is {street}",
            ]),
            us(&[
                "Hi there! Let me check with the carrier, one moment.",
                "Hey! Looking it up now 🔎",
                "Thanks for texting. I see order #{order} here, let me ask the stock room.",
                "Good timing, I'm right beside the stock room. Checking for you!",
                "Sorry to keep you guessing. I'll find out right away.",
            ]),
            us_more(&[
                "OK so: it's at the depot and will be out for delivery on {day}.",
                "Found it! It's on our shelf with your name on it.",
                "The supplier moved it to {day}, I'm sorry. Would the {color} one do? We have that here.",
                "Not lost, just late: the carrier had a breakdown. {day} for sure.",
            ]),
            them(&[
                "Ok great. Do I need to be home?",
                "Nice, can I pick it up at {time}?",
                "Hmm. {other_day} at the latest please, we leave on a trip",
                "Ok, thanks for checking so fast",
                "Fine by me",
                "ugh ok. nothing you can do?",
            ]),
            us(&[
                "No need, they'll leave it by the door unless you tell us otherwise.",
                "Sure! We're open 10 to 6, bring an ID or the order number.",
                "I've asked them to hurry and I'll text you as soon as I hear anything.",
                "If it's not there by {other_day} we'll send a new one, no questions asked.",
                "I've upgraded you to express, on us.",
            ]),
            them(THANKS),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::OrderStatus,
        weight: 2,
        steps: &[
            them(&[
                "Can I change the address on order #{order} to {street}?",
                "Is it too late to add a {item} to order {order}?",
                "I ordered a {item} in {size} and the confirmation says {color}, no size at all?",
                "got the {item} today but the box was missing the screws. order {order}",
                "You sent me the {color} {item}, I ordered the other one. #{order}",
                "Please cancel the {item} from order {order}, keep the rest",
            ]),
            us(&[
                "Hi! Caught it just in time. Changed, you'll get a new confirmation in a minute.",
                "No problem, I've fixed that on order #{order} for you.",
                "Sorry about that! I've put it right and it goes out on {day}.",
            ]),
            them(THANKS),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::OrderStatus,
        weight: 3,
        steps: &[
            them(&[
                "Is my {bike} ready?",
                "Hi, just wondering if the {bike} is done. Dropped it off {day}",
                "hows my {bike} doing 🚲",
                "You said {day} for the {part}, is that still on?",
                "Any word on my {color} {bike}? Ticket {order}",
                "Do you know yet what's wrong with the {part}?",
            ]),
            us(&[
                "It's on the stand as we speak! Should be ready around {other_time}.",
                "Ready and waiting for you! {amount}, pick up any time before 6.",
                "Almost. We're waiting for a {part}, it should come {other_day}.",
                "Hi! We found that the {part} is worn too. {smaller} more if we do it now. Shall we?",
                "The mechanic is giving it a test ride right now. Ten minutes!",
            ]),
            them(&[
                "Great, I'll come by after work",
                "Yes please do it",
                "Could you hold it until {other_day}? Can't get away before",
                "Oh that's quicker than I thought, thanks!",
                "Is there any way to have it sooner? I commute on it",
                "Do it, but please not more than {amount} in total",
            ]),
            us(&[
                "Of course, no problem!",
                "Will do. We'll text you when it's ready.",
                "No problem, we'll keep it inside where it's dry.",
                "We can lend you a bike until then, free of charge. Just ask at the desk.",
            ]),
            them_maybe(&[
                "You guys are great",
                "Perfect",
                "ok on my way",
                "Running late, there by {other_time}!",
                "thx 🙏",
            ]),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::Returns,
        weight: 4,
        steps: &[
            them(&[
                "Can I return the {item} from order #{order}? It doesn't fit.",
                "The {item} I got is too small. Can I swap it for {size}?",
                "What's your return policy? Bought a {color} {item} on {day}",
                "The {item} stopped working after {count} days. Is that under warranty?",
                "i'd like to send back the {item}, never opened. how?",
                "I got the {item} in {color} but wanted a different colour, can I exchange it",
                "Lost the receipt for my {item}, can I still return it?",
                "One strap of the {color} {item} snapped off on the first ride. Order {order}.",
                "My kid already has a {item}, so we have two now. Can I bring one back?",
            ]),
            them_maybe(&[
                "It was {amount}",
                "I still have the box and everything",
                "Only used once!",
                "Photo coming",
            ]),
            us(&[
                "Of course! Unused things can come back within 60 days, with or without the receipt.",
                "Sorry it didn't work out. Would you like a different size, or your money back?",
                "That shouldn't happen. It's under warranty, we'll replace it. Can you come in?",
                "No problem. I can email you a label for order #{order}, or you bring it to the shop.",
            ]),
            them(&[
                "A different size please. {size}?",
                "Money back if possible",
                "I'll bring it in on {day}",
                "Label please, I live an hour away",
                "Do I have to pay for shipping?",
                "store credit is fine too",
            ]),
            us(&[
                "We have that in {color}. I'll put one aside until {day}.",
                "Shipping is on us. The label is in your email now.",
                "Great, just hand it over at the desk, I've left a note.",
                "All right. As soon as it's back you'll get {amount} on the same card.",
            ]),
            them_maybe(&[
                "Dropped it off at the post just now",
                "Didn't get the label yet?",
                "The {color} one sounds good",
            ]),
            us_maybe(&[
                "Got it, thank you! It takes about {count} days.",
                "I've sent it once more, please check the spam folder too.",
                "Lovely choice.",
            ]),
            them(THANKS),
        ],
    },
    Script {
        topic: Topic::Returns,
        weight: 1,
        steps: &[
            them(&[
                "I sent the {item} back on {day}, did you get it? Tracking says yes",
                "Return for order {order}: it's been {count} days and no word",
                "The exchange you sent is also the wrong size 😩 I asked for {size}",
            ]),
            them_maybe(NUDGES),
            us(&[
                "It's here! I'm unpacking it now, sorry for the delay.",
                "Oh no. Keep it for now, the right one goes out today by courier.",
                "Let me walk over to the returns shelf and look.",
            ]),
            them(&["Thank you!", "ok. please let me know", "Finally 🎉", "What a saga, haha. Thanks"]),
            us_maybe(WELCOME),
        ],
    },
];
