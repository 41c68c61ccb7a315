//! Reads JSON strictly: a depth cap, and no member twice (B33, B41).
//!
//! Two readers that disagree about which of two equal members counts are how checks are walked around.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text is not the JSON we read; the message names no value, only places and member names.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StrictJsonError(String);

/// Reads one JSON document, at most `max_depth` levels deep.
///
/// # Errors
/// When it is malformed, too deep, or an object has a member twice.
pub fn read(bytes: &[u8], max_depth: usize) -> Result<Value, StrictJsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| StrictJsonError("the text is not UTF-8".to_owned()))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Level { left: max_depth }
        .deserialize(&mut deserializer)
        .map_err(|e| StrictJsonError(e.to_string()))?;
    deserializer.end().map_err(|e| StrictJsonError(e.to_string()))?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Level {
    left: usize,
}

impl Level {
    fn down<E: de::Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left }),
            None => Err(E::custom("nested too deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let level = self.down()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(level)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let level = self.down()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(de::Error::custom(format_args!("member `{shown}` is given twice")));
            }
            let value = members.next_value_seed(level)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Value, &str>) {
        match (read(text.as_bytes(), 4), expected) {
            (Ok(value), Ok(expected)) => assert_eq!(value, expected, "{text}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
            (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn reads_what_is_plain_and_refuses_what_is_ambiguous() {
        check(r#"{"a":[1,-2,0.5,null,true,"x"]}"#, Ok(serde_json::json!({"a":[1,-2,0.5,null,true,"x"]})));
        check(r#"{"a":1,"a":2}"#, Err("`a` is given twice"));
        check(r#"{"a":1,"\u0061":2}"#, Err("`a` is given twice"));
        check(r#"{"b":{"a":1,"a":1}}"#, Err("`a` is given twice"));
        check("[[[[1]]]]", Ok(serde_json::json!([[[[1]]]])));
        check("[[[[[1]]]]]", Err("nested too deep"));
        check(r#"{"a":1} {"a":1}"#, Err("trailing characters"));
        check(r#"{"a":1e999}"#, Err("number out of range"));
        check(r#"{"a":NaN}"#, Err("expected value"));
        check("", Err("EOF"));
        assert!(read(b"\"\xff\"", 4).is_err());
        assert!(read("[".repeat(1_000_000).as_bytes(), 32).is_err());
    }
}
