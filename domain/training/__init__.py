"""Training: objectives, the training loop, checkpoints."""
