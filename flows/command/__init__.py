"""The command shoptalk, one file for each of its commands."""
