//! Tests which documents the guard accepts, and that the executor executes all accepted documents safely.

mod compact;
mod executor;
mod hostile;
mod limits;
mod properties;
mod results;

use super::{CheckedDocument, DocumentError, DocumentLimits, Limit, check_document};

/// The default stack size of a tokio worker thread.
const WORKER_STACK: usize = 2 * 1024 * 1024;

/// Much less than a worker's stack, and still enough for every document that the guard accepts.
const SMALL_STACK: usize = 512 * 1024;

/// Runs `work` on a thread with a stack of this size. On a small stack, recursion
/// over the document would overflow and abort the process.
fn on_stack<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(bytes).spawn(work).unwrap().join().unwrap()
}

fn check(query: &str) -> Result<CheckedDocument, DocumentError> {
    check_document(&DocumentLimits::default(), query, None)
}

#[track_caller]
fn assert_exceeds(result: Result<CheckedDocument, DocumentError>, expected: Limit) {
    let refusal = result.expect_err("the document was accepted");
    assert_eq!(refusal.code(), "LIMIT_EXCEEDED");
    match refusal {
        DocumentError::Exceeded { what, .. } => assert_eq!(what, expected),
        other => panic!("expected {expected:?} to be exceeded, got {other:?}"),
    }
}

#[track_caller]
fn assert_code(result: Result<CheckedDocument, DocumentError>, code: &str) -> DocumentError {
    let refusal = result.expect_err("the document was accepted");
    assert_eq!(refusal.code(), code, "{refusal:?}");
    refusal
}

/// The introspection query of graphql-js with every option on and `ofType`
/// nested nine times. GraphiQL sends the same.
const INTROSPECTION: &str = r"
query IntrospectionQuery {
  __schema {
    description
    queryType { name kind }
    mutationType { name kind }
    subscriptionType { name kind }
    types { ...FullType }
    directives {
      name
      description
      isRepeatable
      locations
      args(includeDeprecated: true) { ...InputValue }
    }
  }
}
fragment FullType on __Type {
  kind
  name
  description
  specifiedByURL
  isOneOf
  fields(includeDeprecated: true) {
    name
    description
    args(includeDeprecated: true) { ...InputValue }
    type { ...TypeRef }
    isDeprecated
    deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name
  description
  type { ...TypeRef }
  defaultValue
  isDeprecated
  deprecationReason
}
fragment TypeRef on __Type {
  kind name ofType {
    kind name ofType {
      kind name ofType {
        kind name ofType {
          kind name ofType {
            kind name ofType {
              kind name ofType {
                kind name ofType {
                  kind name ofType { kind name }
                }
              }
            }
          }
        }
      }
    }
  }
}
";
