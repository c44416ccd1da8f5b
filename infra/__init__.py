"""What is deployed: one construct per capability, one stack per stage. It shares only `shared.settings`."""
