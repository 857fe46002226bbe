"""Pages with the place of every sign: engraved, made by rule, degraded, stored."""
