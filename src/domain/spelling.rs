//! The names of enum values in the database and on the command line.

use std::fmt;

/// Implements `as_str`, `Display`, `FromStr` and the list `ALL` for an enum.
macro_rules! spelled {
    ($name:ident { $($value:ident = $text:literal),+ $(,)? }) => {
        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The value's name in the database and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::spelling::UnknownSpelling;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$value),)+
                    _ => Err($crate::domain::spelling::UnknownSpelling),
                }
            }
        }
    };
}
pub(crate) use spelled;

/// The text is not the name of a value of the enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSpelling;

impl fmt::Display for UnknownSpelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of the known values")
    }
}

impl std::error::Error for UnknownSpelling {}
