"""What a work folder remembers of all texts' splits, so that what is held out is held out for ever."""
