"""What the operator wants: instances, settings, secrets."""
