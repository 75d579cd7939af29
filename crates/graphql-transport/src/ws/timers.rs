//! When a socket has to act by itself, and how much it may still hear.

use tokio::time::{Duration, Instant};

use crate::settings::TransportSettings;

/// What a socket has to do when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// `connection_init` has not come.
    Init,
    /// The token has expired.
    Expiry,
    /// The client has been silent since the last ping.
    Pong,
    /// It is time for a ping.
    Ping,
}

/// The clocks of a socket.
#[derive(Debug)]
pub(super) struct Timers {
    init: Option<Instant>,
    expiry: Option<Instant>,
    pong: Option<Instant>,
    ping: Instant,
    ping_interval: Duration,
    pong_timeout: Duration,
    window_start: Instant,
    window: Duration,
    frames: u32,
    frames_allowed: u32,
}

impl Timers {
    pub(super) fn start(settings: &TransportSettings, now: Instant) -> Self {
        Self {
            init: Some(now + settings.init_timeout),
            expiry: None,
            pong: None,
            ping: now + settings.ping_interval,
            ping_interval: settings.ping_interval,
            pong_timeout: settings.pong_timeout,
            window_start: now,
            window: settings.client_frames_window,
            frames: 0,
            frames_allowed: settings.client_frames,
        }
    }

    /// What is due next, and when.
    pub(super) fn next(&self) -> (Instant, Due) {
        let mut next = (self.ping, Due::Ping);
        let others = [(self.pong, Due::Pong), (self.init, Due::Init), (self.expiry, Due::Expiry)];
        for (at, due) in others {
            if let Some(at) = at
                && at <= next.0
            {
                next = (at, due);
            }
        }
        next
    }

    /// `connection_init` has come.
    pub(super) fn initialised(&mut self) {
        self.init = None;
    }

    /// The token is good for so long; a time past any clock's end is as good as never.
    pub(super) fn expire_in(&mut self, time: Option<Duration>, now: Instant) {
        self.expiry = time.and_then(|time| now.checked_add(time));
    }

    /// A ping was due, and `sent` or not.
    pub(super) fn pinged(&mut self, sent: bool, now: Instant) {
        self.ping = now + self.ping_interval;
        if sent && self.pong.is_none() {
            self.pong = Some(now + self.pong_timeout);
        }
    }

    /// A frame has come, which also proves that the client is there. `false` when it
    /// was one too many.
    pub(super) fn heard(&mut self, now: Instant) -> bool {
        self.pong = None;
        if now.duration_since(self.window_start) >= self.window {
            self.window_start = now;
            self.frames = 0;
        }
        self.frames = self.frames.saturating_add(1);
        self.frames <= self.frames_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_client_that_answers_is_pinged_again_and_a_silent_one_is_given_up() {
        let start = Instant::now();
        let mut timers = Timers::start(&TransportSettings::default(), start);
        assert_eq!(timers.next(), (start + 5 * SECOND, Due::Init));
        timers.initialised();
        assert_eq!(timers.next(), (start + 25 * SECOND, Due::Ping));
        timers.pinged(true, start + 25 * SECOND);
        assert_eq!(timers.next(), (start + 35 * SECOND, Due::Pong));
        assert!(timers.heard(start + 26 * SECOND));
        assert_eq!(timers.next(), (start + 50 * SECOND, Due::Ping));
        timers.pinged(false, start + 50 * SECOND);
        assert_eq!(timers.next(), (start + 75 * SECOND, Due::Ping));
    }

    #[test]
    fn a_token_for_ever_never_expires() {
        let start = Instant::now();
        let mut timers = Timers::start(&TransportSettings::default(), start);
        timers.initialised();
        timers.expire_in(Some(SECOND), start);
        assert_eq!(timers.next(), (start + SECOND, Due::Expiry));
        timers.expire_in(Some(Duration::MAX), start);
        assert_eq!(timers.next(), (start + 25 * SECOND, Due::Ping));
    }

    #[test]
    fn frames_are_counted_by_the_window() {
        let settings = TransportSettings { client_frames: 2, ..TransportSettings::default() };
        let start = Instant::now();
        let mut timers = Timers::start(&settings, start);
        assert!(timers.heard(start) && timers.heard(start) && !timers.heard(start));
        assert!(timers.heard(start + 60 * SECOND));
    }
}
