//! Coded values: a code that clients send and a description that people read.
//!
//! On the wire they are `{"value","desc"}` (domain.md 2.3, ALMA-5); in the table, the code.

/// A closed list of codes.
pub trait Coded: Sized + Copy + 'static {
    /// What the list is called in an error message.
    const LIST: &'static str;
    /// Every value, in the order shown to people.
    const ALL: &'static [Self];
    /// The code.
    fn code(self) -> &'static str;
    /// The description in English.
    fn description(self) -> &'static str;
    /// The value that a code stands for; codes compare exactly.
    fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.code() == code)
    }
}

/// Declares an enum, its codes and its descriptions in one list.
#[macro_export]
macro_rules! coded {
    ($(#[$doc:meta])* $name:ident, $list:literal { $($(#[$vdoc:meta])* $variant:ident = $code:literal : $desc:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $code)] $variant),+
        }
        impl $crate::coded::Coded for $name {
            const LIST: &'static str = $list;
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
            fn description(self) -> &'static str {
                match self { $(Self::$variant => $desc),+ }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::coded::Coded::code(*self))
            }
        }
    };
}
