//! Near names for messages: "unknown flag +Sp; flags with similar names: +SP, +sbt".

/// The best few of `known` for what was typed, nearest first; empty if none is near.
pub fn similar<'a>(typed: &str, known: &[&'a str]) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = known.iter().map(|&k| (distance(typed, k), k)).collect();
    near.retain(|&(d, k)| d <= 1 + k.len().max(typed.len()) / 4);
    near.sort();
    near.into_iter().take(4).map(|(_, k)| k).collect()
}

/// `"; similar: a, b"` or nothing.
pub fn hint(typed: &str, known: &[&str], noun: &str) -> String {
    let near = similar(typed, known);
    if near.is_empty() { String::new() } else { format!("; {noun} with similar names: {}", near.join(", ")) }
}

/// Edits between two words; a change of case alone costs nothing extra beyond one for the whole word.
fn distance(a: &str, b: &str) -> usize {
    if a != b && a.eq_ignore_ascii_case(b) {
        return 1;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_comes_first() {
        // "+P" is two edits away, which is too far for so short a word.
        assert_eq!(similar("+Sp", &["+SP", "+sbt", "+P", "+zdbbl"]), ["+SP"]);
        assert_eq!(similar("+zdbl", &["+zdntgc", "+zdbbl", "+zebbl"]), ["+zdbbl", "+zebbl"]);
        assert!(similar("frobnicate", &["iex", "mix"]).is_empty());
    }
}
