"""Where market data comes from: columns in memory, Parquet history; recorded sessions and live streams later."""
