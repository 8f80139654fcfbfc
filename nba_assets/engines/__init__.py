"""What runs GoogleSQL and keeps tables: the port, its dialect, its implementations."""
