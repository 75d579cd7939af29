//! Phone numbers in E.164 that belong to nobody.
//!
//! Each serial has one number and no two serials share one, so callers need
//! no memory of what they have used. A workspace's numbers and customers'
//! numbers never meet, and no number has the area code 415: that one is left
//! to whoever tries the API by hand.
//!
//! Ranges in the order in which they are used:
//! 1. those set aside for films and books: 555-01xx in North America, and the
//!    drama ranges of the United Kingdom, Ireland and France;
//! 2. other lines of the exchange 555, which subscribers are not given;
//! 3. the country code 999, which is not in use.

/// North American area codes, of which 415 is deliberately none.
pub(super) const AREA_CODES: [u16; 120] = [
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229,
    231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304,
    305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 323, 325, 330, 334, 336, 337,
    347, 351, 352, 360, 361, 386, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 412, 413, 414, 416, 417,
    419, 423, 425, 432, 434, 435, 440, 443, 469, 478, 479, 480, 484, 501, 502, 503, 504, 505, 507, 508, 509,
    510, 512, 513, 514, 515, 516, 517, 518, 520, 530, 540, 541, 551, 604, 613,
];

const AREAS: u64 = AREA_CODES.len() as u64;

/// Lines 0100 to 0189 are customers', 0190 to 0199 are workspaces'.
const FILM_LINES: u64 = 90;
const FILM_FIRST: u64 = 100;
const SHOP_LINES: u64 = 10;
const SHOP_FIRST: u64 = 190;

/// Further lines of 555: 2000 to 8999 are customers', 9000 to 9999 workspaces'.
const SPARE_LINES: u64 = 7_000;
const SPARE_FIRST: u64 = 2_000;
const SPARE_SHOP_LINES: u64 = 1_000;
const SPARE_SHOP_FIRST: u64 = 9_000;

/// How many numbers each foreign drama range gives.
const UK_MOBILE: u64 = 1_000;
const IRELAND: u64 = 1_000;
const FRANCE_MOBILE: u64 = 1_000;

const FILM: u64 = AREAS * FILM_LINES;
const FICTION: u64 = FILM + UK_MOBILE + IRELAND + FRANCE_MOBILE;
const SPARE: u64 = AREAS * SPARE_LINES;
const SHOP: u64 = AREAS * SHOP_LINES;
const SPARE_SHOP: u64 = AREAS * SPARE_SHOP_LINES;

/// Eleven digits follow 999 and the digit that tells customers from workspaces.
const LAST_RESORT: u64 = 100_000_000_000;

/// Steps through [`FICTION`] so that neighbours in serial are strangers in
/// number. A prime larger than every factor of the size, hence coprime to it.
const FICTION_STRIDE: u64 = 5_741;
/// The same for the numbers of workspaces.
const SHOP_STRIDE: u64 = 1_009;
/// The same for the spare lines of customers.
const SPARE_STRIDE: u64 = 500_009;

/// A customer's number: unique for each serial below 10¹¹, never `+1415…`.
///
/// The first 13,800 serials have numbers set aside for fiction, about four in
/// five of them North American; the next 840,000 have other numbers of the
/// exchange 555, and the rest begin with `+9991`.
#[must_use]
pub fn customer_number(serial: u64) -> String {
    if serial < FICTION {
        return fiction(serial * FICTION_STRIDE % FICTION);
    }
    let serial = serial - FICTION;
    if serial < SPARE {
        return exchange_555(serial * SPARE_STRIDE % SPARE, SPARE_FIRST);
    }
    format!("+9991{:011}", (serial - SPARE) % LAST_RESORT)
}

/// A workspace's own number: unique for each serial below 10¹¹, and no
/// customer's.
///
/// The first 1,200 serials have lines 0190 to 0199 of the exchange 555.
#[must_use]
pub fn workspace_number(serial: u64) -> String {
    if serial < SHOP {
        return exchange_555(serial * SHOP_STRIDE % SHOP, SHOP_FIRST);
    }
    let serial = serial - SHOP;
    if serial < SPARE_SHOP {
        return exchange_555(serial, SPARE_SHOP_FIRST);
    }
    format!("+9992{:011}", (serial - SPARE_SHOP) % LAST_RESORT)
}

/// The serial of the `number`th number of the `team`th team.
///
/// Cantor's pairing: no team and number share a serial with others, teams may
/// have any size, and small ones use up few serials.
pub(super) fn team_serial(team: usize, number: usize) -> u64 {
    let (team, number) = (team as u64, number as u64);
    let diagonal = team.saturating_add(number);
    (diagonal.saturating_mul(diagonal.saturating_add(1)) / 2).saturating_add(number)
}

/// The `at`th number of those set aside for fiction.
fn fiction(at: u64) -> String {
    if at < FILM {
        return exchange_555(at, FILM_FIRST);
    }
    let at = at - FILM;
    if at < UK_MOBILE {
        return format!("+447700900{at:03}");
    }
    let at = at - UK_MOBILE;
    if at < IRELAND {
        return format!("+353209100{at:03}");
    }
    format!("+33639980{:03}", at - IRELAND)
}

/// The `at`th number of the exchange 555 when lines are counted from `first`
/// and each line is used in every area before the next one is.
fn exchange_555(at: u64, first: u64) -> String {
    let area = AREA_CODES[(at % AREAS) as usize];
    format!("+1{area}555{:04}", first + at / AREAS)
}
