//! A cache of checked GraphQL documents.
//!
//! A client sends the same few documents many times, with different variables. Parsing and validating a document takes
//! as long as executing a small query, so the documents that are used most are cached by their text. Documents that are
//! sent only once do not evict them.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

/// The size of the cache, in bytes.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The estimated number of entries.
const ESTIMATED_ENTRIES: usize = 500;
/// The largest fixed size of an entry, in bytes.
const BYTES_PER_ENTRY: usize = 1_536;
/// The largest size of an entry per byte of its text, in bytes. A document such as `a a a` has one field per two bytes.
const BYTES_PER_TEXT_BYTE: usize = 150;

/// A document's text, and the name of the operation to execute.
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
        (BYTES_PER_ENTRY + BYTES_PER_TEXT_BYTE * text) as u64
    }
}

/// A cache of a value per document, bounded by size.
pub struct DocumentCache<T>(Cache<DocumentKey, Arc<T>, ByteWeighter>);

impl<T> Default for DocumentCache<T> {
    fn default() -> Self {
        Self(Cache::with_weighter(ESTIMATED_ENTRIES, MAX_BYTES, ByteWeighter))
    }
}

impl<T> DocumentCache<T> {
    /// The cached value of the document. Calls `make` and caches its result if the document is not cached. Errors are
    /// not cached.
    ///
    /// # Errors
    /// When `make` fails.
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
    fn errors_are_not_cached() {
        let cached = DocumentCache::default();
        assert_eq!(cached.get_or_try_insert_with("{ a }", None, || Err("no")), Err::<Arc<u32>, _>("no"));
        assert_eq!(cached.get_or_try_insert_with("{ a }", None, || Ok::<_, &str>(1)), Ok(Arc::new(1)));
        assert_eq!(cached.get_or_try_insert_with("{ a }", None, || Err("no")), Ok(Arc::new(1)));
        assert_eq!(cached.get_or_try_insert_with("{ a }", Some("a"), || Err("no")), Err("no"));
    }

    #[test]
    fn documents_that_are_sent_once_do_not_evict_one_that_is_used() {
        let cached: DocumentCache<u32> = DocumentCache::default();
        let used = "{ used }";
        for n in 0..5_000 {
            let text = format!("{{ once(n: {n}) {} }}", "x ".repeat(1_000));
            cached.get_or_try_insert_with(&text, None, || Ok::<_, ()>(n)).expect("cached");
            cached.get_or_try_insert_with(used, None, || Ok::<_, ()>(n)).expect("cached");
        }
        assert_eq!(cached.get_or_try_insert_with(used, None, || Err(())), Ok(Arc::new(0)));
        assert!(cached.0.weight() <= MAX_BYTES);
    }
}
