"""What the ledger says must run, and what it tells about a deployment."""
