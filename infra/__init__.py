"""The deployed stack: one construct per capability, one stack per stage. It shares only `shared.settings`."""
