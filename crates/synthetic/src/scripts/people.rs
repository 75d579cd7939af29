//! Complaints, compliments and wrong numbers.

use super::super::threads::Topic;
use super::{NUDGES, Script, THANKS, WELCOME, them, them_maybe, us, us_maybe};

pub(super) const SCRIPTS: &[Script] = &[
    Script {
        topic: Topic::Complaint,
        weight: 3,
        steps: &[
            them(&[
                "I'm pretty disappointed. The {part} you fixed on {day} is already broken again.",
                "Picked up my {bike} and there's a new scratch on the frame. It wasn't there before!",
                "Third time I've asked about order {order}. Nobody answers.",
                "Waited 40 minutes on {day} with an appointment at {time}. Not ok.",
                "Paid {amount} for a tune up and the {part} still squeaks",
                "You told me {day}, then {other_day}, now next week?? I need my {bike}.",
                "The guy at the desk was really short with my daughter when she asked about her {bike}.",
                "I was told the {item} was waterproof. It is not. My phone is.. was.. in it",
                "Honestly the worst {item} I ever bought, fell apart after {count} rides",
                "WHY does the {bike} come back with less air in the tires than before",
                "My {part} was put on backwards. I'm no mechanic but come on 🙄",
            ]),
            them_maybe(&[
                "I've been a customer for {count} years btw",
                "I expect someone to call me today.",
                "Photos on request.",
                "Not angry, just would like it fixed",
            ]),
            them_maybe(NUDGES),
            us(&[
                "I'm really sorry, that's not how we want it to go. Can I make it right today?",
                "That's on us. Please come by whenever you like and we'll put it right.",
                "Thank you for being honest. I'll talk to the team, and I'd like to hear more if you have a minute.",
                "I completely understand. Let me see what happened and come back to you within the hour.",
                "Oh no. Could you send a photo? We'll sort it, I promise.",
            ]),
            them(&[
                "I can come on {day} at {time} but I don't want to wait again",
                "Ok. I appreciate you answering at least",
                "I'd rather have my {amount} back",
                "It's fine, just tell them to be nicer",
                "Fine. Last chance though",
            ]),
            us(&[
                "You'll be first in line, I'll take care of it myself.",
                "Understood. {amount} is on its way back to your card.",
                "Thank you. And {smaller} off your next visit, for the bother.",
                "I will, and thank you for telling us.",
            ]),
            them(&[
                "Thanks, that's decent of you",
                "ok let's see",
                "Alright. I'll be there",
                "Appreciate it. Sorry if I was a bit harsh",
                "All good now. Works like new!",
            ]),
            us_maybe(WELCOME),
        ],
    },
    Script {
        topic: Topic::Thanks,
        weight: 3,
        steps: &[
            them(&[
                "Just wanted to say the {bike} rides like new. Thank you!!",
                "The person who fixed my {part} on {day} is a genius",
                "The {color} {item} is perfect, my son won't take it off 😄",
                "Shout out to your team for staying late on {day}. You saved our trip",
                "First ride on the {color} {bike} today. {count}0 miles and still smiling 🚴‍♀️",
                "Thanks for the loaner! Dropped it off at {time}, key's in the box.",
                "got home safe on the new {bike}, thank u for everything ❤️",
                "{count} hills, zero squeaks. Best {amount} I ever spent.",
                "My {bike} passed its first rainy week. Whatever you did to the {part}, it works",
            ]),
            us(&[
                "That made our day, thank you! 💛",
                "So happy to hear that! I'll pass it on to the mechanics.",
                "Aww, thanks for telling us. Enjoy every mile!",
                "Reading this out loud in the workshop right now 😄",
            ]),
            them_maybe(&[
                "Please do, they deserve it",
                "Do you have a tip jar? Serious question",
                "I'll be back for a {item} soon",
                "haha say hi to them",
            ]),
            us_maybe(&["Cookies are always welcome 🍪", "See you then!", "They say hi back!"]),
        ],
    },
    Script {
        topic: Topic::WrongNumber,
        weight: 1,
        steps: &[
            them(&[
                "Are you still coming for dinner at {time}? Bring the {color} bowl",
                "mom can you pick me up at {other_time}",
                "Is the apartment at {street} still available?",
                "This is for the plumber: the sink is leaking AGAIN, {street}",
                "Hey it's me, new phone. Did you feed the cat",
                "The {day} practice is moved to {other_day}, tell the other parents pls",
                "Doctor says {time} on {day} is fine, can you drive grandpa?",
                "Landed! Where are you parked? I have {count} suitcases",
                "u left your {color} scarf at mine",
            ]),
            us(&[
                "Hi! I think you have the wrong number, this is a bike shop 🚲",
                "Sounds important, but this is a bicycle shop. You may want to check the number!",
                "Wrong number I'm afraid, though we'd love to help if it has two wheels.",
            ]),
            them(&[
                "Oh! So sorry 🙈",
                "omg sorry wrong person",
                "Haha ok. Do you sell bikes for kids though?",
                "Oops. Have a nice day!",
                "my bad",
            ]),
            us_maybe(&[
                "No worries, happens all the time!",
                "We sure do! From 12 inch up. Come by any day, 10 to 6.",
                "All good, take care!",
            ]),
        ],
    },
    Script {
        topic: Topic::Thanks,
        weight: 1,
        steps: &[
            them(&[
                "Finished my first {count}00 miles on the {bike} you built. Some notes:\n\n- {part}: silent\n- {item}: love it\n- me: sore",
                "Hi all, we moved away from {street} so this is goodbye. Thanks for {count} good years with the {color} {bike}!",
                "You lent a pump to a stranger on {day} near {street}. That was me. Got home fine, thank you 🙏",
            ]),
            us(&[
                "What a lovely message. Thank you!",
                "We'll miss you! Come say hi when you're in town.",
                "That's what we're here for. Happy riding!",
            ]),
            them_maybe(THANKS),
        ],
    },
];
