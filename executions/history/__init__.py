"""Past runs: lists, statistics, partitions and retention."""
