//! Single messages of customers, and messages of both sides that fit any topic.

use super::talk::Rule;

/// A customer's thanks at the end of a conversation.
pub(super) const THANKS: &[&str] = &[
    "Thanks so much!",
    "Perfect, thank you",
    "great thx",
    "You're the best 🙌",
    "Thank you for the quick answer.",
    "ok cool, appreciate it",
    "Awesome, thanks for sorting that",
    "👍",
    "ty!!",
    "Brilliant. Have a good one!",
];

/// The team's answers to thanks.
pub(super) const WELCOME: &[&str] = &[
    "Anytime! Have a lovely day.",
    "You're very welcome 😊",
    "Happy to help. Ride safe!",
    "No problem at all. Text us here whenever you need something.",
    "Our pleasure. Enjoy the ride!",
    "Of course! We're here till 6 if anything else comes up.",
    "Glad we could sort it. Take care!",
];

/// A customer's next messages while they wait for an answer.
pub(super) const NUDGES: &[&str] = &[
    "Hello? Anyone there?",
    "Just checking you got my last message",
    "Any news?",
    "??",
    "Sorry to nag, but could someone get back to me today?",
    "Bumping this in case it got lost 🙂",
    "Still waiting to hear back...",
    "Did you see my text?",
    "hi, any update on this",
    "I'll try calling if texting doesn't work, just let me know.",
    "Sorry, forgot to say: {day} would be best for me",
    "Oh and it's the {color} one, in case that matters",
    "No hurry by the way, whenever you get to it",
    "I can also come by in person, I'm on {street} this afternoon",
];

/// A customer's messages after their conversation was closed.
pub(super) const RETURNING: &[&str] = &[
    "Me again 🙈 The {part} started clicking on the way home.",
    "Sorry, one more thing about order #{order}: can I still add a {item}?",
    "The {part} is doing it again. Should I bring the {bike} back?",
    "Hi again, it's me with the {color} {bike}. Is it normal that the {part} is a bit stiff?",
    "Thanks for last week! Now my wife wants the same {item}. Do you have another?",
    "I thought we were done but my bank shows {amount} once more?",
    "Picked it up, rides like new. Thank you all!",
    "Just saw your text now, sorry! {day} still ok?",
    "I changed my mind, I'll take the {item} after all",
    "Back from holidays. Could I book that service now? {day} or {other_day}",
    "Update: the {item} fits perfectly 👍",
    "So it's been {count} days and the refund isn't there yet. Could you check?",
    "Do you still have my old {part}? I'd like to keep it",
    "Hey it's {street} again. The parcel never came",
    "New season, new squeak. Can I come by {day}?",
    "Forgot my {item} at your place I think. Did anyone find it?",
    "My son wants to know if the mechanic is single. Just passing it on 😂",
    "You asked me to report back after {count} rides: all good, {part} is silent!",
    "I left a note in the box with order {order}, did anybody see it?",
    "quick q: how tight should the {part} be? feels loose after {count} rides",
];

/// A customer's next messages on another topic.
pub(super) const OWN_ACCORD: &[&str] = &[
    "One more thing: do you also sell a {item}?",
    "Oh, and could you check the {part} while you're at it?",
    "Can I bring a second bike along? The {bike}",
    "Actually, what are your hours on {day}?",
    "Forgot to ask: do I need to bring anything?",
    "Can someone else pick it up for me?",
    "Can I change that to {day}? Something came up",
    "ok good to know",
    "Let me check with my husband and text you back",
    "Thanks! I'll let you know.",
    "Alright 🙂",
    "Will that be more than {smaller}?",
    "Got it. And the {item}, is that extra?",
    "Great. Could you text me when it's done?",
    "Quick question about the receipt, whom do I ask?",
    "Just rode past, you look busy today! I'll come {day}",
];

/// A rep's answers when no rule matches.
pub(super) const ACKNOWLEDGEMENTS: &[&str] = &[
    "Hi! Thanks for your text. Let me look into it and get right back to you.",
    "Thanks for letting us know! Anything we can do for you?",
    "Got it, thank you 👍",
    "Sure thing. Give me a few minutes to check.",
    "Hey, thanks for reaching out! One moment please.",
    "Understood. I'll make a note and text you when there's news.",
    "No problem! Could you send your order number or a photo, so I can see what we're dealing with?",
    "Noted! Is there a good time to call you, or is text better?",
];

/// A customer's next message, selected by words of the team's message.
pub(super) const FOLLOW_UPS: &[Rule] = &[
    Rule {
        marks: &["¿", "¡", "gusto"],
        lines: &["¡Perfecto, muchas gracias!", "Mañana paso entonces 👍", "¿Hasta qué hora abren el sábado?"],
    },
    Rule {
        marks: &["bonjour", "plaisir", "souci"],
        lines: &["Merci beaucoup !", "Parfait, à demain alors", "Et ça coûterait combien à peu près ?"],
    },
    Rule {
        marks: &["hallo", "gerne", "alles klar", "moin"],
        lines: &["Super, danke!", "Passt, bis morgen 👋", "Und was würde das ungefähr kosten?"],
    },
    Rule {
        marks: &["olá", "claro", "imagina", "oi!"],
        lines: &["Obrigada! 🙏", "Pode ser, amanhã eu passo aí", "E quanto fica mais ou menos?"],
    },
    Rule {
        marks: &["です", "ます", "ました"],
        lines: &["ありがとうございます！", "了解です。明日伺います🚲", "料金はいくらくらいですか？"],
    },
    Rule {
        marks: &["أهلاً", "سرور", "بك"], lines: &["شكراً لكم 🌹", "تمام، سأمر غداً إن شاء الله"]
    },
    Rule {
        marks: &["wrong number"],
        lines: &["Oh! So sorry 🙈", "haha oops. have a good day", "Sorry!! Wrong person"],
    },
    Rule {
        marks: &["photo"],
        lines: &[
            "Sure, sending one when I'm home",
            "Hard to photograph, but the {part} wobbles when I push it",
            "Phone camera is broken, can I just show you on {day}?",
            "ok 1 sec",
        ],
    },
    Rule {
        marks: &["order number"],
        lines: &[
            "It's #{order}",
            "{order}",
            "Don't have it here, it's under my wife's name",
            "I think {order}? from {day}",
        ],
    },
    Rule {
        marks: &[
            "work?",
            "works!",
            "better?",
            "suits you",
            "ok?",
            "squeeze you in",
            "would that help",
            "booked",
        ],
        lines: &[
            "{day} at {time} is perfect",
            "Works for me!",
            "Hm, is there anything later?",
            "Yes please. Name and number as always",
            "{other_day} would be better actually",
            "Can't that day, sorry. Next week?",
            "See you then 👍",
        ],
    },
    Rule {
        marks: &["money back", "different size"],
        lines: &["Money back please", "Different size, {size} if you have it", "Can I decide at the shop?"],
    },
    Rule {
        marks: &["ready", "come by", "came in", "at the desk", "bring it in"],
        lines: &[
            "On my way!",
            "Great, I'll be there around {other_time}",
            "Could you keep it until {day}?",
            "How much do I owe you?",
            "Yay 🎉 see you later",
        ],
    },
    Rule {
        marks: &["around $", "between $", "we charge", "10% off"],
        lines: &[
            "OK, go ahead",
            "Bit more than I hoped. Any cheaper option?",
            "Sounds fair, let's do it",
            "Let me sleep on it",
            "Does that include the {part}?",
        ],
    },
    Rule {
        marks: &["refund", "card", "invoice", "billing", "charged"],
        lines: &[
            "Thanks for sorting that out",
            "Ok, I'll watch for it",
            "It still says {amount} on my side, but I'll wait",
            "Got the email, all good now",
            "So I don't need to do anything?",
        ],
    },
    Rule {
        marks: &["sorry", "apologies", "patience"],
        lines: &[
            "No worries, thanks for answering",
            "Ok. Please do let me know today",
            "It's fine, I know you're busy",
            "Appreciate it",
            "ok but I really need it by {day}",
        ],
    },
    Rule {
        marks: &["welcome", "anytime", "pleasure", "ride safe", "take care", "happy to help"],
        lines: &[
            "🙂",
            "You too!",
            "See you soon",
            "Actually, one more thing: do you have a {item} in {color}?",
            "👋",
        ],
    },
    Rule {
        marks: &["let me", "one moment", "minute", "looking", "i'll text", "right back"],
        lines: &[
            "Ok thank you",
            "Sure, take your time",
            "Thanks! I'm around all day",
            "great, text is fine",
            "👍",
            "Any luck?",
        ],
    },
    Rule {
        marks: &["?"],
        lines: &[
            "Yes please",
            "Yes, that would be great",
            "No, that's all, thank you",
            "Not sure, what would you do?",
            "Text is better",
        ],
    },
];
