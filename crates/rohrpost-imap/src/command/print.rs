//! Commands, as a client writes them.

use jiff::civil::Date;

use super::{
    AppendMessage, Atom, Body, Charset, Command, Fetch, FetchItem, Flag, List, ListReturn, Messages, Partial, QResync,
    Search, SearchKey, SearchReturn, Select, Sort, SortKey, SpecialUse, Status, StatusItem, Store, StoreAction, Thread,
    ThreadAlgorithm,
};
use crate::{
    mailbox_name::{ListPattern, MailboxName},
    response::{MONTHS, Wire, date_time, print_flags, print_part, print_section, quoted},
    sequence::push_number,
};

impl Command {
    /// Writes the command with its CRLF. Literals are written as `{5+}` (RFC 7888), so that nobody has to wait; APPEND
    /// ends where its first message begins. `wire` says in what names of mailboxes are written.
    pub fn print(&self, out: &mut Vec<u8>, wire: Wire) {
        out.extend_from_slice(self.tag.as_str().as_bytes());
        Printer { out, wire, opened: false }.body(&self.body);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes words with a blank in front of each.
struct Printer<'a> {
    out: &'a mut Vec<u8>,
    wire: Wire,
    /// Whether parentheses were just opened.
    opened: bool,
}

impl Printer<'_> {
    fn body(&mut self, body: &Body) {
        match body {
            Body::Capability => self.word("CAPABILITY"),
            Body::Noop => self.word("NOOP"),
            Body::Logout => self.word("LOGOUT"),
            Body::Id(fields) => self.word("ID").id(fields),
            Body::StartTls => self.word("STARTTLS"),
            Body::Authenticate { mechanism, initial: None } => self.word("AUTHENTICATE").word(mechanism.as_str()),
            Body::Authenticate { mechanism, initial: Some(initial) } => {
                self.word("AUTHENTICATE").word(mechanism.as_str()).word(initial.expose())
            }
            Body::Login { user, password } => self.word("LOGIN").text(user).text(password.expose()),
            Body::Enable(names) => names.iter().fold(self.word("ENABLE"), |to, name| to.word(name.as_str())),
            Body::Select(select) => self.word("SELECT").select(select),
            Body::Examine(select) => self.word("EXAMINE").select(select),
            Body::Create { mailbox, special_use } => self.word("CREATE").mailbox(mailbox).special_use(special_use),
            Body::Delete(mailbox) => self.word("DELETE").mailbox(mailbox),
            Body::Rename { from, to } => self.word("RENAME").mailbox(from).mailbox(to),
            Body::Subscribe(mailbox) => self.word("SUBSCRIBE").mailbox(mailbox),
            Body::Unsubscribe(mailbox) => self.word("UNSUBSCRIBE").mailbox(mailbox),
            Body::List(list) => self.word("LIST").list(list),
            Body::Lsub(pattern) => self.word("LSUB \"\"").pattern(pattern),
            Body::Namespace => self.word("NAMESPACE"),
            Body::Status(Status { mailbox, items }) => self.word("STATUS").mailbox(mailbox).status_items(items),
            Body::Append { mailbox, message } => self.word("APPEND").mailbox(mailbox).append_message(message),
            Body::Idle => self.word("IDLE"),
            Body::GetQuota(root) => self.word("GETQUOTA").text(root),
            Body::GetQuotaRoot(mailbox) => self.word("GETQUOTAROOT").mailbox(mailbox),
            Body::SetQuota { root, limits } => self.word("SETQUOTA").text(root).limits(limits),
            Body::Check => self.word("CHECK"),
            Body::Close => self.word("CLOSE"),
            Body::Unselect => self.word("UNSELECT"),
            Body::Expunge => self.word("EXPUNGE"),
            Body::UidExpunge(messages) => self.word("UID EXPUNGE").messages(messages),
            Body::Search(search) => self.uid(search.uid).word("SEARCH").search(search),
            Body::Fetch(fetch) => self.uid(fetch.uid).word("FETCH").fetch(fetch),
            Body::Store(store) => self.uid(store.uid).word("STORE").store(store),
            Body::Copy { uid, messages, mailbox } => self.uid(*uid).word("COPY").messages(messages).mailbox(mailbox),
            Body::Move { uid, messages, mailbox } => self.uid(*uid).word("MOVE").messages(messages).mailbox(mailbox),
            Body::Sort(sort) => self.uid(sort.uid).word("SORT").sort(sort),
            Body::Thread(thread) => self.uid(thread.uid).word("THREAD").thread(thread),
        };
    }

    fn id(&mut self, fields: &[(String, Option<String>)]) -> &mut Self {
        if fields.is_empty() {
            return self.word("NIL");
        }
        self.each(fields, |to, (name, value)| {
            to.string(name);
            match value {
                Some(value) => to.string(value),
                None => to.word("NIL"),
            }
        })
    }

    fn select(&mut self, select: &Select) -> &mut Self {
        self.mailbox(&select.mailbox);
        let condstore = select.condstore.then_some("CONDSTORE");
        match (&select.qresync, condstore) {
            (None, None) => self,
            (None, Some(condstore)) => self.words([condstore]),
            (Some(qresync), condstore) => {
                self.open().word_if(condstore).word("QRESYNC").qresync(qresync);
                self.put(b")")
            }
        }
    }

    fn qresync(&mut self, qresync: &QResync) -> &mut Self {
        self.open().number(qresync.uid_validity.into()).number(qresync.modseq);
        if let Some(known) = &qresync.known_uids {
            self.blank();
            known.print(self.out);
        }
        if let Some((numbers, uids)) = &qresync.sequence_match {
            self.open();
            numbers.print(self.out);
            self.put(b" ");
            uids.print(self.out);
            self.put(b")");
        }
        self.put(b")")
    }

    fn special_use(&mut self, special_use: &[SpecialUse]) -> &mut Self {
        if special_use.is_empty() {
            return self;
        }
        self.open().word("USE").words(special_use.iter().map(|special_use| special_use.name()));
        self.put(b")")
    }

    fn list(&mut self, list: &List) -> &mut Self {
        let selection = list.selection;
        let options = [
            (selection.subscribed, "SUBSCRIBED"),
            (selection.remote, "REMOTE"),
            (selection.recursive_match, "RECURSIVEMATCH"),
            (selection.special_use, "SPECIAL-USE"),
        ];
        if list.extended {
            self.words(chosen(options));
        }
        self.word("\"\"");
        match &list.patterns[..] {
            [only] => self.pattern(only),
            several => self.each(several, |to, pattern| to.pattern(pattern)),
        };
        if list.extended { self.word("RETURN").list_return(&list.returns) } else { self }
    }

    fn list_return(&mut self, returns: &ListReturn) -> &mut Self {
        let options =
            [(returns.subscribed, "SUBSCRIBED"), (returns.children, "CHILDREN"), (returns.special_use, "SPECIAL-USE")];
        self.open();
        chosen(options).fold(&mut *self, |to, option| to.word(option));
        if !returns.status.is_empty() {
            self.word("STATUS").status_items(&returns.status);
        }
        self.put(b")")
    }

    fn status_items(&mut self, items: &[StatusItem]) -> &mut Self {
        self.words(items.iter().map(|item| item.name()))
    }

    fn append_message(&mut self, message: &AppendMessage) -> &mut Self {
        if !message.flags.is_empty() {
            self.flags(&message.flags);
        }
        if let Some(at) = message.at {
            self.blank();
            date_time(self.out, at);
        }
        if message.utf8 {
            self.word("UTF8").open();
        }
        self.blank();
        self.put(if message.binary { b"~{" } else { b"{" });
        push_number(self.out, message.octets);
        self.put(if message.synchronizing { b"}" } else { b"+}" })
    }

    fn limits(&mut self, limits: &[(Atom, u64)]) -> &mut Self {
        self.each(limits, |to, (name, limit)| to.word(name.as_str()).number(*limit))
    }

    fn fetch(&mut self, fetch: &Fetch) -> &mut Self {
        self.messages(&fetch.messages).each(&fetch.items, |to, item| to.fetch_item(item));
        if let Some(modseq) = fetch.changed_since {
            self.open().word("CHANGEDSINCE").number(modseq).word_if(fetch.vanished.then_some("VANISHED")).put(b")");
        }
        self
    }

    fn fetch_item(&mut self, item: &FetchItem) -> &mut Self {
        match item {
            FetchItem::Uid => self.word("UID"),
            FetchItem::Flags => self.word("FLAGS"),
            FetchItem::InternalDate => self.word("INTERNALDATE"),
            FetchItem::Envelope => self.word("ENVELOPE"),
            FetchItem::Body => self.word("BODY"),
            FetchItem::BodyStructure => self.word("BODYSTRUCTURE"),
            FetchItem::Rfc822 => self.word("RFC822"),
            FetchItem::Rfc822Header => self.word("RFC822.HEADER"),
            FetchItem::Rfc822Text => self.word("RFC822.TEXT"),
            FetchItem::Rfc822Size => self.word("RFC822.SIZE"),
            FetchItem::Section { section, partial, peek } => {
                self.word(if *peek { "BODY.PEEK[" } else { "BODY[" });
                print_section(self.out, section);
                self.put(b"]").partial(*partial)
            }
            FetchItem::Binary { part, partial, peek } => {
                self.word(if *peek { "BINARY.PEEK[" } else { "BINARY[" });
                print_part(self.out, part);
                self.put(b"]").partial(*partial)
            }
            FetchItem::BinarySize(part) => {
                self.word("BINARY.SIZE[");
                print_part(self.out, part);
                self.put(b"]")
            }
            FetchItem::ModSeq => self.word("MODSEQ"),
            FetchItem::EmailId => self.word("EMAILID"),
            FetchItem::ThreadId => self.word("THREADID"),
            FetchItem::SaveDate => self.word("SAVEDATE"),
            FetchItem::Preview { lazy } => self.word(if *lazy { "PREVIEW (LAZY)" } else { "PREVIEW" }),
        }
    }

    fn partial(&mut self, partial: Option<Partial>) -> &mut Self {
        if let Some(Partial { first, octets }) = partial {
            self.put(b"<");
            push_number(self.out, first);
            self.put(b".");
            push_number(self.out, octets);
            self.put(b">");
        }
        self
    }

    fn store(&mut self, store: &Store) -> &mut Self {
        self.messages(&store.messages);
        if let Some(modseq) = store.unchanged_since {
            self.open().word("UNCHANGEDSINCE").number(modseq).put(b")");
        }
        self.word(match store.action {
            StoreAction::Replace => "FLAGS",
            StoreAction::Add => "+FLAGS",
            StoreAction::Remove => "-FLAGS",
        });
        self.put(if store.silent { b".SILENT" } else { b"" }).flags(&store.flags)
    }

    fn search(&mut self, search: &Search) -> &mut Self {
        if let Some(SearchReturn { min, max, all, count, save }) = search.returns {
            let options = [(min, "MIN"), (max, "MAX"), (all, "ALL"), (count, "COUNT"), (save, "SAVE")];
            self.word("RETURN").words(chosen(options));
        }
        if let Some(charset) = search.charset {
            self.word("CHARSET").charset(charset);
        }
        self.key(&search.key)
    }

    fn sort(&mut self, sort: &Sort) -> &mut Self {
        self.each(&sort.criteria, |to, criterion| {
            let reverse = criterion.reverse.then_some("REVERSE");
            to.word_if(reverse).word(match criterion.key {
                SortKey::Arrival => "ARRIVAL",
                SortKey::Cc => "CC",
                SortKey::Date => "DATE",
                SortKey::From => "FROM",
                SortKey::Size => "SIZE",
                SortKey::Subject => "SUBJECT",
                SortKey::To => "TO",
            })
        });
        self.charset(sort.charset).key(&sort.key)
    }

    fn thread(&mut self, thread: &Thread) -> &mut Self {
        self.word(match thread.algorithm {
            ThreadAlgorithm::OrderedSubject => "ORDEREDSUBJECT",
            ThreadAlgorithm::References => "REFERENCES",
        });
        self.charset(thread.charset).key(&thread.key)
    }

    fn charset(&mut self, charset: Charset) -> &mut Self {
        self.word(match charset {
            Charset::UsAscii => "US-ASCII",
            Charset::Utf8 => "UTF-8",
        })
    }

    fn key(&mut self, key: &SearchKey) -> &mut Self {
        match key {
            SearchKey::All => self.word("ALL"),
            SearchKey::And(keys) => self.each(keys, |to, key| to.key(key)),
            SearchKey::Or(keys) => self.word("OR").key(&keys.0).key(&keys.1),
            SearchKey::Not(key) => self.word("NOT").key(key),
            SearchKey::Sequence(messages) => self.messages(messages),
            SearchKey::Uid(messages) => self.word("UID").messages(messages),
            // Without its backslash, the name of a system flag is its key.
            SearchKey::Flag(Flag::System(flag)) => self.word(&flag.name()[1..]),
            SearchKey::Flag(Flag::Keyword(keyword)) => self.word("KEYWORD").word(keyword.as_str()),
            SearchKey::Recent => self.word("RECENT"),
            SearchKey::Larger(octets) => self.word("LARGER").number(*octets),
            SearchKey::Smaller(octets) => self.word("SMALLER").number(*octets),
            SearchKey::Before(date) => self.word("BEFORE").date(*date),
            SearchKey::On(date) => self.word("ON").date(*date),
            SearchKey::Since(date) => self.word("SINCE").date(*date),
            SearchKey::SentBefore(date) => self.word("SENTBEFORE").date(*date),
            SearchKey::SentOn(date) => self.word("SENTON").date(*date),
            SearchKey::SentSince(date) => self.word("SENTSINCE").date(*date),
            SearchKey::SavedBefore(date) => self.word("SAVEDBEFORE").date(*date),
            SearchKey::SavedOn(date) => self.word("SAVEDON").date(*date),
            SearchKey::SavedSince(date) => self.word("SAVEDSINCE").date(*date),
            SearchKey::SaveDateSupported => self.word("SAVEDATESUPPORTED"),
            SearchKey::Older(seconds) => self.word("OLDER").number((*seconds).into()),
            SearchKey::Younger(seconds) => self.word("YOUNGER").number((*seconds).into()),
            SearchKey::Header(field, text) => self.word("HEADER").text(field.as_str()).text(text),
            SearchKey::Body(text) => self.word("BODY").text(text),
            SearchKey::Text(text) => self.word("TEXT").text(text),
            SearchKey::ModSeq(modseq) => self.word("MODSEQ").number(modseq.at_least),
            SearchKey::EmailId(id) => self.word("EMAILID").word(id.as_str()),
            SearchKey::ThreadId(id) => self.word("THREADID").word(id.as_str()),
        }
    }

    fn date(&mut self, date: Date) -> &mut Self {
        let month = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
        self.word(&format!("{}-{month}-{:04}", date.day(), date.year()))
    }

    fn messages(&mut self, messages: &Messages) -> &mut Self {
        match messages {
            Messages::Saved => self.word("$"),
            Messages::Set(set) => {
                self.blank();
                set.print(self.out);
                self
            }
        }
    }

    fn flags(&mut self, flags: &[Flag]) -> &mut Self {
        self.words(flags.iter().map(Flag::as_str))
    }

    fn mailbox(&mut self, mailbox: &MailboxName) -> &mut Self {
        self.blank();
        self.wire.mailbox(self.out, mailbox);
        self
    }

    fn pattern(&mut self, pattern: &ListPattern) -> &mut Self {
        self.blank();
        self.wire.pattern(self.out, pattern);
        self
    }

    /// `astring`
    fn text(&mut self, text: &str) -> &mut Self {
        let is_word = Atom::new(text).is_some_and(|atom| !atom.is("NIL"));
        if is_word { self.word(text) } else { self.string(text) }
    }

    /// `string`
    fn string(&mut self, text: &str) -> &mut Self {
        self.blank();
        if !text.contains(['\r', '\n', '\0']) && (text.is_ascii() || self.wire.utf8) {
            quoted(self.out, text);
            return self;
        }
        self.put(b"{");
        push_number(self.out, text.len() as u64);
        self.put(b"+}\r\n").put(text.as_bytes())
    }

    fn uid(&mut self, uid: bool) -> &mut Self {
        self.word_if(uid.then_some("UID"))
    }

    /// Words in parentheses.
    fn words<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> &mut Self {
        self.blank();
        print_flags(self.out, words);
        self
    }

    /// Elements in parentheses.
    fn each<T>(&mut self, elements: &[T], print: impl for<'p> Fn(&'p mut Self, &T) -> &'p mut Self) -> &mut Self {
        self.open();
        for element in elements {
            print(self, element);
        }
        self.put(b")")
    }

    fn word_if(&mut self, word: Option<&str>) -> &mut Self {
        match word {
            Some(word) => self.word(word),
            None => self,
        }
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.blank();
        push_number(self.out, number);
        self
    }

    fn word(&mut self, word: &str) -> &mut Self {
        self.blank();
        self.put(word.as_bytes())
    }

    /// The next word has no blank in front of it.
    fn open(&mut self) -> &mut Self {
        self.word("(").opened = true;
        self
    }

    /// A blank, but not behind what opens parentheses.
    fn blank(&mut self) {
        if !std::mem::take(&mut self.opened) {
            self.out.push(b' ');
        }
    }

    fn put(&mut self, octets: &[u8]) -> &mut Self {
        self.out.extend_from_slice(octets);
        self
    }
}

/// The words that are chosen.
fn chosen<'w>(options: impl IntoIterator<Item = (bool, &'w str)>) -> impl Iterator<Item = &'w str> {
    options.into_iter().filter(|(chosen, _)| *chosen).map(|(_, word)| word)
}
