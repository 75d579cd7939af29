//! Given and family names of many languages, and their order in each language.
//!
//! The names are common and their pairs random, so they do not refer to real people.

use rand::Rng;

use super::pick;

/// The names of one language.
struct Culture {
    given: &'static [&'static str],
    family: &'static [&'static str],
    order: NameOrder,
    /// Whether the names use Latin letters, which an e-mail address can be made from.
    latin: bool,
}

/// How a full name is written.
enum NameOrder {
    /// `Maya Osei`
    GivenFirst,
    /// `Kovács Anna`
    FamilyFirst,
    /// `田中芽衣`: family name first, without a space
    Joined,
}

/// Draws a name of any language and script.
pub(super) fn any_name(rng: &mut impl Rng) -> String {
    // Many names are English, as in a North American town.
    let at = if rng.random_bool(0.4) { 0 } else { rng.random_range(0..CULTURES.len()) };
    full_name(rng, &CULTURES[at])
}

/// Draws a name in Latin letters, which may have accents.
pub(super) fn latin_name(rng: &mut impl Rng) -> String {
    loop {
        let culture = &CULTURES[rng.random_range(0..CULTURES.len())];
        if culture.latin {
            return full_name(rng, culture);
        }
    }
}

fn full_name(rng: &mut impl Rng, culture: &Culture) -> String {
    let given = pick(rng, culture.given);
    let family = pick(rng, culture.family);
    match culture.order {
        NameOrder::GivenFirst => format!("{given} {family}"),
        NameOrder::FamilyFirst => format!("{family} {given}"),
        NameOrder::Joined => format!("{family}{given}"),
    }
}

const fn latin(given: &'static [&'static str], family: &'static [&'static str]) -> Culture {
    Culture { given, family, order: NameOrder::GivenFirst, latin: true }
}

const fn other(given: &'static [&'static str], family: &'static [&'static str], order: NameOrder) -> Culture {
    Culture { given, family, order, latin: false }
}

#[rustfmt::skip]
static CULTURES: [Culture; 24] = [
    // English, of many origins
    latin(
        &["Maya", "Grace", "Owen", "Hannah", "Caleb", "Ruth", "Dale", "Jasmine", "Tom", "Imani",
          "Wes", "Claire", "Darnell", "Bea", "Nate", "Lorraine", "Kit", "Aaliyah", "Ed", "Sylvie",
          "Marcus", "Joan", "Perry", "Tess", "Desmond", "Faye", "Rory", "Nell", "Curtis", "Ivy"],
        &["Whitlock", "Brooks", "Hale", "Mercer", "Okoro", "Lindsay", "Farrow", "Boone", "Castle",
          "Pruitt", "Ashby", "Greer", "Tolliver", "Marsh", "Underhill", "Vance", "Sorrel", "Quigg",
          "Dunmore", "Beckett-Shaw", "Holt", "Winslow", "Yates", "Ames", "Larkin", "Frost",
          "O'Dell", "McNair", "Rooke", "Penhale"],
    ),
    latin( // Spanish
        &["José", "Lucía", "Íñigo", "Rocío", "Mateo", "Belén", "Andrés", "Ximena", "Raúl", "Inés",
          "Joaquín", "Noemí"],
        &["Núñez", "Ibáñez", "Peña", "Castañeda", "Muñoz Rey", "Villaseñor", "Ávila", "Quiñones",
          "Rincón", "Solís", "Gálvez", "Zúñiga"],
    ),
    latin( // Portuguese
        &["João", "Conceição", "Thaís", "Simão", "Inês", "Antônio", "Letícia", "Caio"],
        &["Araújo", "Magalhães", "Brandão", "da Conceição", "Falcão", "Sequeira", "Leitão", "Simões"],
    ),
    latin( // French
        &["Zoé", "Gaël", "Héloïse", "Benoît", "Anaïs", "François", "Maëlle", "Loïc", "Océane"],
        &["Lefèvre", "Béranger", "Desprès", "Hébert", "Châtelain", "Garçon", "Noël", "Lacroix"],
    ),
    latin( // German
        &["Jürgen", "Käthe", "Björn", "Anneliese", "Sören", "Heike", "Götz", "Ulrike"],
        &["Müller", "Großmann", "Schröder", "Weiß", "Kühn", "Böhm", "Jäger", "von der Aue"],
    ),
    latin( // Polish
        &["Łukasz", "Żaneta", "Paweł", "Małgorzata", "Bogusław", "Agnieszka", "Michał", "Jagoda"],
        &["Wójcik", "Zieliński", "Dąbrowska", "Gołąb", "Jabłoński", "Śliwa", "Kaźmierczak", "Wróbel"],
    ),
    latin( // Czech and Slovak
        &["Ondřej", "Zdeňka", "Jiří", "Eliška", "Lukáš", "Růžena"],
        &["Dvořák", "Černá", "Šťastný", "Kučera", "Říha", "Horáková"],
    ),
    Culture { // Hungarian
        given: &["Zsófia", "Gergő", "Ildikó", "Ödön", "Csaba", "Réka"],
        family: &["Kovács", "Szűcs", "Bőhm", "Németh", "Fülöp", "Vörös"],
        order: NameOrder::FamilyFirst,
        latin: true,
    },
    latin( // Nordic
        &["Åsa", "Søren", "Þóra", "Jørgen", "Märta", "Väinö", "Sigrún", "Øystein"],
        &["Ångström", "Kjær", "Guðmundsdóttir", "Bjørnstad", "Höglund", "Mäkelä", "Sæther", "Lindqvist"],
    ),
    latin( // Turkish
        &["Ayşe", "Çağla", "İbrahim", "Gökhan", "Özlem", "Tuğba"],
        &["Yıldız", "Şahin", "Öztürk", "Çelik", "Kılıç", "Doğan"],
    ),
    latin( // Vietnamese
        &["Thảo", "Đức", "Hương", "Quỳnh", "Tuấn", "Ngọc"],
        &["Nguyễn", "Trần", "Phạm", "Đặng", "Võ", "Lưu"],
    ),
    latin( // West African
        &["Adwoa", "Chidi", "Ọlá", "Fatoumata", "Kwabena", "Ngozi", "Sékou", "Yetunde"],
        &["Asante", "Ẹgbẹ́", "Diallo", "Nwosu", "Traoré", "Boateng", "Adéyẹmí", "Ndiaye"],
    ),
    latin( // East African
        &["Wanjiru", "Selam", "Otieno", "Hodan", "Juma", "Tigist"],
        &["Kamau", "Tesfaye", "Achieng", "Warsame", "Mwangi", "Bekele"],
    ),
    latin( // Indian, romanised
        &["Priya", "Arjun", "Lakshmi", "Harpreet", "Nikhil", "Meenakshi", "Farhan", "Anjali"],
        &["Raman", "Chatterjee", "Gill", "Iyer", "Deshpande", "Nair", "Siddiqui", "Patil"],
    ),
    latin( // Hawaiian, Māori and Samoan
        &["Kalani", "Noelani", "Wiremu", "Aroha", "Sione", "Leilani"],
        &["Kahananui", "Ngātā", "Tūhoe", "Faleolo", "Kealoha", "Māhina"],
    ),
    other( // Japanese
        &["芽衣", "健太", "さくら", "大輔", "美咲", "蓮"],
        &["田中", "佐藤", "小林", "渡辺", "山口", "森"],
        NameOrder::Joined,
    ),
    other( // Chinese
        &["伟", "秀英", "晓明", "丽", "子涵", "建国"],
        &["王", "李", "张", "陈", "欧阳", "赵"],
        NameOrder::Joined,
    ),
    other( // Korean
        &["지우", "민준", "서연", "하은", "도윤", "수빈"],
        &["김", "이", "박", "최", "정", "한"],
        NameOrder::Joined,
    ),
    other( // Arabic
        &["ليلى", "يوسف", "نور", "عمر", "هدى", "سامي"],
        &["حداد", "الخطيب", "منصور", "النجار", "عيسى", "درويش"],
        NameOrder::GivenFirst,
    ),
    other( // Hebrew
        &["נועה", "איתן", "תמר", "יונתן", "שירה"],
        &["לוי", "מזרחי", "פרץ", "אברהמי", "ביטון"],
        NameOrder::GivenFirst,
    ),
    other( // Cyrillic
        &["Юлия", "Олена", "Дмитрий", "Богдан", "Светлана", "Ґалина"],
        &["Соколова", "Шевчук", "Ёлкин", "Мельник", "Жукова", "Їжак"],
        NameOrder::GivenFirst,
    ),
    other( // Greek
        &["Ελένη", "Γιώργος", "Μαρία", "Νίκος", "Σοφία"],
        &["Παπαδάκης", "Γεωργίου", "Νικολάου", "Βασιλείου", "Καραγιάννη"],
        NameOrder::GivenFirst,
    ),
    other( // Hindi
        &["प्रिया", "अर्जुन", "मीना", "रोहित", "सुनीता"],
        &["शर्मा", "वर्मा", "गुप्ता", "यादव", "मिश्रा"],
        NameOrder::GivenFirst,
    ),
    other( // Thai
        &["สมชาย", "มาลี", "อนันต์", "ปราณี", "นิดา"],
        &["ใจดี", "ศรีสุข", "วงศ์ทอง", "แสงจันทร์", "บุญมา"],
        NameOrder::GivenFirst,
    ),
];
