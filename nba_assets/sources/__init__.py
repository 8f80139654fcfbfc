"""Where box scores come from. A source knows nothing of storage or orchestration."""
