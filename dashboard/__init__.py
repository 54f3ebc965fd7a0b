"""What the analyst sees. Reads published snapshots, nothing else."""
