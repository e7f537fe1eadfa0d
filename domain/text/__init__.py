"""Functions on strings: words, n-grams, near-duplicate signatures, harm, privacy. No engine."""
