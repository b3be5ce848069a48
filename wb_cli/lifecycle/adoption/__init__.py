"""Take over the containers that an older tool left running, without moving their data."""
