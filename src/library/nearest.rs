//! The known word that a misspelt one most likely meant.

/// Similarity below which a suggestion would only confuse.
const CLOSE: f64 = 0.62;

/// Only letters and digits count: `GPT 3` is as good as `gpt-3`.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(80).collect()
}

/// 1 for the same word, 0 for words without likeness.
fn likeness(asked: &str, known: &str) -> f64 {
    if asked.is_empty() || known.is_empty() {
        return 0.0;
    }
    if asked == known {
        return 1.0;
    }
    let (short, long) = if asked.len() < known.len() { (asked, known) } else { (known, asked) };
    let edits = strsim::normalized_damerau_levenshtein(asked, known);
    if short.len() >= 3 && long.contains(short) {
        return edits.max(0.7 + 0.25 * short.len() as f64 / long.len() as f64);
    }
    edits
}

/// Up to `most` of the known words, the likeliest first.
pub fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let asked = plain(asked);
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|word| (likeness(&asked, &plain(word)), word))
        .filter(|(score, _)| *score >= CLOSE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(most).map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const CHIPS: [&str; 4] = ["nvidia-h100-sxm", "nvidia-h200-sxm", "amd-mi300x", "google-tpu-v5p"];

    #[test]
    fn swapped_letters_find_the_word() {
        assert_eq!(nearest("nvidia-h100-smx", CHIPS, 3)[0], "nvidia-h100-sxm");
    }

    #[test]
    fn a_part_of_a_name_finds_the_name() {
        assert_eq!(nearest("MI300", CHIPS, 3), ["amd-mi300x"]);
    }

    #[test]
    fn nonsense_finds_nothing() {
        assert!(nearest("quux", CHIPS, 3).is_empty());
        assert!(nearest("", CHIPS, 3).is_empty());
    }
}
