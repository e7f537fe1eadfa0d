"""Verdicts on pilots: the tokenizer, the mixture and rate, the law behind them."""
