//! What the guard admits and refuses, and that the executor is safe behind it.

mod executor;
mod hostile;
mod limits;
mod properties;
mod verdicts;

use super::{CheckedDocument, DocumentError, DocumentLimits, Limit, check_document};

/// What a worker thread of tokio has unless it is told otherwise.
const WORKER_STACK: usize = 2 * 1024 * 1024;

/// Far less than a worker has, and still enough for whatever is admitted.
const SMALL_STACK: usize = 512 * 1024;

/// Runs `work` on a thread of so little stack that recursion over the document
/// would kill the process.
fn on_stack<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(bytes).spawn(work).unwrap().join().unwrap()
}

fn judge(query: &str) -> Result<CheckedDocument, DocumentError> {
    check_document(&DocumentLimits::default(), query, None)
}

#[track_caller]
fn assert_exceeds(result: Result<CheckedDocument, DocumentError>, expected: Limit) {
    let refusal = result.expect_err("the document was admitted");
    assert_eq!(refusal.code(), "LIMIT_EXCEEDED");
    match refusal {
        DocumentError::Exceeded { what, .. } => assert_eq!(what, expected),
        other => panic!("{other:?} is not about {expected:?}"),
    }
}

#[track_caller]
fn assert_code(result: Result<CheckedDocument, DocumentError>, code: &str) -> DocumentError {
    let refusal = result.expect_err("the document was admitted");
    assert_eq!(refusal.code(), code, "{refusal:?}");
    refusal
}

/// Introspection as graphql-js writes it with every option on, `ofType` nine
/// deep; GraphiQL sends the same.
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
