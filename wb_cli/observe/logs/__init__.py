"""What the containers of an instance wrote: chosen, merged by time, followed."""
