//! From the greeting to the point where a log-in or a message may begin: greeting, EHLO or HELO, STARTTLS.

use rohrpost_mail::{Reply, Stage};

use super::{Event, Session, State};
use crate::client::{
    capabilities::Capabilities,
    error::{Extension, SessionError},
    settings::Starttls,
};

impl Session {
    pub(super) fn on_greeting(&mut self, reply: Reply) {
        if !reply.is_positive() {
            return self.fail(SessionError::from_reply(Stage::Greeting, reply));
        }
        self.greeting = Some(reply);
        self.hello();
    }

    /// EHLO, or LHLO. RFC 3207 §4.2: all that an earlier one told is forgotten.
    pub(super) fn hello(&mut self) {
        self.output.line(&format!("{} {}", self.settings.hello_verb(), self.settings.ehlo_name));
        self.capabilities = Capabilities::default();
        self.state = State::Ehlo;
    }

    pub(super) fn on_ehlo(&mut self, reply: Reply) {
        if reply.is_positive() {
            self.capabilities = self.settings.quirks.narrow(Capabilities::from_ehlo(&reply));
            self.seal_or_go_on();
        } else if reply.is_permanent() && self.settings.may_say_helo() {
            self.output.line(&format!("HELO {}", self.settings.ehlo_name));
            self.state = State::Helo;
        } else {
            self.fail(SessionError::from_reply(Stage::Ehlo, reply));
        }
    }

    pub(super) fn on_helo(&mut self, reply: Reply) {
        if !reply.is_positive() {
            return self.fail(SessionError::from_reply(Stage::Ehlo, reply));
        }
        self.helo_used = true;
        self.ready(Event::Ready);
    }

    /// RFC 3207 §4: 220 and nothing but 220. What came with it came from somebody who cannot know what TLS will say.
    pub(super) fn on_starttls(&mut self, reply: Reply) {
        if reply.code != 220 {
            return self.fail(SessionError::from_reply(Stage::Starttls, reply));
        }
        if self.parser.unread() > 0 {
            return self.fail(SessionError::Injected);
        }
        self.capabilities = Capabilities::default();
        self.state = State::Handshake;
        self.events.push_back(Event::StartTls);
    }

    /// STARTTLS where it is wanted and still to be done.
    fn seal_or_go_on(&mut self) {
        let wanted = !self.settings.in_tls && self.settings.starttls != Starttls::Never;
        if wanted && self.capabilities.starttls {
            self.say_starttls();
        } else if wanted && self.settings.starttls == Starttls::Required {
            self.fail(SessionError::NotOffered(Extension::Starttls));
        } else {
            self.ready(Event::Ready);
        }
    }

    pub(super) fn say_starttls(&mut self) {
        self.output.line("STARTTLS");
        self.state = State::Starttls;
    }
}
