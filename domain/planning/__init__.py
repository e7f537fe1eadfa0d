"""Plan a training before it runs: time, memory, disk."""
