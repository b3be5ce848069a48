"""What serves the instances to the world: nginx, certbot and certificates."""
