"""The graph as Dagster sees it: the op, its checks, partitions, and storages."""
