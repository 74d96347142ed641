//! What Rohrpost serves over HTTPS: set-up help, so that an address and a password are all that a person must know.
//!
//! One pure function says how a mailbox is reached: [`MailSettings::of`] makes it from the listeners that really run
//! ([`Service`]) and an address. Whatever a mail program asks for is made from its answer:
//!
//! | who asks | what it gets | where |
//! |---|---|---|
//! | Thunderbird, K-9 and others | [`autoconfig`] | `/mail/config-v1.1.xml`, `/.well-known/autoconfig/mail/config-v1.1.xml` |
//! | Outlook | [`autodiscover`] | `POST /autodiscover/autodiscover.xml` |
//! | Outlook, before that | [`autodiscover::json`]: where to ask | `/autodiscover/autodiscover.json` |
//! | iPhone, iPad, Mac | [`mobileconfig`], signed where a certificate can | `/mobileconfig` |
//! | people | a page in English or German, with codes to scan | `/setup` |
//! | DNS | [`records`]: SRV and CNAME, for the operator to publish | `rohrpost domain records` |
//!
//! [`WebServer`] answers on the sockets it is given, [`Site`] is what it answers with. Nothing here knows who has an
//! account: every address of a domain of ours is answered alike, and no password is asked for or shown. A request for a
//! host or a domain that is not ours is refused.
//!
//! Left out on purpose: `/.well-known/user-agent-configuration.json` (PACC), which is a draft whose form still changes
//! from one version to the next; and Outlook's answers for mobile devices, which would promise Exchange `ActiveSync`.

mod answer;
pub mod autoconfig;
pub mod autodiscover;
pub mod limits;
pub mod mobileconfig;
mod origin;
mod page;
mod qr;
pub mod records;
mod server;
mod settings;
mod site;

pub use page::Links;
pub use records::Record;
pub use server::{WebServer, WebSockets};
pub use settings::{Encryption, MailSettings, Protocol, Server, Servers, Service};
pub use site::{LocalDomains, Site};
