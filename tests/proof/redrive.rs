//! Five thousand dead letters, of which two thousand are redriven and interrupted twice.

use crate::support::redrive::{Mix, show};

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_of_five_thousand_dead_letters_are_redriven_each_once_through_two_interrupts() {
    show(Mix { mended: 1_900, refused: 100, malformed: 3_000 }, "200/s").await;
}
