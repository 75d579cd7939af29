//! Conversations in other languages, in which the team answers in the same language.
//!
//! The lines use few placeholders, because the words for days, parts and colours are English.

use super::super::threads::Topic;
use super::{Script, them, them_maybe, us, us_maybe};

pub(super) const SCRIPTS: &[Script] = &[
    Script {
        topic: Topic::OrderStatus,
        weight: 1,
        steps: &[
            them(&[
                "Hola, ¿ya está lista mi bici? Orden {order}",
                "Buenas, ¿cuándo llega el pedido {order}? ¡Gracias!",
                "Hola! me dijeron que el pedido {order} llegaba ayer y nada 😕",
                "¿Tienen alguien que hable español? Es por la orden #{order}",
            ]),
            us(&[
                "¡Hola! Sí, ya está listo todo. Puede pasar hasta las 6.",
                "¡Buenas! Un momento, lo reviso enseguida.",
                "Claro que sí, con gusto. Llega mañana por la tarde.",
            ]),
            them(&["Perfecto, paso a las {time}", "Muchas gracias 🙏", "¿Y cuánto es en total?"]),
            us_maybe(&["¡Aquí le esperamos!", "Son {about}. ¡Que tenga buen día!", "¡A usted!"]),
        ],
    },
    Script {
        topic: Topic::Scheduling,
        weight: 1,
        steps: &[
            them(&[
                "Bonjour, est-ce possible de passer demain vers {time} ? Le frein arrière grince",
                "Bonjour ! Vous réparez aussi les vélos cargo ? J'ai rendez-vous, dossier {order}",
                "Coucou, je dois déplacer mon rendez-vous, désolée ! Dossier {order} 🙏",
            ]),
            us(&[
                "Bonjour ! Oui, bien sûr. À demain alors.",
                "Bonjour, pas de souci. Plutôt le matin ou l'après-midi ?",
                "Avec plaisir ! On vous garde une place demain.",
            ]),
            them(&["Super, merci beaucoup !", "Le matin, merci", "Parfait, à demain 🚲"]),
            us_maybe(&["C'est noté, bonne journée !", "À bientôt !"]),
        ],
    },
    Script {
        topic: Topic::Quote,
        weight: 1,
        steps: &[
            them(&[
                "Hallo, was kostet bei euch eine große Inspektion? Das Fahrrad ist ca. {count} Jahre alt",
                "Moin! Habt ihr noch Fahrradtaschen da? Brauche {count} Stück 😊",
                "Guten Tag, könnten Sie mir bitte ein Angebot für Auftrag {order} schicken? Danke!",
            ]),
            us(&[
                "Hallo! Das liegt bei etwa {about}, je nach Zustand.",
                "Moin! Ja, kommen Sie gern vorbei, wir haben bis 18 Uhr offen.",
                "Guten Tag! Schicke ich Ihnen gleich.",
            ]),
            them(&["Alles klar, danke schön!", "Super, bis morgen", "Puh, ok. Ich überlege es mir 😅"]),
            us_maybe(&["Gerne, bis dann!", "Kein Problem, melden Sie sich einfach."]),
        ],
    },
    Script {
        topic: Topic::Billing,
        weight: 1,
        steps: &[
            them(&[
                "Oi, tudo bem? Fui cobrado duas vezes no pedido {order}",
                "Olá! A bicicleta ficou ótima, mas a conta veio com {smaller} a mais 🤔",
                "Bom dia, vocês podem mandar a nota do pedido {order}? Obrigada!",
            ]),
            us(&[
                "Olá! Desculpe o transtorno, já estou verificando.",
                "Oi! Tem razão, vou devolver hoje mesmo.",
                "Bom dia! Claro, acabei de mandar por e-mail.",
            ]),
            them(&["Muito obrigado!", "Recebi, valeu 👍", "Ok, fico no aguardo"]),
            us_maybe(&["Imagina! Boas pedaladas 🚲", "De nada, até mais!"]),
        ],
    },
    Script {
        topic: Topic::OrderStatus,
        weight: 1,
        steps: &[
            them(&[
                "すみません、注文番号{order}はいつ届きますか？",
                "こんにちは。自転車の修理はもう終わりましたか？（受付{order}）",
                "はじめまして。子供用の自転車を{count}台探しています🚲",
            ]),
            us(&[
                "お問い合わせありがとうございます。確認しますので少々お待ちください。",
                "こんにちは！本日の夕方には仕上がります。",
            ]),
            them(&["ありがとうございます！", "助かります。よろしくお願いします🙇", "では明日伺います。"]),
            us_maybe(&["お待ちしております！", "いつでもどうぞ😊"]),
        ],
    },
    Script {
        topic: Topic::Question,
        weight: 1,
        steps: &[
            them(&[
                "مرحبا، هل المحل مفتوح اليوم؟ عندي طلب رقم {order}",
                "السلام عليكم، كم سعر تصليح الدراجة؟ عندي {count} دراجات",
                "مرحبا، متى تكون دراجتي جاهزة؟ رقم الطلب {order} 🙏",
            ]),
            us(&[
                "أهلاً! نعم، نحن هنا حتى الساعة 6 مساءً.",
                "وعليكم السلام! أرسل لنا صورة من فضلك ونخبرك بالسعر.",
            ]),
            them(&["شكراً جزيلاً", "تمام، سأمر عليكم اليوم", "الله يعطيكم العافية 🌹"]),
            us_maybe(&["على الرحب والسعة!", "بانتظارك 😊"]),
        ],
    },
    Script {
        topic: Topic::Question,
        weight: 1,
        steps: &[
            them(&[
                "Добрый день! Велосипед уже готов? Заказ {order}",
                "Вітаю! Чи є у вас дитячі шоломи? Потрібно {count} шт.",
                "您好，请问订单{order}什么时候能到？谢谢！",
                "안녕하세요, 주문번호 {order} 언제 도착하나요?",
                "xin chào, xe đạp của tôi xong chưa ạ? đơn {order} 🙏",
                "नमस्ते, क्या मेरी साइकिल ठीक हो गई? ऑर्डर {order}",
                "Καλημέρα! Είναι έτοιμο το ποδήλατό μου; Παραγγελία {order}",
            ]),
            them_maybe(&["(sorry, my english is not so good)", "English is ok too!", "🙏"]),
            us(&[
                "Hello! Yes, all good with #{order}, it's ready for you. Open till 6 today 😊",
                "Thank you for your message! I'll find a colleague who can help, one moment.",
            ]),
            them_maybe(&["Thank you very much!", "ok thank you 🙏", "👍"]),
        ],
    },
];
