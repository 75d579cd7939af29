//! What is cached of documents that were sent before.
//!
//! A client sends the same few documents again and again, with other variables. Reading and judging one takes as long
//! as answering a small query, so those used most are kept, by their text. Texts that are sent once do not drive them
//! out.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

/// The room for what is kept, in bytes.
const KEPT_BYTES: u64 = 32 * 1024 * 1024;
/// About how many documents that are.
const KEPT: usize = 500;
/// What a document takes at most: something by itself, and for each byte of its text, as `a a a` is a field every two.
const BYTES_OF_ONE: usize = 1_536;
const BYTES_OF_BYTE: usize = 150;

/// A document's text, and which of its operations is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DocumentKey {
    pub query: String,
    pub operation_name: Option<String>,
}

#[derive(Hash)]
struct DocumentKeyRef<'a> {
    query: &'a str,
    operation_name: Option<&'a str>,
}

impl Equivalent<DocumentKey> for DocumentKeyRef<'_> {
    fn equivalent(&self, key: &DocumentKey) -> bool {
        self.query == key.query && self.operation_name == key.operation_name.as_deref()
    }
}

#[derive(Clone)]
struct ByteWeighter;

impl<T> Weighter<DocumentKey, Arc<T>> for ByteWeighter {
    fn weight(&self, key: &DocumentKey, _: &Arc<T>) -> u64 {
        let text = key.query.len() + key.operation_name.as_ref().map_or(0, String::len);
        (BYTES_OF_ONE + BYTES_OF_BYTE * text) as u64
    }
}

/// What is cached of the documents used most.
pub struct DocumentCache<T>(Cache<DocumentKey, Arc<T>, ByteWeighter>);

impl<T> Default for DocumentCache<T> {
    fn default() -> Self {
        Self(Cache::with_weighter(KEPT, KEPT_BYTES, ByteWeighter))
    }
}

impl<T> DocumentCache<T> {
    /// What is cached of the document, or what `make` finds out; what it refuses is not kept.
    ///
    /// # Errors
    /// Why `make` refuses it.
    pub fn get_or_try_insert_with<E>(
        &self,
        query: &str,
        operation_name: Option<&str>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(cached) = self.0.get(&DocumentKeyRef { query, operation_name }) {
            return Ok(cached);
        }
        let made = Arc::new(make()?);
        let key = DocumentKey { query: query.to_owned(), operation_name: operation_name.map(str::to_owned) };
        self.0.insert(key, made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_judged_again() {
        let cached = DocumentCache::default();
        assert_eq!(cached.get_or_try_insert_with("{ a }", None, || Err("no")), Err::<Arc<u32>, _>("no"));
        assert_eq!(cached.get_or_try_insert_with("{ a }", None, || Ok::<_, &str>(1)), Ok(Arc::new(1)));
        assert_eq!(cached.get_or_try_insert_with("{ a }", None, || Err("no")), Ok(Arc::new(1)));
        assert_eq!(cached.get_or_try_insert_with("{ a }", Some("a"), || Err("no")), Err("no"));
    }

    #[test]
    fn texts_that_are_sent_once_do_not_drive_out_one_that_is_used() {
        let cached: DocumentCache<u32> = DocumentCache::default();
        let used = "{ used }";
        for n in 0..5_000 {
            let text = format!("{{ once(n: {n}) {} }}", "x ".repeat(1_000));
            cached.get_or_try_insert_with(&text, None, || Ok::<_, ()>(n)).expect("learnt");
            cached.get_or_try_insert_with(used, None, || Ok::<_, ()>(n)).expect("learnt");
        }
        assert_eq!(cached.get_or_try_insert_with(used, None, || Err(())), Ok(Arc::new(0)));
        assert!(cached.0.weight() <= KEPT_BYTES);
    }
}
