//! `Value`: the values of a statement with their PostgreSQL types, which a statement that is not prepared has to name;
//! `has_nul`.

use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

/// The values of a statement.
pub(super) type Values<'v> = &'v [&'v dyn Value];

/// A value that knows its type in PostgreSQL.
pub(super) trait Value: Sync {
    fn kind(&self) -> Type;

    fn sql(&self) -> &(dyn ToSql + Sync);
}

macro_rules! kinds {
    ($($kind:ident: $($value:ty)|+;)+) => {
        $($(
            impl Value for $value {
                fn kind(&self) -> Type {
                    Type::$kind
                }

                fn sql(&self) -> &(dyn ToSql + Sync) {
                    self
                }
            }
        )+)+
    };
}

kinds! {
    BOOL: bool;
    BOOL_ARRAY: Vec<bool>;
    BYTEA: &[u8] | Vec<u8> | Option<&[u8]>;
    BYTEA_ARRAY: Vec<&[u8]> | Vec<Vec<u8>> | Vec<Option<Vec<u8>>>;
    INT2: i16 | Option<i16>;
    INT2_ARRAY: &[i16] | Vec<i16>;
    INT4_ARRAY: Vec<Option<i32>>;
    INT8: i64 | Option<i64>;
    INT8_ARRAY: Vec<i64> | Vec<Option<i64>>;
    TEXT: &str | Option<&str> | String | Option<String>;
    TEXT_ARRAY: Vec<&str> | Vec<String> | Vec<Option<&str>> | Vec<Option<String>>;
    UUID: Uuid | Option<Uuid>;
    UUID_ARRAY: Vec<Uuid> | Vec<Option<Uuid>>;
}

/// Whether one of these texts has a NUL: no row does, and PostgreSQL refuses it instead of finding nothing.
pub(super) fn has_nul<const N: usize>(texts: [Option<&str>; N]) -> bool {
    texts.into_iter().flatten().any(|text| text.contains('\0'))
}

/// The same as the driver takes them.
pub(super) fn typed<'v>(values: Values<'v>) -> Vec<(&'v (dyn ToSql + Sync), Type)> {
    values.iter().map(|value| (value.sql(), value.kind())).collect()
}

/// The same for a statement that was prepared.
pub(super) fn untyped<'v>(values: Values<'v>) -> Vec<&'v (dyn ToSql + Sync)> {
    values.iter().map(|value| value.sql()).collect()
}
