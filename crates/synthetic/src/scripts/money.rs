//! Bills, refunds and quotes.

use super::super::threads::Topic;
use super::{NUDGES, Script, THANKS, WELCOME, them, them_maybe, us, us_maybe, us_more};

pub(super) const SCRIPTS: &[Script] = &[
    Script {
        topic: Topic::Billing,
        weight: 5,
        steps: &[
            them(&[
                "I think I was charged twice for order #{order}? Two lines of {amount} on my card.",
                "There's a {amount} charge from you that I don't recognise.",
                "My card got charged {amount} but the quote was {smaller} less. Can someone check?",
                "Could you look at invoice {order}? It still shows the {item} that I returned.",
                "Why is there a {smaller} fee on my bill for the {bike} service?",
                "I paid cash for the {part} on {day} and now there's an invoice for {amount} in my inbox",
                "got billed {amount} this morning, my {bike} isn't even done yet",
                "I was promised {smaller} off for the {item} and don't see it on the receipt.",
                "Question about my bill: what is 'shop supplies {smaller}'?",
                "Invoice {order} has the wrong name on it, my work won't reimburse it like that.",
            ]),
            them_maybe(&[
                "It's order {order} if that helps",
                "Paid with the card ending 0000, not the other one",
                "No rush, but I'd like it sorted before the end of the month.",
                "I can send a screenshot",
            ]),
            us(&[
                "Hi, sorry about that! Let me pull up the invoice and get right back to you.",
                "Thanks for telling us. Can you give me the order number or the date on the receipt?",
                "Good catch. I'm asking billing now, give me ten minutes.",
                "Oh no, that doesn't look right. Do you have the order number with you?",
                "Happy to check. Was that bought in the shop or online?",
            ]),
            them(&[
                "It's #{order}, from last {day}",
                "In the shop, {day} around {time}",
                "Yesterday. Order {order}",
                "Sure: {order}. Thanks for looking into it",
                "online i think? my husband did it. order {order}",
            ]),
            us(&[
                "Found it, our mistake. I've put it right and you'll see the money in 3 to 5 working days.",
                "You're right, that line shouldn't be there. A corrected invoice is on its way to your email.",
                "Got it: that one is only a hold and drops off by {day}. You won't pay it.",
                "I've taken {smaller} off and sent the difference back to your card. Sorry for the mix-up!",
                "Fixed. The invoice now says {amount} in total, nothing more to pay.",
            ]),
            them_maybe(&[
                "Will I get an email about the refund?",
                "Can you send me the receipt too? For my taxes",
                "So nothing else to do from my side?",
            ]),
            us_maybe(&[
                "Yes, you'll have it within the hour.",
                "Just sent it over. Check your spam folder if it's not there.",
                "All done on your side 👍",
            ]),
            them(THANKS),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::Billing,
        weight: 2,
        steps: &[
            them(&[
                "Can I pay the {amount} for my {bike} in two parts?",
                "Do you take cards over the phone? I can't come in before {day}.",
                "The payment link for order #{order} says expired",
                "Tried to pay {amount} online but it keeps spinning. Can you send a new link?",
                "Is it ok if my mom pays for the {bike} when she picks it up?",
                "Can I put {smaller} of store credit towards invoice {order}?",
                "How do I pay the deposit on the {bike}? {smaller}, right?",
            ]),
            us(&[
                "Sure thing! Half now and half at pickup works for us. Shall I set that up?",
                "That's no problem at all. Want me to send a fresh link to this number?",
                "Of course. You can pay by text, by phone or at the counter, whichever is easiest.",
                "Yes, we can do that. I'll make a note on the order for my colleague at the desk.",
            ]),
            them(&[
                "Yes please",
                "that would be great",
                "Perfect. {day} then",
                "Yes, and could you add the {item} to it?",
                "Easiest at the counter I guess. When do you close on {day}?",
            ]),
            us(&[
                "Done! It's all on order #{order} now.",
                "All set. We close at 6, at 4 on weekends.",
                "Noted. Anything else I can do?",
                "Sorted, and the {part} adjustment is on the house.",
            ]),
            them_maybe(THANKS),
        ],
    },
    Script {
        topic: Topic::Billing,
        weight: 2,
        steps: &[
            them(&[
                "Where is my refund for order #{order}? It's been {count} weeks.",
                "Still no refund for the {item}. You said by {day}.",
                "hey so the {amount} refund never arrived",
                "I returned the {color} {item} ages ago and my card shows nothing. {amount}!",
            ]),
            them_maybe(NUDGES),
            us(&[
                "I'm so sorry about the wait. I'm looking at it right now.",
                "That's far too long, apologies. Let me find out where it got stuck.",
                "Hi! It left us last {day}, but banks can take a while. Let me get you the reference.",
            ]),
            us_more(&[
                "OK, it bounced because the card had expired. Can I refund to a new one?",
                "Update: our bank shows it as paid on {day}. The reference is {order}.",
            ]),
            them(&[
                "Ok. I'll ask my bank",
                "I did get a new card, yes. Can I give you the number at the shop?",
                "Alright, I'll wait until {other_day} then",
                "hm ok. this is getting old though",
            ]),
            us(&[
                "Thank you for your patience. I'll check back with you on {other_day} myself.",
                "Please never text card numbers! Just stop by, or call and we'll take it over the phone.",
                "I've added {smaller} of store credit for the trouble. Not much, but we mean it.",
            ]),
            them_maybe(THANKS),
        ],
    },
    Script {
        topic: Topic::Quote,
        weight: 4,
        steps: &[
            them(&[
                "How much is a full tune up for a {bike}?",
                "Rough price to replace the {part} on a {bike}?",
                "Ballpark for a new {part}, fitted?",
                "I need {count} bikes serviced for our office, do you do a group price?",
                "What would it cost to turn my {bike} into an electric one?",
                "can u quote me for a {part} + {item} on a {bike}",
                "Do you buy used bikes? I have a {color} {bike}, size {size}, barely ridden.",
                "What do you charge to box up a {bike} for a flight?",
                "Price for the {color} {item} in {size}? It's not on your shelf anymore",
                "Hoping to get {count} {color} helmets for a scout group. Any discount?",
            ]),
            us(&[
                "Hi! Usually around {about}, parts included. Could you send a photo so I can be precise?",
                "Depends a little on the bike. How old is it, and when was the last service?",
                "We start at {about}. If it's more than that we text you first, always.",
                "Good question! For that we'd say {about}, give or take. When were you thinking?",
                "We can do {about} for that, and {smaller} less on weekdays.",
            ]),
            them(&[
                "It's a few years old I think. Last service never 😬",
                "Sending a pic in a sec",
                "More than I thought. Would a used part be cheaper?",
                "Sounds fair. How long would you keep it?",
                "ok and without labour? I'm handy",
                "My neighbour paid {smaller} less at yours last year fwiw",
            ]),
            us(&[
                "Then let's plan for {about}. We'd have it {count} days at most.",
                "We can look for a used one, that would take about {smaller} off.",
                "No worries. Bring it by and we'll look it over for free, no obligation.",
                "Ha, prices went up, but for you we can match that.",
            ]),
            them(&[
                "Deal. Can I bring it in on {day}?",
                "Let me think about it, I'll text you",
                "Go ahead please",
                "Ok I'll ask around and come back to you",
                "Great, see you {day} at {time}",
            ]),
            us(&[
                "Perfect, just ask for the service desk.",
                "No pressure at all! The price holds for 30 days.",
                "Lovely, I've put your name down.",
            ]),
            them_maybe(THANKS),
        ],
    },
];
