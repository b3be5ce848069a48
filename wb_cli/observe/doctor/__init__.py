"""wb doctor: gather facts (look), judge them (checks), report what should be mended (finding)."""
