"""Instruction tuning: the examples file, the chat template, batches, validation."""
