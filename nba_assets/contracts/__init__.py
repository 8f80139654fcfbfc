"""What each table must be: grain, columns, rules. No engine, no orchestration."""
