"""Processes that do the work: pools on this machine, Ray and Slurm, and bounds on what one document may take."""
