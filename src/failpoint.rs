//! Failpoints: named places at which a test can stop the program, with a variable such as
//! `SWITCHBOARD_FAILPOINTS="before_commit=abort@3"`.
//!
//! Each entry of the variable is a failpoint's name, an action, and the pass at which the action happens. `abort` ends
//! the process immediately, like `kill -9`; `panic` panics. The default pass is the first. Commas separate entries.
//! Release builds contain no failpoints: the macro is empty and the variable is not read.

/// Marks the failpoint `$name`. Empty in a release build.
macro_rules! failpoint {
    ($name:expr) => {
        #[cfg(debug_assertions)]
        $crate::failpoint::plans::pass($name);
    };
}
pub(crate) use failpoint;

#[cfg(debug_assertions)]
pub(crate) mod plans {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    const VARIABLE: &str = "SWITCHBOARD_FAILPOINTS";

    static PLANS: LazyLock<Vec<FailpointPlan>> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        text.split(',').filter(|plan| !plan.is_empty()).filter_map(FailpointPlan::parse).collect()
    });

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Action {
        Abort,
        Panic,
    }

    #[derive(Debug)]
    struct FailpointPlan {
        name: String,
        action: Action,
        /// The pass at which the action happens, counted from 1.
        at: u64,
        passes: AtomicU64,
    }

    impl FailpointPlan {
        fn parse(text: &str) -> Option<Self> {
            let (name, what) = text.split_once('=')?;
            let (action, at) = what.split_once('@').unwrap_or((what, "1"));
            let action = match action {
                "abort" => Action::Abort,
                "panic" => Action::Panic,
                _ => return None,
            };
            Some(Self { name: name.to_owned(), action, at: at.parse().ok()?, passes: AtomicU64::new(0) })
        }
    }

    /// Counts a pass of the failpoint `name`, and runs the action that is planned for this pass.
    pub(crate) fn pass(name: &str) {
        for plan in PLANS.iter().filter(|plan| plan.name == name) {
            if plan.passes.fetch_add(1, Ordering::Relaxed) + 1 == plan.at {
                match plan.action {
                    Action::Abort => std::process::abort(),
                    Action::Panic => panic!("failpoint {name}"),
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_plan_names_its_action_and_its_pass() {
            let plan = FailpointPlan::parse("before_commit=abort@3").unwrap();
            assert_eq!((plan.name.as_str(), plan.action, plan.at), ("before_commit", Action::Abort, 3));
            assert_eq!(FailpointPlan::parse("x=panic").unwrap().at, 1);
            assert!(FailpointPlan::parse("x").is_none() && FailpointPlan::parse("x=sleep").is_none());
        }
    }
}
