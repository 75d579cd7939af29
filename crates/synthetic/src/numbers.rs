//! Fictitious phone numbers in E.164 format.
//!
//! Each serial maps to a different number, so callers do not have to remember
//! the numbers that they have used. Workspaces and customers never share a
//! number. No number has the area code 415, which is left for manual tests of
//! the API.
//!
//! The ranges, in order of use:
//! 1. numbers for films and books: 555-01xx in North America, and the drama
//!    ranges of the United Kingdom, Ireland and France;
//! 2. other lines of the exchange 555, which is not assigned to subscribers;
//! 3. the country code 999, which is not in use.

/// North American area codes, without 415.
pub(super) const AREA_CODES: [u16; 120] = [
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229,
    231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304,
    305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 323, 325, 330, 334, 336, 337,
    347, 351, 352, 360, 361, 386, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 412, 413, 414, 416, 417,
    419, 423, 425, 432, 434, 435, 440, 443, 469, 478, 479, 480, 484, 501, 502, 503, 504, 505, 507, 508, 509,
    510, 512, 513, 514, 515, 516, 517, 518, 520, 530, 540, 541, 551, 604, 613,
];

const AREAS: u64 = AREA_CODES.len() as u64;

/// Lines 0100 to 0189 are for customers, 0190 to 0199 for workspaces.
const FILM_LINES: u64 = 90;
const FILM_FIRST: u64 = 100;
const SHOP_LINES: u64 = 10;
const SHOP_FIRST: u64 = 190;

/// Other lines of 555: 2000 to 8999 are for customers, 9000 to 9999 for workspaces.
const SPARE_LINES: u64 = 7_000;
const SPARE_FIRST: u64 = 2_000;
const SPARE_SHOP_LINES: u64 = 1_000;
const SPARE_SHOP_FIRST: u64 = 9_000;

/// The size of each drama range outside North America.
const UK_MOBILE: u64 = 1_000;
const IRELAND: u64 = 1_000;
const FRANCE_MOBILE: u64 = 1_000;

const FILM: u64 = AREAS * FILM_LINES;
const FICTION: u64 = FILM + UK_MOBILE + IRELAND + FRANCE_MOBILE;
const SPARE: u64 = AREAS * SPARE_LINES;
const SHOP: u64 = AREAS * SHOP_LINES;
const SPARE_SHOP: u64 = AREAS * SPARE_SHOP_LINES;

/// The number of values of the last eleven digits. They follow 999 and a digit
/// that separates customers from workspaces.
const LAST_RESORT: u64 = 100_000_000_000;

/// The stride through [`FICTION`], which makes the numbers of consecutive
/// serials look unrelated. It is a prime larger than every factor of the size,
/// and so coprime to it.
const FICTION_STRIDE: u64 = 5_741;
/// The stride through the numbers of workspaces.
const SHOP_STRIDE: u64 = 1_009;
/// The stride through the spare lines of customers.
const SPARE_STRIDE: u64 = 500_009;

/// A customer's number: unique for each serial below 10¹¹, never `+1415…`.
///
/// The first 13,800 serials have numbers for fiction, of which about 80 % are
/// North American. The next 840,000 have other numbers of the exchange 555, and
/// the rest begin with `+9991`.
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

/// A workspace's number: unique for each serial below 10¹¹, and different from
/// all customers' numbers.
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

/// The serial of the phone number `number` of the team `team`.
///
/// Uses Cantor's pairing function: every pair has its own serial, teams may have
/// any size, and small teams use few serials.
pub(super) fn team_serial(team: usize, number: usize) -> u64 {
    let (team, number) = (team as u64, number as u64);
    let diagonal = team.saturating_add(number);
    (diagonal.saturating_mul(diagonal.saturating_add(1)) / 2).saturating_add(number)
}

/// The number at the index `at` of the ranges for fiction.
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

/// The number at the index `at` of the exchange 555, starting with line `first`.
/// Each line is used in every area before the next line.
fn exchange_555(at: u64, first: u64) -> String {
    let area = AREA_CODES[(at % AREAS) as usize];
    format!("+1{area}555{:04}", first + at / AREAS)
}
