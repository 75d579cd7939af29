//! Prints one conversation: `cargo run -p synthetic --example thread -- [SEED]`.

use rand::{SeedableRng, rngs::StdRng};
use synthetic::{Speaker, customer, thread};

fn main() -> Result<(), std::num::ParseIntError> {
    let seed = std::env::args().nth(1).map_or(Ok(7), |seed| seed.parse())?;
    let mut rng = StdRng::seed_from_u64(seed);
    let customer = customer(&mut rng, seed);
    println!("{} {}", customer.number, customer.name.as_deref().unwrap_or("(no name)"));
    for turn in thread(&mut rng).turns {
        let from = match turn.from {
            Speaker::Customer => "customer",
            Speaker::Team => "team",
        };
        println!("{:>+6} min {from:>8}: {}", turn.after_minutes, turn.body);
    }
    Ok(())
}
