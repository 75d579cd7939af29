//! The timers of a socket, and its limit on incoming frames.

use tokio::time::{Duration, Instant};

use crate::settings::TransportSettings;

/// A timer that can expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// `connection_init` has not arrived in time.
    Init,
    /// The token has expired.
    Expiry,
    /// The client has sent nothing since the last ping.
    Pong,
    /// It is time for a ping.
    Ping,
}

/// The timers and the frame counter of a socket.
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

    /// The next timer to expire, and its time.
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

    /// Stops the timer for `connection_init`, which has arrived.
    pub(super) fn initialised(&mut self) {
        self.init = None;
    }

    /// Sets when the token expires. If `Instant` cannot represent the time, the token does not expire.
    pub(super) fn expire_in(&mut self, time: Option<Duration>, now: Instant) {
        self.expiry = time.and_then(|time| now.checked_add(time));
    }

    /// Restarts the ping timer. If the ping was `sent`, this also starts the pong timer.
    pub(super) fn pinged(&mut self, sent: bool, now: Instant) {
        self.ping = now + self.ping_interval;
        if sent && self.pong.is_none() {
            self.pong = Some(now + self.pong_timeout);
        }
    }

    /// Counts an incoming frame, which also proves that the client is alive. Returns `false`
    /// if the client has sent too many.
    pub(super) fn count_frame(&mut self, now: Instant) -> bool {
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
    fn a_client_that_answers_is_pinged_again_and_a_silent_one_times_out() {
        let start = Instant::now();
        let mut timers = Timers::start(&TransportSettings::default(), start);
        assert_eq!(timers.next(), (start + 5 * SECOND, Due::Init));
        timers.initialised();
        assert_eq!(timers.next(), (start + 25 * SECOND, Due::Ping));
        timers.pinged(true, start + 25 * SECOND);
        assert_eq!(timers.next(), (start + 35 * SECOND, Due::Pong));
        assert!(timers.count_frame(start + 26 * SECOND));
        assert_eq!(timers.next(), (start + 50 * SECOND, Due::Ping));
        timers.pinged(false, start + 50 * SECOND);
        assert_eq!(timers.next(), (start + 75 * SECOND, Due::Ping));
    }

    #[test]
    fn an_expiry_beyond_the_range_of_instant_is_ignored() {
        let start = Instant::now();
        let mut timers = Timers::start(&TransportSettings::default(), start);
        timers.initialised();
        timers.expire_in(Some(SECOND), start);
        assert_eq!(timers.next(), (start + SECOND, Due::Expiry));
        timers.expire_in(Some(Duration::MAX), start);
        assert_eq!(timers.next(), (start + 25 * SECOND, Due::Ping));
    }

    #[test]
    fn frames_are_counted_per_window() {
        let settings = TransportSettings { client_frames: 2, ..TransportSettings::default() };
        let start = Instant::now();
        let mut timers = Timers::start(&settings, start);
        assert!(timers.count_frame(start) && timers.count_frame(start) && !timers.count_frame(start));
        assert!(timers.count_frame(start + 60 * SECOND));
    }
}
