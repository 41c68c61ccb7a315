//! How large an item is by the table's own count, so that one that is too large is named before it is sent.
//!
//! Source: "DynamoDB item sizes and formats" and "Quotas" of the DynamoDB developer guide.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::change::Attributes;

/// The most that one item may have, names and values together.
pub const MAX_ITEM_BYTES: usize = 400 * 1024;
/// The most that the items of one transaction may have together.
pub const MAX_CHANGE_BYTES: usize = 4 * 1024 * 1024;

/// The size of an item.
pub(crate) fn item_bytes(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number_bytes(number),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number_bytes(number)).sum(),
        AttributeValue::Bs(all) => all.iter().map(|bytes| bytes.as_ref().len()).sum(),
        // 3 bytes for the container, 1 for each element.
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        AttributeValue::M(values) => {
            3 + values.iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
        }
        // A truth value or nothing; what a later version of the SDK knows is not written by this one.
        _ => 1,
    }
}

/// About one byte for two significant digits, one more, and one for the sign.
fn number_bytes(number: &str) -> usize {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    digits.div_ceil(2) + 1 + usize::from(number.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn names_values_and_what_holds_them_are_counted() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = HashMap::from([
            ("pk".to_owned(), text("é")),
            ("n".to_owned(), AttributeValue::N("-1234".to_owned())),
            ("l".to_owned(), AttributeValue::L(vec![text("ab"), AttributeValue::Bool(true)])),
            ("m".to_owned(), AttributeValue::M(HashMap::from([("k".to_owned(), text("v"))]))),
        ]);
        assert_eq!(item_bytes(&item), (2 + 2) + (1 + 4) + (1 + 3 + 3 + 2) + (1 + 3 + 3));
    }
}
