//! The Twilio webhook, which receives customers' messages.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::app::{App, TWILIO_PATH, TWILIO_PUBLIC_URL, TWILIO_TOKEN};
use crate::support::outcome::text;
use crate::support::world::{World, customer};

type Form = BTreeMap<&'static str, String>;

/// The form of a message from Twilio.
fn sms(sid: &str, from: &str, to: &str, body: &str) -> Form {
    BTreeMap::from([
        ("MessageSid", sid.to_owned()),
        ("SmsSid", sid.to_owned()),
        ("AccountSid", "AC00000000000000000000000000000000".to_owned()),
        ("From", from.to_owned()),
        ("To", to.to_owned()),
        ("Body", body.to_owned()),
        ("NumMedia", "0".to_owned()),
        ("NumSegments", "1".to_owned()),
        ("FromCountry", "US".to_owned()),
        ("ApiVersion", "2010-04-01".to_owned()),
    ])
}

/// The value of `X-Twilio-Signature`: HMAC-SHA1 of the URL and each field's name and value, ordered by name.
fn signature(token: &str, url: &str, form: &Form) -> String {
    let mut signed = url.to_owned();
    for (name, value) in form {
        signed.push_str(name);
        signed.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
}

fn public_url() -> String {
    format!("{TWILIO_PUBLIC_URL}{TWILIO_PATH}")
}

struct Answer {
    status: u16,
    content_type: String,
    body: String,
}

async fn post(app: &App, form: &Form, signature: Option<&str>) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = app
        .http()
        .post(app.url(TWILIO_PATH))
        .header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
        .body(body);
    if let Some(signature) = signature {
        request = request.header("X-Twilio-Signature", signature);
    }
    let answer = request.send().await.expect("the server answers");
    let content_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    Answer { status: answer.status().as_u16(), content_type, body: answer.text().await.expect("a body") }
}

/// Posts a correctly signed form. Asserts that the response is empty TwiML.
async fn deliver(app: &App, form: &Form) {
    let answer = post(app, form, Some(&signature(TWILIO_TOKEN, &public_url(), form))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.content_type.starts_with("text/xml"), "{}", answer.content_type);
    let twiml = answer.body.trim().trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").trim();
    assert!(twiml == "<Response/>" || twiml == "<Response></Response>", "empty TwiML: {}", answer.body);
}

on_both! {
    async fn a_text_is_stored_before_the_webhook_responds(world: World) {
        let body = "Hello, my bicycle & bell = 100% broken 🚲\nHelp";
        deliver(&world.app, &sms("SM1", &customer(1), &world.number.number, body)).await;
        let inbox = world.rep.list("INBOX", Value::Null).await;
        assert_eq!(inbox.len(), 1, "{inbox:#?}");
        assert_eq!(inbox[0]["contact"]["number"], customer(1).as_str(), "{inbox:#?}");
        assert_eq!(inbox[0]["lastMessage"]["body"], body, "{inbox:#?}");
        assert_eq!(inbox[0]["phoneNumber"]["id"], world.number.id.as_str(), "{inbox:#?}");
    }

    async fn a_repeated_message_sid_changes_nothing(world: World) {
        let form = sms("SM1", &customer(1), &world.number.number, "Hello");
        deliver(&world.app, &form).await;
        let before = world.everything().await;
        for _ in 0..3 {
            deliver(&world.app, &form).await;
        }
        assert_eq!(world.everything().await, before);
    }

    async fn a_bad_or_missing_signature_is_forbidden_and_stores_nothing(world: World) {
        let form = sms("SM1", &customer(1), &world.number.number, "Hello");
        let right = signature(TWILIO_TOKEN, &public_url(), &form);
        let mut other = form.clone();
        other.insert("Body", "Hello!".to_owned());
        let bad = [
            None,
            Some(String::new()),
            Some("nonsense".to_owned()),
            Some(right[1..].to_owned()),
            Some(signature("another token", &public_url(), &form)),
            Some(signature(TWILIO_TOKEN, &world.app.url(TWILIO_PATH), &form)),
            Some(signature(TWILIO_TOKEN, TWILIO_PUBLIC_URL, &form)),
            Some(signature(TWILIO_TOKEN, &public_url(), &other)),
        ];
        for signature in &bad {
            let answer = post(&world.app, &form, signature.as_deref()).await;
            assert_eq!(answer.status, 403, "{signature:?}: {}", answer.body);
        }
        assert!(world.rep.ids("INBOX", Value::Null).await.is_empty());
        deliver(&world.app, &form).await;
        assert_eq!(world.rep.ids("INBOX", Value::Null).await.len(), 1);
    }

    async fn a_text_to_a_number_that_is_not_ours_is_acknowledged_and_not_stored(world: World) {
        let before = world.everything().await;
        deliver(&world.app, &sms("SM1", &customer(1), "+12125550199", "Hello")).await;
        assert_eq!(world.everything().await, before);
    }

    async fn a_sender_that_is_not_a_phone_number_is_acknowledged_and_not_stored(world: World) {
        let before = world.everything().await;
        for sender in ["12345", "BANK", "+1", ""] {
            deliver(&world.app, &sms("SM1", sender, &world.number.number, "Your code is 1")).await;
        }
        assert_eq!(world.everything().await, before);
        world.app.assert_store_is_sound().await;
    }

    async fn a_picture_keeps_its_media_urls_in_order(world: World) {
        let mut form = sms("MM1", &customer(1), &world.number.number, "");
        form.insert("NumMedia", "11".to_owned());
        let names: Vec<&'static str> = vec![
            "MediaUrl0",
            "MediaUrl1",
            "MediaUrl2",
            "MediaUrl3",
            "MediaUrl4",
            "MediaUrl5",
            "MediaUrl6",
            "MediaUrl7",
            "MediaUrl8",
            "MediaUrl9",
            "MediaUrl10",
        ];
        let urls: Vec<String> = (0..11).map(|n| format!("https://media.example.test/{n}.jpg")).collect();
        form.extend(names.iter().copied().zip(urls.iter().cloned()));
        form.insert("MediaContentType0", "image/jpeg".to_owned());
        deliver(&world.app, &form).await;
        let id = world.rep.ids("INBOX", Value::Null).await.remove(0);
        let message = world.rep.messages(&id).await.remove(0);
        assert_eq!(message["mediaUrls"], json!(urls), "{message:#}");
        assert_eq!(message["body"], "", "{message:#}");
    }

    async fn a_text_through_the_webhook_reopens_into_the_assignees_queue(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        world.rep.close(&id).await.changed();
        deliver(&world.app, &sms("SM1", &customer(1), &world.number.number, "It squeaks again")).await;
        let back = world.rep.list("ASSIGNED_TO_ME", json!({ "status": "OPEN" })).await;
        assert_eq!(back.iter().map(|row| text(&row["id"])).collect::<Vec<_>>(), [id.as_str()], "{back:#?}");
    }

    async fn only_post_requests_are_accepted(world: World) {
        let answer = world.app.http().get(world.app.url(TWILIO_PATH)).send().await.expect("answers");
        assert!(answer.status().is_client_error(), "{}", answer.status());
    }
}
