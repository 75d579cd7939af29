//! Tests of the API: lists, counts, reports, errors, limits and the webhook. The product's rules are in `rules/`.

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
