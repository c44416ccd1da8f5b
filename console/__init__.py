"""What operators use: the `vaxline` command (and, later, the web console)."""
