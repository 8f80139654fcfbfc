"""A folder of Parquet or CSV files."""
