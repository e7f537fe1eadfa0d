"""The state of a training: checkpoints, their storage, trunks, export."""
