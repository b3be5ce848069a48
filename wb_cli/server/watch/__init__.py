"""What the server watches about itself: where answers came from, how fast, how late the loop is."""
