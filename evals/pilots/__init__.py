"""Pilots: the choice of mixture and learning rate, its scaling law, and the verdict on an extended tokenizer."""
