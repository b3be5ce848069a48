"""One Docker Engine, through the Docker SDK. No other package imports the SDK."""
