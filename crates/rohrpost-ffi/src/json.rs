//! JSON texts as values, and what people may write shorter: one thing in the place of a list, a text in the place of an
//! object.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use crate::fault::Fault;

/// Reads a whole text.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, Fault> {
    // Whoever derives reads lists as objects, too.
    if json.trim_start().starts_with('[') {
        return Err(Fault::List);
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = serde_path_to_error::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// An object that may be written short, as a text.
pub(crate) trait Short: DeserializeOwned {
    /// Both forms, for the error.
    const EXPECTED: &str;

    /// What the text means.
    fn short(text: String) -> Self;
}

/// An object or the text that means one.
pub(crate) struct One<T>(pub(crate) T);

/// The same, or a list of them.
pub(crate) struct Many<T>(pub(crate) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Short> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneVisitor(PhantomData))
    }
}

impl<'de, T: Short> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor(OneVisitor(PhantomData)))
    }
}

struct OneVisitor<T>(PhantomData<T>);

impl<'de, T: Short> Visitor<'de> for OneVisitor<T> {
    type Value = One<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<One<T>, E> {
        Ok(One(T::short(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<One<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(One)
    }
}

struct ManyVisitor<T>(OneVisitor<T>);

impl<'de, T: Short> Visitor<'de> for ManyVisitor<T> {
    type Value = Many<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or a list of them", T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Many<T>, E> {
        self.0.visit_str(text).map(|One(value)| Many(vec![value]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Many<T>, A::Error> {
        self.0.visit_map(map).map(|One(value)| Many(vec![value]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Many<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(One(value)) = list.next_element()? {
            all.push(value);
        }
        Ok(Many(all))
    }
}

/// A text that means a value, such as `250/h`.
pub(crate) fn word<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(Error::custom)).transpose()
}
