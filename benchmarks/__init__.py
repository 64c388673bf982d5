"""Programs that measure onepath against a floor or a peer in the same run; each prints one JSON object with --json."""
