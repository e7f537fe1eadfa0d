"""Plan a training before anything is spent: time, memory, disk."""
