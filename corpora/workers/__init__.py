"""Worker processes: pools on this machine, Ray and Slurm, and limits on what one document may take."""
