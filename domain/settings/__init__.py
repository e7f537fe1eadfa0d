"""What recipes state of a training: learning settings and objectives. Imports no torch."""
