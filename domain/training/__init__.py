"""Learning: objectives, the loop, its state."""
