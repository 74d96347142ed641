//! SEARCH, SORT and THREAD.

use super::{Cursor, ParseError, date, flag};
use crate::{
    command::{
        Body, Charset, FieldName, Flag, ModSeqSearch, Search, SearchKey, SearchReturn, Sort, SortCriterion, SortKey,
        SystemFlag, Thread, ThreadAlgorithm,
    },
    limits::{SEARCH_DEPTH_MAX, SEARCH_KEYS_MAX, SEARCH_TEXT_OCTETS_MAX, WORDS_MAX},
};

/// `search = "SEARCH" [search-return-opts] SP search-program`
pub(super) fn search(cursor: &mut Cursor<'_>, uid: bool) -> Result<Body, ParseError> {
    cursor.blank()?;
    let mut returns = None;
    if cursor.take_word("RETURN ") {
        returns = Some(self::returns(cursor)?);
        cursor.blank()?;
    }
    let mut charset = None;
    if cursor.take_word("CHARSET ") {
        charset = Some(self::charset(cursor)?);
        cursor.blank()?;
    }
    Ok(Body::Search(Search { uid, returns, charset, key: program(cursor)? }))
}

/// `sort = "SORT" SP sort-criteria SP search-criteria` (RFC 5256 §5)
pub(super) fn sort(cursor: &mut Cursor<'_>, uid: bool) -> Result<Body, ParseError> {
    cursor.blank()?;
    let criteria = cursor.list("criteria", WORDS_MAX, sort_criterion)?;
    cursor.blank()?;
    let charset = charset(cursor)?;
    cursor.blank()?;
    Ok(Body::Sort(Sort { uid, criteria, charset, key: program(cursor)? }))
}

/// `thread = "THREAD" SP thread-alg SP search-criteria` (RFC 5256 §5)
pub(super) fn thread(cursor: &mut Cursor<'_>, uid: bool) -> Result<Body, ParseError> {
    cursor.blank()?;
    let at = cursor.at();
    let algorithm = match cursor.atom("an algorithm")? {
        name if name.is("REFERENCES") => ThreadAlgorithm::References,
        name if name.is("ORDEREDSUBJECT") => ThreadAlgorithm::OrderedSubject,
        _ => return Err(ParseError::Word { what: "an algorithm", at }),
    };
    cursor.blank()?;
    let charset = charset(cursor)?;
    cursor.blank()?;
    Ok(Body::Thread(Thread { uid, algorithm, charset, key: program(cursor)? }))
}

/// `search-return-opts` behind RETURN; an empty list asks for ALL (RFC 4731 §3.1).
fn returns(cursor: &mut Cursor<'_>) -> Result<SearchReturn, ParseError> {
    let mut returns = SearchReturn::default();
    cursor.list_or_empty("return options", WORDS_MAX, |cursor| {
        let at = cursor.at();
        match cursor.atom("a return option")? {
            word if word.is("MIN") => returns.min = true,
            word if word.is("MAX") => returns.max = true,
            word if word.is("ALL") => returns.all = true,
            word if word.is("COUNT") => returns.count = true,
            word if word.is("SAVE") => returns.save = true,
            _ => return Err(ParseError::Word { what: "a return option", at }),
        }
        Ok(())
    })?;
    if returns == SearchReturn::default() {
        returns.all = true;
    }
    Ok(returns)
}

fn charset(cursor: &mut Cursor<'_>) -> Result<Charset, ParseError> {
    match cursor.astring()? {
        name if name.eq_ignore_ascii_case(b"UTF-8") => Ok(Charset::Utf8),
        name if name.eq_ignore_ascii_case(b"US-ASCII") => Ok(Charset::UsAscii),
        _ => Err(ParseError::Charset),
    }
}

/// `sort-criterion = ["REVERSE" SP] sort-key`
fn sort_criterion(cursor: &mut Cursor<'_>) -> Result<SortCriterion, ParseError> {
    let reverse = cursor.take_word("REVERSE ");
    let at = cursor.at();
    let key = match cursor.atom("a criterion")? {
        word if word.is("ARRIVAL") => SortKey::Arrival,
        word if word.is("CC") => SortKey::Cc,
        word if word.is("DATE") => SortKey::Date,
        word if word.is("FROM") => SortKey::From,
        word if word.is("SIZE") => SortKey::Size,
        word if word.is("SUBJECT") => SortKey::Subject,
        word if word.is("TO") => SortKey::To,
        _ => return Err(ParseError::Word { what: "a criterion", at }),
    };
    Ok(SortCriterion { reverse, key })
}

/// `search-key *(SP search-key)`
fn program(cursor: &mut Cursor<'_>) -> Result<SearchKey, ParseError> {
    Keys { cursor, left: SEARCH_KEYS_MAX }.all(0)
}

/// Reads search keys, and counts them.
struct Keys<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    /// How many keys there may be yet.
    left: usize,
}

impl Keys<'_, '_> {
    /// Keys with a blank between each two, up to the end or a parenthesis.
    fn all(&mut self, depth: usize) -> Result<SearchKey, ParseError> {
        let mut keys = vec![self.key(depth)?];
        // A blank at the end of the command is none before a key.
        while !matches!(self.cursor.rest().trim_ascii_start().first(), None | Some(b')')) {
            self.cursor.blank()?;
            keys.push(self.key(depth)?);
        }
        Ok(if keys.len() == 1 { keys.remove(0) } else { SearchKey::And(keys) })
    }

    /// `search-key`
    fn key(&mut self, depth: usize) -> Result<SearchKey, ParseError> {
        if depth == SEARCH_DEPTH_MAX {
            return Err(ParseError::TooDeep);
        }
        let too_many = ParseError::TooMany { what: "search keys", max: SEARCH_KEYS_MAX };
        self.left = self.left.checked_sub(1).ok_or(too_many)?;
        match self.cursor.peek() {
            Some(b'(') => {
                self.cursor.open()?;
                let key = self.all(depth + 1)?;
                self.cursor.close()?;
                Ok(key)
            }
            Some(b'0'..=b'9' | b'*' | b'$') => self.cursor.messages().map(SearchKey::Sequence),
            _ => self.named(depth),
        }
    }

    fn named(&mut self, depth: usize) -> Result<SearchKey, ParseError> {
        let at = self.cursor.at();
        let name = self.cursor.atom("a search key")?;
        if name.is("NOT") {
            self.cursor.blank()?;
            return self.key(depth + 1).map(|key| SearchKey::Not(Box::new(key)));
        }
        if name.is("OR") {
            self.cursor.blank()?;
            let one = self.key(depth + 1)?;
            self.cursor.blank()?;
            return Ok(SearchKey::Or(Box::new((one, self.key(depth + 1)?))));
        }
        let name = name.as_str().to_ascii_uppercase();
        if let Some(key) = bare(&name) {
            return Ok(key);
        }
        self.cursor.blank().map_err(|_| ParseError::Word { what: "a search key", at })?;
        with_argument(&name, self.cursor)?.ok_or(ParseError::Word { what: "a search key", at })
    }
}

/// Keys without an argument.
fn bare(name: &str) -> Option<SearchKey> {
    let flag = |flag| SearchKey::Flag(Flag::System(flag));
    let not = |key| SearchKey::Not(Box::new(key));
    Some(match name {
        "ALL" => SearchKey::All,
        "ANSWERED" => flag(SystemFlag::Answered),
        "DELETED" => flag(SystemFlag::Deleted),
        "DRAFT" => flag(SystemFlag::Draft),
        "FLAGGED" => flag(SystemFlag::Flagged),
        "SEEN" => flag(SystemFlag::Seen),
        "UNANSWERED" => not(flag(SystemFlag::Answered)),
        "UNDELETED" => not(flag(SystemFlag::Deleted)),
        "UNDRAFT" => not(flag(SystemFlag::Draft)),
        "UNFLAGGED" => not(flag(SystemFlag::Flagged)),
        "UNSEEN" => not(flag(SystemFlag::Seen)),
        "RECENT" => SearchKey::Recent,
        "OLD" => not(SearchKey::Recent),
        "NEW" => SearchKey::And(vec![SearchKey::Recent, not(flag(SystemFlag::Seen))]),
        "SAVEDATESUPPORTED" => SearchKey::SaveDateSupported,
        _ => return None,
    })
}

/// Keys with an argument, behind their blank.
fn with_argument(name: &str, cursor: &mut Cursor<'_>) -> Result<Option<SearchKey>, ParseError> {
    let key = match name {
        "BEFORE" => SearchKey::Before(date::date(cursor)?),
        "ON" => SearchKey::On(date::date(cursor)?),
        "SINCE" => SearchKey::Since(date::date(cursor)?),
        "SENTBEFORE" => SearchKey::SentBefore(date::date(cursor)?),
        "SENTON" => SearchKey::SentOn(date::date(cursor)?),
        "SENTSINCE" => SearchKey::SentSince(date::date(cursor)?),
        "SAVEDBEFORE" => SearchKey::SavedBefore(date::date(cursor)?),
        "SAVEDON" => SearchKey::SavedOn(date::date(cursor)?),
        "SAVEDSINCE" => SearchKey::SavedSince(date::date(cursor)?),
        "LARGER" => SearchKey::Larger(cursor.number64()?),
        "SMALLER" => SearchKey::Smaller(cursor.number64()?),
        "OLDER" => SearchKey::Older(cursor.nz_number()?),
        "YOUNGER" => SearchKey::Younger(cursor.nz_number()?),
        "UID" => SearchKey::Uid(cursor.messages()?),
        "KEYWORD" => SearchKey::Flag(Flag::Keyword(flag::keyword(cursor)?)),
        "UNKEYWORD" => SearchKey::Not(Box::new(SearchKey::Flag(Flag::Keyword(flag::keyword(cursor)?)))),
        "EMAILID" => SearchKey::EmailId(cursor.object_id()?),
        "THREADID" => SearchKey::ThreadId(cursor.object_id()?),
        "MODSEQ" => SearchKey::ModSeq(modseq(cursor)?),
        "BODY" => SearchKey::Body(text(cursor)?),
        "TEXT" => SearchKey::Text(text(cursor)?),
        "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => {
            let field = FieldName::new(name).expect("these are names of fields");
            SearchKey::Header(field, text(cursor)?)
        }
        "HEADER" => {
            let field = cursor.field_name()?;
            cursor.blank()?;
            SearchKey::Header(field, text(cursor)?)
        }
        _ => return Ok(None),
    };
    Ok(Some(key))
}

/// `search-modsequence = "MODSEQ" [search-modseq-ext] SP mod-sequence-valzer` (RFC 7162 §7), behind its blank.
fn modseq(cursor: &mut Cursor<'_>) -> Result<ModSeqSearch, ParseError> {
    if cursor.peek() == Some(b'"') {
        cursor.string()?;
        cursor.blank()?;
        let at = cursor.at();
        let kind = cursor.atom("priv, shared or all")?;
        if !["priv", "shared", "all"].iter().any(|known| kind.is(known)) {
            return Err(ParseError::Missing { what: "priv, shared or all", at });
        }
        cursor.blank()?;
    }
    Ok(ModSeqSearch { at_least: cursor.number64()? })
}

/// What is looked for.
fn text(cursor: &mut Cursor<'_>) -> Result<String, ParseError> {
    let text = cursor.text()?;
    if text.len() > SEARCH_TEXT_OCTETS_MAX {
        return Err(ParseError::TooMany { what: "octets in a search text", max: SEARCH_TEXT_OCTETS_MAX });
    }
    Ok(text)
}
