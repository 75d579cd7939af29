//! Tests of the API other than the product's rules: lists, counts, errors, limits and the webhook.

mod agents_dropdown;
mod audit;
mod bad_input;
mod counts;
mod denied;
mod duplicates;
mod fast_object;
mod limits;
mod managers;
mod nodes;
mod plans;
mod queue_health;
mod rebalance;
mod repeated;
mod search;
mod statements;
mod violations;
mod webhook;
mod workloads;
