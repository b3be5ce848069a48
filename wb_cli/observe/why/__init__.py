"""Say why an instance stands as it does: collect the evidence, then find the cause."""
