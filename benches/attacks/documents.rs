//! Hostile documents and tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Documents that the guard must refuse, with their names.
pub fn documents() -> Vec<(String, String)> {
    let mut documents = Vec::new();
    // The first depth exceeds the length limit of documents; the second does not.
    for depth in [20_000, 3_000] {
        let list = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let object = format!("{}1{}", "{a:".repeat(depth), "}".repeat(depth));
        for (kind, literal) in [("lists", list), ("objects", object)] {
            for (place, document) in [
                ("an argument", format!("{{ node(id: {literal}) {{ id }} }}")),
                ("a default", format!("query($x: [ID!] = {literal}) {{ nodes(ids: $x) {{ id }} }}")),
                ("a directive", format!("{{ viewer @include(if: {literal}) {{ id }} }}")),
            ] {
                documents.push((format!("{depth} nested {kind} in {place}"), document));
            }
        }
    }
    let mut doubling = "{ viewer { ...F0 } }".to_owned();
    for n in 0..30 {
        doubling += &format!(" fragment F{n} on Agent {{ ...F{0} ...F{0} }}", n + 1);
    }
    let cycle = "{ viewer { ...A } } fragment A on Agent { ...B } fragment B on Agent { ...A }";
    let aliases = |count: usize| (0..count).map(|n| format!("a{n}:x ")).collect::<String>();
    let few = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    let rest = [
        ("30 fragments that double each time", doubling + " fragment F30 on Agent { id }"),
        ("a cycle of fragments", cycle.to_owned()),
        ("10,000 aliases", format!("{{ {} }}", aliases(10_000))),
        ("600 aliases", format!("{{ {} }}", aliases(600))),
        ("50,000 directives", format!("{{ viewer {} {{ id }} }}", "@a".repeat(50_000))),
        ("8,000 directives", format!("{{ viewer {} {{ id }} }}", "@a".repeat(8_000))),
        ("16 KB of comment, then a syntax error", format!("#{}\n{{", "x".repeat(16_000))),
        ("16 KB of white space, then a syntax error", format!("{{a{}", " ".repeat(16_000))),
        ("16 KB of one string", format!("{{a(b:\"{}\")@a@a}}", few("\\u00e9", 16_000))),
        ("1,900 fields, then a syntax error", format!("{{{}", few("a ", 3_800))),
        ("1,900 fields", format!("{{{}}}", few("a ", 3_800))),
        ("30 levels of fields", format!("{}a{}", "{a".repeat(30), "}".repeat(30))),
        ("150 fragments in a chain", chain(150)),
        (
            "introspection that multiplies",
            format!("{{__schema{{types{{{}name{}}}}}}}", few("fields{type{", 48), "}}".repeat(4)),
        ),
    ];
    documents.extend(rest.map(|(name, document)| (name.to_owned(), document)));
    documents
}

fn chain(length: usize) -> String {
    let links = (0..length).map(|n| format!("fragment F{n} on Q{{...F{}}}", n + 1));
    format!("{{...F0}}{}fragment F{length} on Q{{a}}", links.collect::<String>())
}

/// Forged tokens with other algorithms, and an oversized one: their names and the values of `Authorization`.
pub fn forged_tokens() -> Vec<(String, String)> {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"0","workspace":"0","kind":"agent","exp":9999999999}"#);
    let algorithms = ["none", "NONE", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"];
    let mut tokens: Vec<_> = algorithms
        .iter()
        .map(|alg| {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#));
            (format!("a token with alg {alg}"), format!("Bearer {header}.{claims}.AAAA"))
        })
        .collect();
    tokens.push(("a token of 7 KB".to_owned(), format!("Bearer {}", "a.".repeat(3_500))));
    tokens
}
