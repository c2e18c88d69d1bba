//! Claims on trial: what vendors and the public debate state, against what can be computed.
//!
//! A claim file ([`statement`]) holds facts alone. The [`court`] finds the [`verdict`], the first that applies of seven, by
//! searching what the claim leaves open ([`setup`], [`condition`]) with the model and its uncertainty ([`run`], [`predict`]):
//!
//! 1. *not testable*: outside of what is computed, or nothing is stated that a meter could read;
//! 2. *contradicted*: a shipped measurement of the very systems ([`measured_result`]), the cited data ([`figures`]) or the
//!    claim's own arithmetic ([`formula`]) says otherwise;
//! 3. *impossible*: above the hardware's bound under all that the claim leaves open;
//! 4. *plausible*: inside P10 to P90 as it is said;
//! 5. *conservative*: less than P10 of what is achievable;
//! 6. *only if*: the smallest set of conditions that brings it into the band;
//! 7. *overstated*: under the bound, outside the band, and no admissible choice helps.

pub mod absolute;
mod admissible;
pub mod agreement;
mod arithmetic;
mod asked;
pub mod condition;
pub mod court;
pub mod effect;
pub mod figures;
pub mod formula;
mod ground;
pub mod measured_result;
pub mod part;
pub mod predict;
pub mod reading;
pub mod run;
pub mod setup;
pub mod standing;
pub mod statement;
pub mod terms;
pub mod trial;
pub mod unit;
pub mod verdict;
mod weigh;
mod width;
pub mod wording;

use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::store::{Library, evidence_folder};
use statement::Claim;

/// Every claim that the program carries.
pub fn shipped(library: &Library) -> Result<Vec<Claim>, Fault> {
    let mut claims: Vec<Claim> = Vec::new();
    for source in evidence_folder("claims") {
        for claim in reading::read(library, &source)? {
            if claims.iter().any(|known| known.id == claim.id) {
                let message = format!("two claims are called {}", quoted(&claim.id));
                return Err(Fault::input(Diagnostic::error(message).in_file(source.file()).key("id")));
            }
            claims.push(claim);
        }
    }
    Ok(claims)
}

/// The text of a claim that the program carries: a file to start from.
pub fn text_of(id: &str) -> Option<String> {
    evidence_folder("claims").into_iter().find_map(|source| {
        let text = source.text();
        let own = "\nid";
        text.split("[[claim]]").skip(1).find_map(|table| {
            let line = table.split(own).nth(1)?.lines().next()?;
            let stated = line.trim_start_matches([' ', '=']).trim().trim_matches('"');
            stated.eq_ignore_ascii_case(id).then(|| format!("[[claim]]{}\n", table.trim_end()))
        })
    })
}
