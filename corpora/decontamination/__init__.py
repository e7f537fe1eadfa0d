"""What the evals will ask: the protected texts, and which documents contain them."""
