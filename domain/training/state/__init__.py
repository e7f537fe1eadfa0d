"""The state of a training: checkpoints, their storage, anchors, export."""
